//! A small generator.

/// `SplitMix64`: good enough for permutation tests and simulations, and a few lines long.
///
/// # Stability
///
/// The numbers for a given seed never change: reported p-values depend on them.
///
/// # Source
///
/// Steele, Lea & Flood (2014), *Fast splittable pseudorandom number generators*, OOPSLA;
/// constants as in Vigna's `splitmix64.c` and Java's `SplittableRandom`.
#[derive(Clone, Debug)]
pub struct SplitMix64 {
    state: u64,
}

impl SplitMix64 {
    /// A generator that gives the same numbers for the same seed. Any seed is as good as another.
    pub const fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// The next 64 bits.
    pub const fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number from 0 to under 1, a multiple of 2⁻⁵³.
    pub const fn next_unit(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 * (0.5 / (1_u64 << 52) as f64)
    }

    /// A whole number from 0 to under `bound`, each as likely; 0 for a bound of 0.
    ///
    /// Draws under a mask of bits are repeated until one is in range, so none is favoured.
    pub const fn below(&mut self, bound: u64) -> u64 {
        if bound < 2 {
            return 0;
        }
        let shift = (bound - 1).leading_zeros();
        loop {
            let drawn = self.next_u64() >> shift;
            if drawn < bound {
                return drawn;
            }
        }
    }

    /// Puts `items` in random order, every order as likely.
    ///
    /// # Source
    ///
    /// Durstenfeld (1964), *Communications of the ACM* 7(7), 420 (Fisher–Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let drawn = self.below(last as u64 + 1);
            let other = usize::try_from(drawn).unwrap_or(last);
            items.swap(last, other);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn value_stability_as_the_reference() {
        // Vigna's splitmix64.c with x = 1234567.
        let mut random = SplitMix64::new(1_234_567);
        let drawn = [(); 5].map(|()| random.next_u64());
        let expected = [
            6_457_827_717_110_365_317,
            3_203_168_211_198_807_973,
            9_817_491_932_198_370_423,
            4_593_380_528_125_082_431,
            16_408_922_859_458_223_821,
        ];
        assert_eq!(drawn, expected);
    }

    #[test]
    fn units_are_under_1() {
        let mut random = SplitMix64::new(1);
        let units: Vec<f64> = (0..10_000).map(|_| random.next_unit()).collect();
        assert!(units.iter().all(|unit| (0.0..1.0).contains(unit)));
        let mean = units.iter().sum::<f64>() / 10_000.0;
        // Four standard errors of √(1/12/10,000).
        assert!((mean - 0.5).abs() < 4.0 * 0.002_887, "{mean}");
    }

    #[test]
    fn every_order_is_as_likely() {
        let mut random = SplitMix64::new(7);
        let mut counts = [0_u32; 27];
        for _ in 0..6000 {
            let mut items = [0, 1, 2];
            random.shuffle(&mut items);
            counts[items[0] * 9 + items[1] * 3 + items[2]] += 1;
        }
        let seen: Vec<u32> = counts.into_iter().filter(|count| *count > 0).collect();
        assert_eq!(seen.len(), 6);
        // Five standard deviations of a binomial with 6000 draws and p = 1/6.
        assert!(
            seen.iter().all(|count| count.abs_diff(1000) < 145),
            "{seen:?}"
        );
    }

    #[test]
    fn no_bound_is_no_draw() {
        let mut random = SplitMix64::new(3);
        assert_eq!((random.below(0), random.below(1)), (0, 0));
        random.shuffle::<u8>(&mut []);
        assert_eq!(random.next_u64(), SplitMix64::new(3).next_u64());
    }
}
