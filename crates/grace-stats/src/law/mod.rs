//! The sampling distributions that tests and intervals are read from: F, χ², t and normal.
//!
//! Probabilities and quantiles are accurate to about 13 digits, also far out in the tails and for
//! thousands of degrees of freedom; the tests hold them to 12. That is why they are here and not
//! from a library: those looked at were right to 9 digits or fewer for such quantiles.

mod beta;
mod chi_squared;
mod confidence;
mod density;
mod fisher;
mod gamma;
mod normal;
mod tail;

pub use chi_squared::ChiSquared;
pub use confidence::{Confidence, ConfidenceError};
pub use fisher::FisherF;
pub use normal::{normal_upper_quantile, student_two_sided_prob, student_upper_quantile};

use thiserror::Error;

/// Why numbers are no degrees of freedom.
#[derive(Clone, Debug, PartialEq, Error)]
#[error("degrees of freedom are {found}, expected a finite number over 0")]
pub struct DegreesOfFreedomError {
    /// What was found.
    pub found: f64,
}

/// A number that can be degrees of freedom.
fn check_df(df: f64) -> Result<f64, DegreesOfFreedomError> {
    if df > 0.0 && df.is_finite() {
        Ok(df)
    } else {
        Err(DegreesOfFreedomError { found: df })
    }
}
