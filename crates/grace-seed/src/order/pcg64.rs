//! `numpy.random.default_rng(seed).permutation(n)`.

use rand_pcg::Pcg64;
use rand_pcg::rand_core::Rng as _;

/// NumPy's permutation of `0..len` under `entropy`, the seed of `default_rng`.
///
/// # Source
///
/// NumPy 2.4: `default_rng` makes a `SeedSequence`, which seeds `PCG64`
/// (`pcg64_set_seed` in `numpy/random/src/pcg64/pcg64.c`); `pcg64_next32` in
/// `pcg64.h` hands out the low half of a 64-bit word first, then the high half.
pub(super) fn permutation(entropy: u128, len: u32) -> Vec<u32> {
    let mut pcg = seeded(entropy);
    let mut high_half = None;
    super::permutation::permutation(len, || {
        high_half.take().unwrap_or_else(|| {
            let word = pcg.next_u64();
            high_half = Some((word >> 32) as u32);
            (word & 0xffff_ffff) as u32
        })
    })
}

/// NumPy's `PCG64(entropy)`.
///
/// `rand_pcg` starts a generator from state and stream as `pcg64_srandom_r` in
/// `src/pcg64/pcg64.h` does.
pub(super) fn seeded(entropy: u128) -> Pcg64 {
    let words = generate_state(entropy_pool(entropy));
    let [state, stream] =
        [[0, 1], [2, 3]].map(|[high, low]| u128::from(words[high]) << 64 | u128::from(words[low]));
    Pcg64::new(state, stream)
}

/// `SeedSequence(entropy).pool`.
///
/// # Source
///
/// `SeedSequence.mix_entropy`, `hashmix` and `mix` in
/// `numpy/random/bit_generator.pyx`. Entropy of up to 128 bits fills the pool
/// of four words, so the loop over further words is left out; missing words
/// count as zero there too.
pub(super) fn entropy_pool(entropy: u128) -> [u32; 4] {
    let mut hashmix = Hashmix::new(0x43b0_d7e5, 0x931e_8875);
    let mut pool = [0, 32, 64, 96].map(|bit| {
        let word = (entropy >> bit) & 0xffff_ffff;
        hashmix.next(word as u32)
    });
    for source in 0..pool.len() {
        for target in 0..pool.len() {
            if source != target {
                pool[target] = mix(pool[target], hashmix.next(pool[source]));
            }
        }
    }
    pool
}

/// `SeedSequence.generate_state(4, numpy.uint64)` for a pool.
///
/// NumPy makes 32-bit words, cycling through the pool, and pairs them with the
/// low word first.
pub(super) fn generate_state(pool: [u32; 4]) -> [u64; 4] {
    let mut hashmix = Hashmix::new(0x8b51_f9dd, 0x58f3_8ded);
    let mut halves = pool
        .into_iter()
        .cycle()
        .map(|word| u64::from(hashmix.next(word)));
    std::array::from_fn(|_| {
        let low = halves.next().expect("a cycle never ends");
        let high = halves.next().expect("a cycle never ends");
        high << 32 | low
    })
}

fn mix(x: u32, y: u32) -> u32 {
    let mixed = x
        .wrapping_mul(0xca01_f9dd)
        .wrapping_sub(y.wrapping_mul(0x4973_f715));
    mixed ^ mixed >> 16
}

/// The hash that `SeedSequence` runs over its words; its constant moves on with
/// each word.
struct Hashmix {
    constant: u32,
    multiplier: u32,
}

impl Hashmix {
    const fn new(constant: u32, multiplier: u32) -> Self {
        Self {
            constant,
            multiplier,
        }
    }

    fn next(&mut self, word: u32) -> u32 {
        let word = word ^ self.constant;
        self.constant = self.constant.wrapping_mul(self.multiplier);
        let word = word.wrapping_mul(self.constant);
        word ^ word >> 16
    }
}
