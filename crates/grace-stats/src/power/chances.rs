//! The probability of each outcome.

use thiserror::Error;

use super::Design;
use super::integral::integral;
use crate::law::Confidence;
use crate::one_way::Margin;

/// What is assumed to be true, and how it will be judged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scenario {
    true_icc: f64,
    margin: Margin,
    confidence: Confidence,
}

/// A number that a true ICC cannot be.
#[derive(Clone, Debug, PartialEq, Error)]
#[error("true ICC is {found}, expected at least 0 and under 1")]
pub struct ScenarioError {
    /// What was found.
    pub found: f64,
}

impl Scenario {
    /// A true ICC from 0 to under 1, the margin it is compared with, and the confidence of the
    /// interval.
    ///
    /// # Errors
    ///
    /// [`ScenarioError`] for another ICC.
    pub fn new(
        true_icc: f64,
        margin: Margin,
        confidence: Confidence,
    ) -> Result<Self, ScenarioError> {
        if !(0.0..1.0).contains(&true_icc) {
            return Err(ScenarioError { found: true_icc });
        }
        Ok(Self {
            true_icc,
            margin,
            confidence,
        })
    }
}

/// The probability of each outcome of a planned study, for one condition.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Chances {
    /// That the whole interval is under the margin.
    pub below: f64,
    /// That the whole interval is over the margin.
    pub above: f64,
    /// That the margin is in the interval.
    pub not_resolved: f64,
    /// That the estimate is under the margin.
    pub estimated_below: f64,
    /// That the estimate, not clipped, is negative.
    pub estimated_negative: f64,
    /// That the F test finds a difference, at 1 less the confidence.
    pub significant: f64,
}

impl Chances {
    /// The chances of a design in a scenario.
    ///
    /// # Examples
    ///
    /// ```
    /// use grace_stats::law::Confidence;
    /// use grace_stats::one_way::Margin;
    /// use grace_stats::power::{Chances, Design, Scenario};
    ///
    /// let design = Design::new(5, 50)?;
    /// let scenario = Scenario::new(0.20, Margin::TENTH, Confidence::P95)?;
    /// let chances = Chances::of(design, &scenario);
    /// assert_eq!(format!("{:.3}", chances.estimated_below), "0.254");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Source
    ///
    /// Donner & Eliasziw (1987), *Statistics in Medicine* 6(4), 441–448; Searle (1971), *Linear
    /// Models*, chapter 9.
    pub fn of(design: Design, scenario: &Scenario) -> Self {
        let law = design.null_law();
        let tail = scenario.confidence.tail_prob();
        let margin = design.ratio_at(scenario.margin.value());
        let inflation = design.inflation(scenario.true_icc);
        let ratio_below = |ratio: f64| law.lower_prob(ratio / inflation);
        let ratio_above = |ratio: f64| law.upper_prob(ratio / inflation);
        // The upper limit is under the margin where F is under its lower quantile times the ratio
        // that gives an estimate at the margin; the lower limit likewise.
        let below = ratio_below(margin * law.lower_quantile(tail));
        let above = ratio_above(margin * law.upper_quantile(tail));
        Self {
            below,
            above,
            not_resolved: (1.0 - below - above).max(0.0),
            estimated_below: ratio_below(margin),
            estimated_negative: ratio_below(1.0),
            significant: ratio_above(law.upper_quantile(2.0 * tail)),
        }
    }
}

impl Design {
    /// The mean of the estimated ICC over studies of this design, not clipped; less than the true
    /// ICC.
    ///
    /// # Errors
    ///
    /// [`ScenarioError`] unless the true ICC is at least 0 and under 1.
    pub fn mean_estimate(self, true_icc: f64) -> Result<f64, ScenarioError> {
        let least = -1.0 / (self.trials() as f64 - 1.0);
        Ok(least + self.exceedance(true_icc, least)?)
    }

    /// The mean of the estimated ICC with negative estimates counted as 0.
    ///
    /// # Errors
    ///
    /// [`ScenarioError`] unless the true ICC is at least 0 and under 1.
    pub fn mean_clipped_estimate(self, true_icc: f64) -> Result<f64, ScenarioError> {
        self.exceedance(true_icc, 0.0)
    }

    /// The integral of the probability that the estimate is over `x`, for `x` from `least` to 1.
    fn exceedance(self, true_icc: f64, least: f64) -> Result<f64, ScenarioError> {
        Scenario::new(true_icc, Margin::TENTH, Confidence::P95)?;
        let law = self.null_law();
        let inflation = self.inflation(true_icc);
        Ok(integral(least, 1.0, |icc| {
            law.upper_prob(self.ratio_at(icc) / inflation)
        }))
    }
}

/// The smallest number of replications, from 2 to `most`, whose chances are good enough; `None` if
/// there is none, or for fewer than 2 trials.
///
/// # Examples
///
/// ```
/// use grace_stats::law::Confidence;
/// use grace_stats::one_way::Margin;
/// use grace_stats::power::{Scenario, smallest_replications};
///
/// // To show that an ICC is under 0.10 when it is 0, nine times in ten, with 50 trials:
/// let scenario = Scenario::new(0.0, Margin::TENTH, Confidence::P95)?;
/// let replications = smallest_replications(50, 100, &scenario, |chances| chances.below >= 0.9);
/// assert_eq!(replications, Some(9));
/// # Ok::<(), grace_stats::power::ScenarioError>(())
/// ```
pub fn smallest_replications(
    trials: usize,
    most: usize,
    scenario: &Scenario,
    enough: impl Fn(&Chances) -> bool,
) -> Option<usize> {
    // Not a bisection: chances of some outcomes fall before they rise.
    (2..=most).find(|replications| {
        let design = Design::new(*replications, trials);
        design.is_ok_and(|design| enough(&Chances::of(design, scenario)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scenario(true_icc: f64) -> Scenario {
        Scenario::new(true_icc, Margin::TENTH, Confidence::P95).unwrap()
    }

    #[test]
    fn a_true_icc_at_the_margin_is_rarely_judged() {
        let chances = Chances::of(Design::new(7, 30).unwrap(), &scenario(0.10));
        assert!((chances.below - 0.025).abs() < 1e-12);
        assert!((chances.above - 0.025).abs() < 1e-12);
        assert!((chances.not_resolved - 0.95).abs() < 1e-12);
    }

    #[test]
    fn one_replication_fewer_would_not_do() {
        let below = |replications| {
            let design = Design::new(replications, 50).unwrap();
            Chances::of(design, &scenario(0.02)).below
        };
        let enough = |chances: &Chances| chances.below >= 0.8;
        let smallest = smallest_replications(50, 200, &scenario(0.02), enough).unwrap();
        assert!(below(smallest) >= 0.8 && below(smallest - 1) < 0.8);
    }

    #[test]
    fn two_replications_are_the_fewest() {
        assert_eq!(
            smallest_replications(2, 9, &scenario(0.0), |_| true),
            Some(2)
        );
    }

    #[test]
    fn what_no_number_of_replications_gives_is_none() {
        // A true ICC over the margin is never shown to be under it.
        let enough = |chances: &Chances| chances.below >= 0.5;
        assert_eq!(smallest_replications(50, 40, &scenario(0.3), enough), None);
        assert_eq!(smallest_replications(1, 40, &scenario(0.0), |_| true), None);
    }

    #[test]
    fn impossible_settings_are_refused() {
        for icc in [-0.1, 1.0, f64::NAN] {
            assert!(
                Scenario::new(icc, Margin::TENTH, Confidence::P95).is_err(),
                "{icc}"
            );
        }
        assert_eq!(
            Design::new(1, 50).unwrap_err().to_string(),
            "a design of 1 replications with 50 trials each has no ICC, expected at least 2 of both"
        );
        assert!(Design::new(5, 1).is_err());
    }
}
