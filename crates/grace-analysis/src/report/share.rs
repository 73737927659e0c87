//! How often an answer is given.

use grace_stats::describe::{mean, wilson_interval};
use grace_stats::law::Confidence;

/// How often one answer was given under one condition.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Share {
    pub(super) given: u64,
    pub(super) total: u64,
    pub(super) value: f64,
    pub(super) low: f64,
    pub(super) high: f64,
}

impl Share {
    /// The share over all replications; of each, how often the answer was given, and how many answers there are.
    ///
    /// The interval is the wider one of Wilson's over all answers, which is too narrow where replications differ, and
    /// Student's over the shares of the replications, which is too narrow where these are equal by chance. `None`
    /// without any answer.
    pub(super) fn of(replications: &[(u64, u64)]) -> Option<Self> {
        let given: u64 = replications.iter().map(|(given, _)| given).sum();
        let total: u64 = replications.iter().map(|(_, total)| total).sum();
        let counts = (usize::try_from(given).ok()?, usize::try_from(total).ok()?);
        let wilson = wilson_interval(counts.0, counts.1, Confidence::P95).ok()?;
        let shares: Vec<f64> = replications
            .iter()
            .filter(|(_, total)| *total > 0)
            .map(|(given, total)| *given as f64 / *total as f64)
            .collect();
        let student = mean(&shares, Confidence::P95).ok().flatten();
        let student = student.and_then(|mean| mean.interval).unwrap_or(wilson);
        Some(Self {
            given,
            total,
            value: given as f64 / total as f64,
            low: wilson.lower.min(student.lower).max(0.0),
            high: wilson.upper.max(student.upper).min(1.0),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replications_that_differ_widen_the_interval() {
        let alike = Share::of(&[(25, 50), (25, 50), (25, 50)]).unwrap();
        let apart = Share::of(&[(5, 50), (25, 50), (45, 50)]).unwrap();
        assert_eq!((alike.value, apart.value), (0.5, 0.5));
        // Wilson's for 75 of 150.
        assert!((alike.low - 0.421).abs() < 1e-3 && (alike.high - 0.579).abs() < 1e-3);
        assert_eq!((apart.low, apart.high), (0.0, 1.0));
    }

    #[test]
    fn an_answer_that_is_never_given_has_an_interval() {
        let never = Share::of(&[(0, 50), (0, 50)]).unwrap();
        assert!(never.low == 0.0 && never.high > 0.03);
        assert_eq!(Share::of(&[(0, 0)]), None);
    }
}
