//! Numbers that can be calculated with.

use thiserror::Error;

/// A value that no sum of squares can be made of.
#[derive(Clone, Debug, PartialEq, Error)]
#[error("value of row {row} is {value}, expected a number between -1e150 and 1e150")]
pub struct ValueError {
    /// The row, from 0, in the order given.
    pub row: usize,
    /// What was found.
    pub value: f64,
}

/// The largest magnitude of a value: squares of differences are finite.
const LARGEST: f64 = 1e150;

/// Whether a value can be calculated with.
pub(crate) fn is_usable(value: f64) -> bool {
    // False for NaN.
    value.abs() <= LARGEST
}

/// The value, if it can be calculated with.
pub(crate) fn check(row: usize, value: f64) -> Result<f64, ValueError> {
    if is_usable(value) {
        Ok(value)
    } else {
        Err(ValueError { row, value })
    }
}
