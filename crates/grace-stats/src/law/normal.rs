//! The normal distribution and Student's t, as far as intervals and tests need them.

use super::{ChiSquared, DegreesOfFreedomError, FisherF};

/// The standard normal deviate that is exceeded with probability `prob`, such as 1.96 for 0.025.
///
/// NaN unless `prob` is over 0 and at most one half: both tails of a normal deviate are one tail
/// of its square, which is χ² with one degree of freedom.
pub fn normal_upper_quantile(prob: f64) -> f64 {
    if prob.is_nan() || prob <= 0.0 || prob > 0.5 {
        return f64::NAN;
    }
    ChiSquared::of_count(1).upper_quantile(2.0 * prob).sqrt()
}

/// The probability of a Student's t with `df` degrees of freedom at least as far from 0 as `t`.
///
/// The square of t is F with 1 and `df` degrees of freedom.
///
/// # Errors
///
/// [`DegreesOfFreedomError`] unless `df` is finite and over 0.
pub fn student_two_sided_prob(t: f64, df: f64) -> Result<f64, DegreesOfFreedomError> {
    Ok(FisherF::new(1.0, df)?.upper_prob(t * t))
}

/// The Student's t with `df` degrees of freedom that is exceeded with probability `prob`; NaN
/// unless `prob` is over 0 and at most one half.
///
/// # Errors
///
/// [`DegreesOfFreedomError`] unless `df` is finite and over 0.
pub fn student_upper_quantile(prob: f64, df: f64) -> Result<f64, DegreesOfFreedomError> {
    let law = FisherF::new(1.0, df)?;
    if prob.is_nan() || prob <= 0.0 || prob > 0.5 {
        return Ok(f64::NAN);
    }
    Ok(law.upper_quantile(2.0 * prob).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_scipy() {
        // scipy.stats 1.17.1: norm.isf(p), t.isf(p, df).
        let close = |found: f64, expected: f64| (found / expected - 1.0).abs() < 1e-12;
        assert!(close(normal_upper_quantile(0.025), 1.959_963_984_540_054));
        assert!(close(normal_upper_quantile(1e-12), 7.034_483_825_301_131));
        let t = |prob, df| student_upper_quantile(prob, df).unwrap();
        assert!(close(t(0.025, 4.0), 2.776_445_105_197_793));
        assert!(close(t(0.025, 1.0), 12.706_204_736_174_694));
        assert!(close(
            student_two_sided_prob(2.0, 10.0).unwrap(),
            0.073_388_034_770_740_37
        ));
    }

    #[test]
    fn what_is_no_upper_tail_is_nan() {
        for prob in [0.0, 0.6, f64::NAN] {
            assert!(normal_upper_quantile(prob).is_nan());
            assert!(student_upper_quantile(prob, 3.0).unwrap().is_nan());
        }
        assert!(student_upper_quantile(0.1, 0.0).is_err());
    }
}
