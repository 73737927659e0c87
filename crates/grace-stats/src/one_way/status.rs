//! Whether a condition has an ICC at all.

use std::fmt;

/// Why there is nothing to estimate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum NotEstimable {
    /// No value is left.
    NoData,
    /// Fewer than two replications have values.
    OneGroup,
    /// No replication has more than one value, so nothing is known about the variance within.
    NoWithinDf,
}

/// What kind of answer there is; the first that applies, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Status {
    /// There is nothing to estimate.
    NotEstimable(NotEstimable),
    /// All values are equal: the ratio of variances is 0 of 0.
    NoVariance,
    /// Values are equal within each replication, and differ between them: the ICC is 1.
    NoWithinVariance,
    /// There is an estimate.
    Ok,
}

impl Status {
    /// The name in tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotEstimable(NotEstimable::NoData) => "not_estimable_no_data",
            Self::NotEstimable(NotEstimable::OneGroup) => "not_estimable_one_group",
            Self::NotEstimable(NotEstimable::NoWithinDf) => "not_estimable_no_within_df",
            Self::NoVariance => "undefined_no_variance",
            Self::NoWithinVariance => "perfect_no_within_variance",
            Self::Ok => "ok",
        }
    }

    /// Whether the ICC is a number: `ok` or perfect.
    pub const fn is_estimable(self) -> bool {
        matches!(self, Self::Ok | Self::NoWithinVariance)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
