//! Drift: a measure against time or order.

use crate::Interval;
use crate::ValueError;
use crate::law::{Confidence, student_two_sided_prob, student_upper_quantile};
use crate::units::power_of_two;
use crate::value::check;

/// Whether a measure has a trend.
#[derive(Clone, Debug, PartialEq)]
pub enum Trend {
    /// There are fewer than three points.
    TooFewPoints,
    /// All points are at one place, such as one moment.
    OnePlace,
    /// There is a line.
    Fitted(TrendFit),
}

/// The ordinary least-squares line through points.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct TrendFit {
    /// The number of points.
    pub count: usize,
    /// Change of the measure per unit of the place.
    pub slope: f64,
    /// The measure at place 0.
    pub intercept: f64,
    /// The test of the slope; `None` if the points lie on the line, so that nothing is left to
    /// judge it by.
    pub test: Option<SlopeTest>,
}

/// How far a slope is from 0.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct SlopeTest {
    /// Standard error of the slope.
    pub se: f64,
    /// The slope over its standard error.
    pub t: f64,
    /// Degrees of freedom, two less than points.
    pub df: usize,
    /// The probability of a t so far from 0 or further without a trend.
    pub p: f64,
    /// The interval of the slope.
    pub interval: Interval,
}

/// Fits a line through points of a place (time, order) and a measure.
///
/// # Errors
///
/// [`ValueError`] for NaN, infinity, or a magnitude over 1e150, with the point counted from 0.
///
/// # Examples
///
/// ```
/// use grace_stats::describe::{Trend, trend};
/// use grace_stats::law::Confidence;
///
/// let points = [(0.0, 1.0), (1.0, 2.1), (2.0, 2.9), (3.0, 4.0)];
/// let Trend::Fitted(fit) = trend(&points, Confidence::P95)? else {
///     unreachable!("four points at different places");
/// };
/// assert_eq!(format!("{:.2}", fit.slope), "0.98");
/// # Ok::<(), grace_stats::ValueError>(())
/// ```
///
/// # Source
///
/// Draper & Smith (1998), *Applied Regression Analysis*, chapter 1.
pub fn trend(points: &[(f64, f64)], confidence: Confidence) -> Result<Trend, ValueError> {
    for (row, (place, value)) in points.iter().enumerate() {
        check(row, *place)?;
        check(row, *value)?;
    }
    if points.len() < 3 {
        return Ok(Trend::TooFewPoints);
    }
    let (places, values): (Vec<f64>, Vec<f64>) = points.iter().copied().unzip();
    let places = Centred::new(&places);
    if places.scale == 0.0 {
        return Ok(Trend::OnePlace);
    }
    let values = Centred::new(&values);
    Ok(Trend::Fitted(fitted(&places, &values, confidence)))
}

/// Numbers about their mean, divided by a power of two (0 if all are equal).
struct Centred {
    mean: f64,
    scale: f64,
    numbers: Vec<f64>,
}

impl Centred {
    fn new(numbers: &[f64]) -> Self {
        let first = numbers[0];
        let n = numbers.len() as f64;
        let shift = numbers
            .iter()
            .map(|number| (number - first) / n)
            .sum::<f64>();
        if numbers.iter().all(|number| *number == first) {
            return Self {
                mean: first,
                scale: 0.0,
                numbers: vec![0.0; numbers.len()],
            };
        }
        let about = |number: &f64| (number - first) - shift;
        let largest = numbers.iter().map(|number| about(number).abs());
        let scale = power_of_two(largest.fold(0.0, f64::max));
        Self {
            mean: first + shift,
            scale,
            numbers: numbers.iter().map(|number| about(number) / scale).collect(),
        }
    }

    fn squares(&self) -> f64 {
        self.numbers.iter().map(|number| number * number).sum()
    }
}

fn fitted(places: &Centred, values: &Centred, confidence: Confidence) -> TrendFit {
    let count = places.numbers.len();
    let unit = values.scale / places.scale;
    let pairs = || places.numbers.iter().zip(&values.numbers);
    let spread = places.squares();
    let scaled_slope = pairs().map(|(x, y)| x * y).sum::<f64>() / spread;
    let residuals: f64 = pairs().map(|(x, y)| (y - scaled_slope * x).powi(2)).sum();
    let slope = scaled_slope * unit;
    // What rounding leaves of points on a line.
    let rounding = values.squares() * (count as f64 * f64::EPSILON).powi(2);
    let test = (residuals > rounding).then(|| {
        let df = count - 2;
        let se = (residuals / df as f64 / spread).sqrt() * unit;
        let t = slope / se;
        let p = student_two_sided_prob(t, df as f64).unwrap_or(f64::NAN);
        let quantile = student_upper_quantile(confidence.tail_prob(), df as f64);
        let half = quantile.unwrap_or(f64::NAN) * se;
        let interval = Interval {
            lower: slope - half,
            upper: slope + half,
        };
        SlopeTest {
            se,
            t,
            df,
            p,
            interval,
        }
    });
    TrendFit {
        count,
        slope,
        intercept: values.mean - slope * places.mean,
        test,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(points: &[(f64, f64)]) -> Trend {
        trend(points, Confidence::P95).unwrap()
    }

    #[test]
    fn two_points_are_too_few() {
        assert_eq!(of(&[(0.0, 1.0), (1.0, 2.0)]), Trend::TooFewPoints);
        assert_eq!(of(&[]), Trend::TooFewPoints);
    }

    #[test]
    fn one_moment_has_no_trend() {
        assert_eq!(of(&[(0.1, 1.0), (0.1, 2.0), (0.1, 3.0)]), Trend::OnePlace);
    }

    #[test]
    fn points_on_a_line_leave_nothing_to_judge_it_by() {
        let line: Vec<(f64, f64)> = (0..10)
            .map(|i| (f64::from(i) * 0.1, f64::from(i) * 0.3))
            .collect();
        let Trend::Fitted(fit) = of(&line) else {
            panic!("a line");
        };
        assert!((fit.slope - 3.0).abs() < 1e-14);
        assert_eq!(fit.test, None);
        let Trend::Fitted(flat) = of(&[(0.0, 0.1), (1.0, 0.1), (2.0, 0.1)]) else {
            panic!("a line");
        };
        assert_eq!((flat.slope, flat.intercept, flat.test), (0.0, 0.1, None));
    }

    #[test]
    fn a_number_that_is_none_is_refused() {
        let points = [(0.0, 1.0), (1.0, f64::NAN), (2.0, 3.0)];
        assert_eq!(trend(&points, Confidence::P95).unwrap_err().row, 1);
    }
}
