//! The F distribution.

use super::tail::Tail;
use super::{DegreesOfFreedomError, beta, check_df};

/// The F distribution of a ratio of two mean squares.
///
/// # Examples
///
/// ```
/// use grace_stats::law::FisherF;
///
/// let law = FisherF::new(4.0, 245.0)?;
/// assert_eq!(format!("{:.6}", law.upper_quantile(0.025)), "2.838365");
/// assert_eq!(format!("{:.3}", law.upper_prob(2.838365)), "0.025");
/// # Ok::<(), grace_stats::law::DegreesOfFreedomError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FisherF {
    numerator: f64,
    denominator: f64,
}

impl FisherF {
    /// The law of `F` with `numerator` and `denominator` degrees of freedom, which need not be
    /// whole.
    ///
    /// # Errors
    ///
    /// [`DegreesOfFreedomError`] unless both are finite and over 0.
    pub fn new(numerator: f64, denominator: f64) -> Result<Self, DegreesOfFreedomError> {
        Ok(Self {
            numerator: check_df(numerator)?,
            denominator: check_df(denominator)?,
        })
    }

    /// For degrees of freedom that are counts over 0.
    pub(crate) fn of_counts(numerator: usize, denominator: usize) -> Self {
        Self {
            numerator: numerator as f64,
            denominator: denominator as f64,
        }
    }

    /// The probability of a ratio of at most `f`; NaN for NaN.
    pub fn lower_prob(self, f: f64) -> f64 {
        self.tails(f).0
    }

    /// The probability of a ratio over `f`, also where it is tiny; NaN for NaN.
    pub fn upper_prob(self, f: f64) -> f64 {
        self.tails(f).1
    }

    /// The ratio that is not exceeded with probability `prob`; 0 for 0 or less, infinite for 1 or
    /// more, NaN for NaN.
    pub fn lower_quantile(self, prob: f64) -> f64 {
        if prob.is_nan() || prob <= 0.0 || prob >= 1.0 {
            return ends(prob);
        }
        self.ratio(Tail::Lower(prob))
    }

    /// The ratio that is exceeded with probability `prob`; infinite for 0 or less, 0 for 1 or
    /// more, NaN for NaN.
    pub fn upper_quantile(self, prob: f64) -> f64 {
        if prob.is_nan() || prob <= 0.0 || prob >= 1.0 {
            return ends(1.0 - prob);
        }
        self.ratio(Tail::Upper(prob))
    }

    /// With `odds = d1 F / d2`, the share `odds / (1 + odds)` has a beta distribution.
    fn tails(self, f: f64) -> (f64, f64) {
        if f.is_nan() {
            return (f, f);
        }
        let odds = f * self.numerator / self.denominator;
        if odds <= 0.0 {
            return (0.0, 1.0);
        }
        if odds == f64::INFINITY {
            return (1.0, 0.0);
        }
        let y = (1.0 + odds).recip();
        let tails = beta::tails(self.numerator / 2.0, self.denominator / 2.0, odds * y, y);
        (tails.lower, tails.upper)
    }

    fn ratio(self, tail: Tail) -> f64 {
        let logit = beta::logit(self.numerator / 2.0, self.denominator / 2.0, tail);
        logit.exp() * self.denominator / self.numerator
    }
}

/// The quantile of a probability that is not between 0 and 1.
pub(super) fn ends(prob: f64) -> f64 {
    if prob.is_nan() {
        prob
    } else if prob <= 0.0 {
        0.0
    } else {
        f64::INFINITY
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_are_exact() {
        let law = FisherF::new(3.0, 7.0).unwrap();
        assert_eq!((law.lower_prob(0.0), law.upper_prob(0.0)), (0.0, 1.0));
        assert_eq!((law.lower_prob(-1.0), law.upper_prob(-1.0)), (0.0, 1.0));
        assert_eq!(law.upper_prob(f64::INFINITY), 0.0);
        assert_eq!(law.lower_quantile(0.0), 0.0);
        assert_eq!(law.lower_quantile(1.0), f64::INFINITY);
        assert_eq!(law.upper_quantile(0.0), f64::INFINITY);
        assert_eq!(law.upper_quantile(1.0), 0.0);
        assert!(law.lower_prob(f64::NAN).is_nan() && law.upper_quantile(f64::NAN).is_nan());
    }

    #[test]
    fn degrees_of_freedom_are_over_0() {
        let error = FisherF::new(0.0, 3.0).unwrap_err();
        assert_eq!(
            error.to_string(),
            "degrees of freedom are 0, expected a finite number over 0"
        );
        assert!(FisherF::new(1.0, f64::NAN).is_err());
        assert!(FisherF::new(f64::INFINITY, 1.0).is_err());
    }
}
