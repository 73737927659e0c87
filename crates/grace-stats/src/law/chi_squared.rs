//! The χ² distribution.

use super::fisher::ends;
use super::tail::Tail;
use super::{DegreesOfFreedomError, check_df, gamma};

/// The χ² distribution of a sum of squares in units of its variance.
///
/// # Examples
///
/// ```
/// use grace_stats::law::ChiSquared;
///
/// let law = ChiSquared::new(1.0)?;
/// assert_eq!(format!("{:.3}", law.upper_prob(3.841)), "0.050");
/// # Ok::<(), grace_stats::law::DegreesOfFreedomError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ChiSquared {
    df: f64,
}

impl ChiSquared {
    /// The law of χ² with `df` degrees of freedom, which need not be whole.
    ///
    /// # Errors
    ///
    /// [`DegreesOfFreedomError`] unless they are finite and over 0.
    pub fn new(df: f64) -> Result<Self, DegreesOfFreedomError> {
        Ok(Self { df: check_df(df)? })
    }

    /// For degrees of freedom that are a count over 0.
    pub(crate) fn of_count(df: usize) -> Self {
        Self { df: df as f64 }
    }

    /// The probability of at most `x`; NaN for NaN.
    pub fn lower_prob(self, x: f64) -> f64 {
        self.tails(x).0
    }

    /// The probability of more than `x`, also where it is tiny; NaN for NaN.
    pub fn upper_prob(self, x: f64) -> f64 {
        self.tails(x).1
    }

    /// What is not exceeded with probability `prob`; 0 for 0 or less, infinite for 1 or more, NaN
    /// for NaN.
    pub fn lower_quantile(self, prob: f64) -> f64 {
        if prob.is_nan() || prob <= 0.0 || prob >= 1.0 {
            return ends(prob);
        }
        2.0 * gamma::quantile(self.df / 2.0, Tail::Lower(prob))
    }

    /// What is exceeded with probability `prob`; infinite for 0 or less, 0 for 1 or more, NaN for
    /// NaN.
    pub fn upper_quantile(self, prob: f64) -> f64 {
        if prob.is_nan() || prob <= 0.0 || prob >= 1.0 {
            return ends(1.0 - prob);
        }
        2.0 * gamma::quantile(self.df / 2.0, Tail::Upper(prob))
    }

    fn tails(self, x: f64) -> (f64, f64) {
        if x.is_nan() {
            return (x, x);
        }
        if x <= 0.0 {
            return (0.0, 1.0);
        }
        if x == f64::INFINITY {
            return (1.0, 0.0);
        }
        let tails = gamma::tails(self.df / 2.0, x / 2.0);
        (tails.lower, tails.upper)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_are_exact() {
        let law = ChiSquared::of_count(4);
        assert_eq!((law.lower_prob(0.0), law.upper_prob(0.0)), (0.0, 1.0));
        assert_eq!(law.upper_prob(f64::INFINITY), 0.0);
        assert_eq!(law.lower_quantile(0.0), 0.0);
        assert_eq!(law.upper_quantile(0.0), f64::INFINITY);
        assert!(law.lower_quantile(f64::NAN).is_nan());
    }

    #[test]
    fn two_degrees_of_freedom_are_an_exponential() {
        let law = ChiSquared::of_count(2);
        for x in [1e-10, 0.1, 1.0, 2.0, 20.0, 600.0_f64] {
            let ratio = law.upper_prob(x) / (-x / 2.0).exp();
            assert!((ratio - 1.0).abs() < 1e-13, "{x}");
        }
    }
}
