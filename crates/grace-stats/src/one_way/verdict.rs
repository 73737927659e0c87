//! What an interval says about a margin.

use std::fmt;

use thiserror::Error;

use crate::Interval;

/// The ICC under which replications count as alike: over 0 and under 1.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Margin(f64);

/// A number is no margin.
#[derive(Clone, Debug, PartialEq, Error)]
#[error("margin for the ICC is {found}, expected over 0 and under 1")]
pub struct MarginError {
    /// What was found.
    pub found: f64,
}

impl Margin {
    /// The customary 0.10.
    pub const TENTH: Self = Self(0.10);

    /// A margin such as 0.10.
    ///
    /// # Errors
    ///
    /// [`MarginError`] unless it is over 0 and under 1.
    pub fn new(margin: f64) -> Result<Self, MarginError> {
        if margin > 0.0 && margin < 1.0 {
            Ok(Self(margin))
        } else {
            Err(MarginError { found: margin })
        }
    }

    /// The margin as a number.
    pub fn value(self) -> f64 {
        self.0
    }
}

impl fmt::Display for Margin {
    /// At least two digits after the point: `0.10`, `0.125`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shortest = self.0.to_string();
        let rounded = format!("{:.2}", self.0);
        f.write_str(if rounded.len() > shortest.len() {
            &rounded
        } else {
            &shortest
        })
    }
}

/// What an interval for the ICC says about a margin.
///
/// An estimate under the margin says less: with five replications of fifty trials a true ICC of
/// 0.20 gives one under 0.10 one time in four.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// The upper limit is under the margin.
    Below,
    /// The lower limit is over the margin.
    Above,
    /// The margin is in the interval.
    NotResolved,
}

impl Verdict {
    /// The verdict of an interval.
    pub fn of(interval: &Interval, margin: Margin) -> Self {
        if interval.upper < margin.0 {
            Self::Below
        } else if interval.lower > margin.0 {
            Self::Above
        } else {
            Self::NotResolved
        }
    }

    /// The words in tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Below => "below",
            Self::Above => "above",
            Self::NotResolved => "not resolved",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_margin_in_the_interval_is_not_resolved() {
        let of = |lower, upper| Verdict::of(&Interval { lower, upper }, Margin::TENTH).as_str();
        assert_eq!(of(0.0, 0.09), "below");
        assert_eq!(of(0.11, 0.3), "above");
        assert_eq!(of(0.0, 0.3), "not resolved");
        assert_eq!(of(0.0, 0.1), "not resolved");
        assert_eq!(of(0.1, 0.3), "not resolved");
    }

    #[test]
    fn margins_have_at_least_two_digits() {
        let text = |margin| Margin::new(margin).unwrap().to_string();
        assert_eq!([0.1, 0.05, 0.125].map(text), ["0.10", "0.05", "0.125"]);
    }

    #[test]
    fn a_margin_is_a_share() {
        for found in [0.0, 1.0, 10.0, f64::NAN] {
            assert!(Margin::new(found).is_err(), "{found}");
        }
    }
}
