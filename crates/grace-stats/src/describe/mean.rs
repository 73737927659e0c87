//! Intervals for means.

use crate::Interval;
use crate::ValueError;
use crate::law::{Confidence, student_upper_quantile};
use crate::value::check;

/// The mean of values, and how far it can be trusted.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Mean {
    /// The number of values.
    pub count: usize,
    /// Their mean, in units of the values.
    pub mean: f64,
    /// Their sample standard deviation (dividing by one less than their number); `None` for a
    /// single value, of which nothing is known.
    pub sd: Option<f64>,
    /// Student's interval for the mean; `None` for a single value.
    pub interval: Option<Interval>,
}

/// Describes values; `None` if there are none.
///
/// # Errors
///
/// [`ValueError`] for NaN, infinity, or a magnitude over 1e150.
///
/// # Source
///
/// Student (1908), *Biometrika* 6(1), 1–25.
pub fn mean(values: &[f64], confidence: Confidence) -> Result<Option<Mean>, ValueError> {
    for (row, value) in values.iter().enumerate() {
        check(row, *value)?;
    }
    let Some(first) = values.first() else {
        return Ok(None);
    };
    let count = values.len();
    let n = count as f64;
    let mean = first + values.iter().map(|value| (value - first) / n).sum::<f64>();
    let largest = values
        .iter()
        .fold(0.0, |largest: f64, value| largest.max((value - mean).abs()));
    let sd = (count > 1).then(|| {
        let scale = crate::units::power_of_two(largest);
        let squares = values.iter().map(|value| ((value - mean) / scale).powi(2));
        (squares.sum::<f64>() / (n - 1.0)).sqrt() * scale
    });
    let interval = sd.and_then(|sd| {
        let t = student_upper_quantile(confidence.tail_prob(), n - 1.0).ok()?;
        let half = t * sd / n.sqrt();
        Some(Interval {
            lower: mean - half,
            upper: mean + half,
        })
    });
    Ok(Some(Mean {
        count,
        mean,
        sd,
        interval,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_value_has_no_spread() {
        let one = mean(&[3.0], Confidence::P95).unwrap().unwrap();
        assert_eq!((one.mean, one.sd, one.interval), (3.0, None, None));
        assert_eq!(mean(&[], Confidence::P95), Ok(None));
        assert!(mean(&[1.0, f64::NAN], Confidence::P95).is_err());
    }

    #[test]
    fn equal_values_have_a_spread_of_0() {
        let equal = mean(&[0.1; 10], Confidence::P95).unwrap().unwrap();
        assert_eq!((equal.mean, equal.sd), (0.1, Some(0.0)));
        assert_eq!(equal.interval, Some(Interval::point(0.1)));
    }
}
