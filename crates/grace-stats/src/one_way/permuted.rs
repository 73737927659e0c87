//! A test that assumes no distribution.

use super::Groups;
use super::summary::{Summarised, summarise};
use crate::random::{PermutationTest, SplitMix64};

/// Tests whether replications differ by exchanging values between them, `rounds` times.
///
/// Where values are few and coarse (yes or no, 0 to 3) or mostly the same, the p-value of F is an
/// approximation and this one is not. Rounds are ordered by the sum of squares between
/// replications, which for the same values is the order of F. `None` unless values differ and two
/// replications have some.
///
/// # Examples
///
/// ```
/// use grace_stats::one_way::{Groups, permutation_test};
/// use grace_stats::random::SplitMix64;
///
/// let rows = (0..40).map(|trial| (trial % 4, Some(f64::from(trial % 4))));
/// let test = permutation_test(&Groups::from_rows(rows)?, 999, &mut SplitMix64::new(7));
/// assert_eq!(test.map(|test| test.p()), Some(0.001));
/// # Ok::<(), grace_stats::ValueError>(())
/// ```
///
/// # Source
///
/// Pitman (1938), *Biometrika* 29(3/4), 322–335.
pub fn permutation_test(
    groups: &Groups,
    rounds: u32,
    random: &mut SplitMix64,
) -> Option<PermutationTest> {
    let (Summarised::Varying(summary) | Summarised::Perfect(summary)) = summarise(groups) else {
        return None;
    };
    let scaled = |value: &f64| (value - summary.shift) / summary.scale;
    let values: Vec<f64> = groups.values().flatten().map(scaled).collect();
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let centred: Vec<f64> = values.iter().map(|value| value - mean).collect();
    let between = |values: &[f64]| {
        let mut rest = values;
        let mut sum = 0.0;
        for size in &summary.sizes {
            let (group, others) = rest.split_at(*size);
            sum += group.iter().sum::<f64>().powi(2) / *size as f64;
            rest = others;
        }
        sum
    };
    let permute = |values: &mut [f64], random: &mut SplitMix64| random.shuffle(values);
    Some(PermutationTest::run(
        &centred, rounds, random, permute, between,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_vary_is_not_tested() {
        let test = |rows: &[(u32, f64)]| {
            let rows = rows.iter().map(|(label, value)| (*label, Some(*value)));
            let groups = Groups::from_rows(rows).unwrap();
            permutation_test(&groups, 9, &mut SplitMix64::new(1))
        };
        assert_eq!(test(&[]), None);
        assert_eq!(test(&[(0, 1.0), (0, 2.0)]), None);
        assert_eq!(test(&[(0, 1.0), (1, 1.0), (1, 1.0)]), None);
        assert!(test(&[(0, 1.0), (1, 2.0), (1, 2.0)]).is_some());
    }
}
