//! `pandas.DataFrame.sample(frac=1.0, random_state=seed)`.

use rand_mt::Mt;

/// The order in which pandas samples all of `len` rows under `seed`.
///
/// # Source
///
/// pandas 3.1: `DataFrame.sample` calls `RandomState(seed).choice` without
/// replacement, which is `RandomState.permutation` in NumPy's
/// `numpy/random/mtrand.pyx`: MT19937 seeded with one word (`mt19937_seed` in
/// `src/mt19937/mt19937.c`), one 32-bit output for each draw.
pub(super) fn permutation(seed: u32, len: u32) -> Vec<u32> {
    let mut mt = Mt::new(seed);
    super::permutation::permutation(len, || mt.next_u32())
}
