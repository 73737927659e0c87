//! Verdicts over conditions.

use std::fmt;

use super::{Margin, OneWay, Status, Verdict};

/// How many conditions are below a margin, by estimate and by interval.
///
/// Constant conditions are counted apart, never as below: nothing varies in them that replications
/// could share.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Tally {
    /// The margin.
    pub margin: Margin,
    /// All conditions.
    pub conditions: usize,
    /// Those whose ICC is a number.
    pub estimable: usize,
    /// Those whose values are all equal.
    pub constant: usize,
    /// Those without enough values.
    pub not_estimable: usize,
    /// Of the estimable, those whose ICC, not clipped, is under the margin.
    pub estimated_below: usize,
    /// Of the estimable, those whose whole interval is under the margin.
    pub below: usize,
    /// Of the estimable, those whose whole interval is over the margin.
    pub above: usize,
}

impl Tally {
    /// Counts conditions.
    pub fn of<'a>(conditions: impl IntoIterator<Item = &'a OneWay>, margin: Margin) -> Self {
        let mut tally = Self::empty(margin);
        for condition in conditions {
            tally.conditions += 1;
            match condition.status() {
                Status::NotEstimable(_) => tally.not_estimable += 1,
                Status::NoVariance => tally.constant += 1,
                Status::NoWithinVariance | Status::Ok => tally.estimable += 1,
            }
            tally.estimated_below += usize::from(condition.is_below(margin) == Some(true));
            let verdict = condition.verdict(margin);
            tally.below += usize::from(verdict == Some(Verdict::Below));
            tally.above += usize::from(verdict == Some(Verdict::Above));
        }
        tally
    }

    fn empty(margin: Margin) -> Self {
        Self {
            margin,
            conditions: 0,
            estimable: 0,
            constant: 0,
            not_estimable: 0,
            estimated_below: 0,
            below: 0,
            above: 0,
        }
    }

    /// Of the estimable, those whose interval holds the margin.
    pub fn not_resolved(&self) -> usize {
        self.estimable - self.below - self.above
    }

    /// Whether more than half of the estimable conditions have an ICC under the margin; a tie is
    /// not most.
    pub fn most_estimated_below(&self) -> bool {
        2 * self.estimated_below > self.estimable
    }
}

impl fmt::Display for Tally {
    /// Those estimated below the margin: `35 of 35 estimable conditions < 0.10 (+ 1 constant)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            margin,
            estimated_below,
            estimable,
            constant,
            ..
        } = self;
        write!(
            f,
            "{estimated_below} of {estimable} estimable conditions < {margin}"
        )?;
        if *constant > 0 {
            write!(f, " (+ {constant} constant)")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tie_is_not_most() {
        let tally = |estimated_below, estimable| Tally {
            estimable,
            estimated_below,
            ..Tally::empty(Margin::TENTH)
        };
        assert!(!tally(2, 4).most_estimated_below());
        assert!(tally(3, 4).most_estimated_below());
        assert!(!tally(0, 0).most_estimated_below());
    }

    #[test]
    fn constant_conditions_are_not_below() {
        let constant = OneWay::Constant { value: 1.0 };
        let tally = Tally::of([&constant, &constant], Margin::TENTH);
        assert_eq!(
            tally.to_string(),
            "0 of 0 estimable conditions < 0.10 (+ 2 constant)"
        );
    }
}
