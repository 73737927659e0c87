//! NumPy's shuffle of `0..len`, over any source of 32-bit draws.

/// How many draws are made before their swaps: enough to keep the two loops
/// apart, few enough to stay in the first-level cache.
const BLOCK: u32 = 512;

/// Shuffles `0..len` as NumPy does, with draws from `next_u32`.
///
/// Draws may be taken beyond the last one needed; the source is not to be used
/// afterwards.
///
/// # Source
///
/// NumPy 2.4: `Generator.shuffle` in `numpy/random/_generator.pyx` and
/// `RandomState.shuffle` in `mtrand.pyx`, which walk down from the last
/// position and swap each with one at or below it, drawn by `random_interval`
/// in `src/distributions/distributions.c`.
pub(super) fn permutation(len: u32, mut next_u32: impl FnMut() -> u32) -> Vec<u32> {
    let mut order: Vec<u32> = (0..len).collect();
    let mut partners = [0; BLOCK as usize];
    let mut last = len.saturating_sub(1);
    while last > 0 {
        let mask = u32::MAX >> last.leading_zeros();
        // A block ends where the mask changes.
        let positions = (last - (mask >> 1)).min(BLOCK);
        let partners = &mut partners[..positions as usize];
        draw_partners(partners, last, mask, &mut next_u32);
        for &partner in &*partners {
            order.swap(last as usize, partner as usize);
            last -= 1;
        }
    }
    order
}

/// Fills `partners` for the positions `last`, `last - 1` and so on: NumPy's
/// `random_interval`, a masked draw repeated while it is over the position.
fn draw_partners(partners: &mut [u32], last: u32, mask: u32, next_u32: &mut impl FnMut() -> u32) {
    let mut drawn = 0;
    while let Some(partner) = partners.get_mut(drawn as usize) {
        *partner = next_u32() & mask;
        // Counting instead of branching: whether a draw is kept is a coin toss
        // that no processor predicts, and a branch on it takes twice as long.
        drawn += u32::from(*partner <= last - drawn);
    }
}
