//! Intervals for proportions.

use thiserror::Error;

use crate::Interval;
use crate::law::{Confidence, normal_upper_quantile};

/// Numbers that are no proportion.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("found {yes} of {total}, expected at least one trial and no more answers than trials")]
pub struct ProportionError {
    /// Answers that count.
    pub yes: usize,
    /// All trials.
    pub total: usize,
}

/// Wilson's interval for the proportion of which `yes` of `total` are a sample; within 0 to 1, and
/// never of width 0.
///
/// # Errors
///
/// [`ProportionError`] if there is no trial, or more answers than trials.
///
/// # Examples
///
/// ```
/// use grace_stats::describe::wilson_interval;
/// use grace_stats::law::Confidence;
///
/// let interval = wilson_interval(50, 50, Confidence::P95)?;
/// assert_eq!(format!("{:.3} to {:.3}", interval.lower, interval.upper), "0.929 to 1.000");
/// # Ok::<(), grace_stats::describe::ProportionError>(())
/// ```
///
/// # Source
///
/// Wilson (1927), *JASA* 22(158), 209–212, without correction for continuity.
pub fn wilson_interval(
    yes: usize,
    total: usize,
    confidence: Confidence,
) -> Result<Interval, ProportionError> {
    if total == 0 || yes > total {
        return Err(ProportionError { yes, total });
    }
    let n = total as f64;
    let share = yes as f64 / n;
    let z = normal_upper_quantile(confidence.tail_prob());
    let shrink = z * z / n;
    let centre = (share + shrink / 2.0) / (1.0 + shrink);
    let spread = (share * (1.0 - share) / n + shrink / (4.0 * n)).sqrt();
    let half = z * spread / (1.0 + shrink);
    Ok(Interval {
        lower: if yes == 0 { 0.0 } else { centre - half },
        upper: if yes == total { 1.0 } else { centre + half },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_proportion_is_refused() {
        assert!(wilson_interval(0, 0, Confidence::P95).is_err());
        assert_eq!(
            wilson_interval(3, 2, Confidence::P95)
                .unwrap_err()
                .to_string(),
            "found 3 of 2, expected at least one trial and no more answers than trials"
        );
    }
}
