//! How much deterministic values differ although they should not.

use std::collections::BTreeMap;

use serde::Serialize;

use super::cell::Cell;

/// The numerical noise floor: how much the values of one trial differ between replications.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Noise {
    /// Trials with values in two replications or more.
    pub trials: u64,
    /// The largest difference between two replications in any trial, in units of the measure.
    pub largest: f64,
    /// The standard deviation between replications within trials, pooled: the root of the mean of their variances
    /// (divisor *k* − 1), in units of the measure.
    pub sd: f64,
}

impl Noise {
    /// The noise of a cell; `None` if no trial is known to be in two replications.
    pub fn of(cell: &Cell) -> Option<Self> {
        let mut trials: BTreeMap<u32, Vec<f64>> = BTreeMap::new();
        for value in &cell.values {
            if let (Some(trial), Some(value)) = (value.trial, value.value) {
                trials.entry(trial).or_default().push(value);
            }
        }
        trials.retain(|_, values| values.len() > 1);
        if trials.is_empty() {
            return None;
        }
        let (mut largest, mut squares, mut freedom) = (0.0_f64, 0.0, 0.0);
        for values in trials.values() {
            let first = values[0];
            let shifted = || values.iter().map(|value| value - first);
            let mean = shifted().sum::<f64>() / values.len() as f64;
            squares += shifted().map(|value| (value - mean).powi(2)).sum::<f64>();
            freedom += values.len() as f64 - 1.0;
            let most = shifted().fold(f64::NEG_INFINITY, f64::max);
            let least = shifted().fold(f64::INFINITY, f64::min);
            largest = largest.max(most - least);
        }
        Some(Self {
            trials: trials.len() as u64,
            largest,
            sd: (squares / freedom).sqrt(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::icc::Value;

    fn cell(values: &[(u32, u32, f64)]) -> Cell {
        let value = |(replication, trial, value): &(u32, u32, f64)| {
            Value::new(*replication, Some(*trial), Some(*value))
        };
        Cell::new(Vec::new(), "p", values.iter().map(value).collect())
    }

    #[test]
    fn equal_scores_have_no_noise_however_trials_differ() {
        let noise =
            Noise::of(&cell(&[(0, 0, 0.1), (1, 0, 0.1), (0, 1, 0.9), (1, 1, 0.9)])).unwrap();
        assert_eq!(
            (noise.trials, noise.largest.to_bits(), noise.sd.to_bits()),
            (2, 0, 0)
        );
    }

    #[test]
    fn noise_is_what_lies_within_trials() {
        let noise =
            Noise::of(&cell(&[(0, 0, 1.0), (1, 0, 3.0), (0, 1, 5.0), (1, 1, 5.0)])).unwrap();
        assert!((noise.largest - 2.0).abs() < 1e-15);
        assert!((noise.sd - 1.0).abs() < 1e-15);
    }

    #[test]
    fn one_replication_tells_nothing() {
        assert_eq!(Noise::of(&cell(&[(0, 0, 1.0), (0, 1, 1.0)])), None);
    }
}
