//! The two-way analysis of variance without replication.

use super::Ratings;
use crate::units::power_of_two;

/// Mean squares of a table, in units of the same power of two, and their degrees of freedom.
#[derive(Clone, Copy, Debug)]
pub(super) struct MeanSquares {
    pub(super) targets: f64,
    pub(super) raters: f64,
    /// BMS: between targets.
    pub(super) between: f64,
    /// WMS: within targets.
    pub(super) within: f64,
    /// JMS: between raters.
    pub(super) judges: f64,
    /// EMS: what targets and raters leave.
    pub(super) error: f64,
}

impl MeanSquares {
    /// There are at least two targets and two raters, and not all ratings are equal.
    pub(super) fn new(ratings: &Ratings) -> Self {
        let rows = scaled(ratings);
        let (targets, raters) = (ratings.targets() as f64, ratings.raters() as f64);
        let row_means: Vec<f64> = rows.iter().map(|row| mean(row)).collect();
        let column_means: Vec<f64> = (0..ratings.raters())
            .map(|rater| rows.iter().map(|row| row[rater]).sum::<f64>() / targets)
            .collect();
        let grand = mean(&row_means);
        let about = |means: &[f64]| means.iter().map(|m| (m - grand).powi(2)).sum::<f64>();
        let (mut within, mut error) = (0.0, 0.0);
        for (row, row_mean) in rows.iter().zip(&row_means) {
            for (rating, column_mean) in row.iter().zip(&column_means) {
                within += (rating - row_mean).powi(2);
                error += ((rating - row_mean) - (column_mean - grand)).powi(2);
            }
        }
        Self {
            targets,
            raters,
            between: raters * about(&row_means) / (targets - 1.0),
            within: within / (targets * (raters - 1.0)),
            judges: targets * about(&column_means) / (raters - 1.0),
            error: error / ((targets - 1.0) * (raters - 1.0)),
        }
    }
}

/// The rows less the first rating, divided by a power of two.
fn scaled(ratings: &Ratings) -> Vec<Vec<f64>> {
    let values = || ratings.rows().flatten();
    let first = values().next().copied().unwrap_or(0.0);
    let largest = values().fold(0.0, |largest: f64, value| {
        largest.max((value - first).abs())
    });
    let scale = power_of_two(largest);
    let scaled = |row: &[f64]| row.iter().map(|value| (value - first) / scale).collect();
    ratings.rows().map(scaled).collect()
}

/// About the first value, so that equal values have exactly that mean.
fn mean(values: &[f64]) -> f64 {
    let first = values[0];
    first + values.iter().map(|value| value - first).sum::<f64>() / values.len() as f64
}
