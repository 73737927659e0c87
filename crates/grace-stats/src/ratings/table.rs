//! A table without gaps.

use thiserror::Error;

use crate::value::is_usable;

/// Ratings of targets (rows) by raters (columns), complete.
#[derive(Clone, Debug, PartialEq)]
pub struct Ratings {
    values: Vec<f64>,
    raters: usize,
}

/// Why values are no table of ratings. Rows and columns are counted from 0.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum RatingsError {
    /// There are no values, or no raters.
    #[error(
        "a table of ratings needs a target and a rater, found {values} values of {raters} raters"
    )]
    Empty {
        /// How many values there are.
        values: usize,
        /// How many raters there are.
        raters: usize,
    },
    /// The last row is not full.
    #[error(
        "found {values} ratings of {raters} raters, expected a rating of each target by each rater"
    )]
    Incomplete {
        /// How many values there are.
        values: usize,
        /// How many raters there are.
        raters: usize,
    },
    /// A rating is NaN, infinite, or has a magnitude over 1e150.
    #[error(
        "rating of target {target} by rater {rater} is {value}, expected a number between -1e150 and 1e150"
    )]
    BadRating {
        /// The target, from 0.
        target: usize,
        /// The rater, from 0.
        rater: usize,
        /// What was found.
        value: f64,
    },
}

impl Ratings {
    /// A table from its rows, one after the other.
    ///
    /// # Errors
    ///
    /// [`Empty`](RatingsError::Empty), [`Incomplete`](RatingsError::Incomplete) if the number of
    /// values is no multiple of `raters`, and [`BadRating`](RatingsError::BadRating).
    pub fn from_rows(values: Vec<f64>, raters: usize) -> Result<Self, RatingsError> {
        let found = values.len();
        if found == 0 || raters == 0 {
            let values = found;
            return Err(RatingsError::Empty { values, raters });
        }
        if !found.is_multiple_of(raters) {
            let values = found;
            return Err(RatingsError::Incomplete { values, raters });
        }
        if let Some(place) = values.iter().position(|value| !is_usable(*value)) {
            return Err(RatingsError::BadRating {
                target: place / raters,
                rater: place % raters,
                value: values[place],
            });
        }
        Ok(Self { values, raters })
    }

    /// The number of rows.
    pub fn targets(&self) -> usize {
        self.values.len() / self.raters
    }

    /// The number of columns.
    pub fn raters(&self) -> usize {
        self.raters
    }

    /// The ratings of each target.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &[f64]> {
        self.values.chunks_exact(self.raters)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_table_is_refused() {
        let error = |values: &[f64], raters| {
            let error = Ratings::from_rows(values.to_vec(), raters).unwrap_err();
            error.to_string()
        };
        assert_eq!(
            error(&[], 2),
            "a table of ratings needs a target and a rater, found 0 values of 2 raters"
        );
        assert_eq!(
            error(&[1.0, 2.0, 3.0], 2),
            "found 3 ratings of 2 raters, expected a rating of each target by each rater"
        );
        assert_eq!(
            error(&[1.0, 2.0, 3.0, f64::NAN], 2),
            "rating of target 1 by rater 1 is NaN, expected a number between -1e150 and 1e150"
        );
        assert!(Ratings::from_rows(vec![1.0], 0).is_err());
    }
}
