//! What the estimators need to know of the values.

use super::{Groups, NotEstimable};
use crate::units::power_of_two;

/// Sizes, means and sums of squares, in units that lose no digits: the first value is subtracted
/// (means near 1e9 with a spread of 0.01 keep their digits), and the rest is divided by a power of
/// two (squares of 1e-200 or 1e200 stay in range).
#[derive(Clone, Debug)]
pub(super) struct Summary {
    /// Values in each group.
    pub(super) sizes: Vec<usize>,
    /// Mean of each group, shifted and scaled.
    pub(super) means: Vec<f64>,
    /// Sum of squares within groups, scaled.
    pub(super) ss_within: f64,
    /// Sum of squares between groups, scaled.
    pub(super) ss_between: f64,
    /// What was subtracted.
    pub(super) shift: f64,
    /// What was divided by.
    pub(super) scale: f64,
}

impl Summary {
    /// The number of values.
    pub(super) fn total(&self) -> usize {
        self.sizes.iter().sum()
    }

    /// Pairs of size and scaled mean.
    pub(super) fn groups(&self) -> impl Iterator<Item = (f64, f64)> {
        let sizes = self.sizes.iter().map(|size| *size as f64);
        sizes.zip(self.means.iter().copied())
    }

    /// A scaled square in squared units of the values.
    pub(super) fn unscaled_square(&self, square: f64) -> f64 {
        square * self.scale * self.scale
    }
}

/// What groups are, with as much as the estimators need of it.
#[derive(Clone, Debug)]
pub(super) enum Summarised {
    NotEstimable(NotEstimable),
    /// All values are this one.
    Constant(f64),
    /// Values vary between groups only.
    Perfect(Summary),
    /// Values vary within groups.
    Varying(Summary),
}

/// Equality is asked of the values themselves: ten times 0.1 has a mean that is not 0.1.
pub(super) fn summarise(groups: &Groups) -> Summarised {
    let firsts: Vec<f64> = groups.values().map(|group| group[0]).collect();
    let constant = |group: &[f64]| group.iter().all(|value| *value == group[0]);
    if firsts.is_empty() {
        Summarised::NotEstimable(NotEstimable::NoData)
    } else if firsts.len() < 2 {
        Summarised::NotEstimable(NotEstimable::OneGroup)
    } else if groups.total() == groups.count() {
        Summarised::NotEstimable(NotEstimable::NoWithinDf)
    } else if !groups.values().all(constant) {
        Summarised::Varying(summary(groups, firsts[0]))
    } else if constant(&firsts) {
        Summarised::Constant(firsts[0])
    } else {
        Summarised::Perfect(summary(groups, firsts[0]))
    }
}

/// The groups are not empty and not all values are equal.
fn summary(groups: &Groups, shift: f64) -> Summary {
    let scale = scale(groups, shift);
    let mut sizes = Vec::new();
    let mut means = Vec::new();
    let mut ss_within = 0.0;
    for group in groups.values() {
        let scaled = || group.iter().map(|value| (value - shift) / scale);
        // About the group's own first value, so that equal values have exactly that mean.
        let first = (group[0] - shift) / scale;
        let mean = first + scaled().map(|value| value - first).sum::<f64>() / group.len() as f64;
        ss_within += scaled().map(|value| (value - mean).powi(2)).sum::<f64>();
        sizes.push(group.len());
        means.push(mean);
    }
    let mut summary = Summary {
        sizes,
        means,
        ss_within,
        ss_between: 0.0,
        shift,
        scale,
    };
    let total = summary.total() as f64;
    let mean = summary.groups().map(|(n, mean)| n * mean).sum::<f64>() / total;
    summary.ss_between = summary
        .groups()
        .map(|(n, group)| n * (group - mean).powi(2))
        .sum();
    summary
}

/// The power of two at or below the largest distance from `shift`.
fn scale(groups: &Groups, shift: f64) -> f64 {
    let values = groups.values().flatten();
    let largest = values.fold(0.0, |largest: f64, value| {
        largest.max((value - shift).abs())
    });
    power_of_two(largest)
}
