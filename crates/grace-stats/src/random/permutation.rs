//! Permutation tests.

use super::SplitMix64;

/// How often a statistic was as large under random permutations as it was observed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PermutationTest {
    /// Permutations that were made.
    pub rounds: u32,
    /// Those whose statistic was at least the observed one.
    pub at_least: u32,
}

impl PermutationTest {
    /// Compares `statistic` of `items` as they are with that of `rounds` permutations.
    ///
    /// `permute` says what may be exchanged if nothing is going on, for instance by
    /// [`SplitMix64::shuffle`] of parts of the items. Statistics that differ by less than a share
    /// of 1e-12 count as equal, so that the order of a sum does not decide.
    pub fn run<T: Clone>(
        items: &[T],
        rounds: u32,
        random: &mut SplitMix64,
        permute: impl Fn(&mut [T], &mut SplitMix64),
        statistic: impl Fn(&[T]) -> f64,
    ) -> Self {
        let observed = statistic(items);
        let least = observed - 1e-12 * observed.abs();
        let mut permuted = items.to_vec();
        let mut at_least = 0;
        for _ in 0..rounds {
            permute(&mut permuted, random);
            at_least += u32::from(statistic(&permuted) >= least);
        }
        Self { rounds, at_least }
    }

    /// The p-value, `(at_least + 1) / (rounds + 1)`: never 0, as the observed order is one of the
    /// permutations.
    ///
    /// # Source
    ///
    /// Phipson & Smyth (2010), *Statistical Applications in Genetics and Molecular Biology* 9(1),
    /// article 39.
    pub fn p(&self) -> f64 {
        (f64::from(self.at_least) + 1.0) / (f64::from(self.rounds) + 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The mean of the second half less that of the first.
    fn rise(items: &[f64]) -> f64 {
        let (first, second) = items.split_at(items.len() / 2);
        second.iter().sum::<f64>() - first.iter().sum::<f64>()
    }

    fn p(items: &[f64]) -> f64 {
        let mut random = SplitMix64::new(11);
        PermutationTest::run(items, 999, &mut random, |items, r| r.shuffle(items), rise).p()
    }

    #[test]
    fn what_no_permutation_beats_has_a_small_p() {
        let sorted: Vec<f64> = (0..20).map(f64::from).collect();
        assert_eq!(p(&sorted), 0.001);
    }

    #[test]
    fn what_every_permutation_equals_has_a_p_of_1() {
        assert_eq!(p(&[0.1; 20]), 1.0);
    }
}
