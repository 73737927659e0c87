//! How sure an interval is.

use thiserror::Error;

/// The share of studies whose interval holds the true value: over 0 and under 1.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Confidence(f64);

/// A number is no confidence.
#[derive(Clone, Debug, PartialEq, Error)]
#[error("confidence is {found}, expected over 0 and under 1")]
pub struct ConfidenceError {
    /// What was found.
    pub found: f64,
}

impl Confidence {
    /// 95 %.
    pub const P95: Self = Self(0.95);

    /// A confidence such as 0.95.
    ///
    /// # Errors
    ///
    /// [`ConfidenceError`] unless it is over 0 and under 1.
    pub fn new(confidence: f64) -> Result<Self, ConfidenceError> {
        if confidence > 0.0 && confidence < 1.0 {
            Ok(Self(confidence))
        } else {
            Err(ConfidenceError { found: confidence })
        }
    }

    /// The confidence as a number.
    pub fn value(self) -> f64 {
        self.0
    }

    /// What an interval leaves out on each side, such as 0.025.
    pub fn tail_prob(self) -> f64 {
        (1.0 - self.0) / 2.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certainty_is_no_confidence() {
        for found in [0.0, 1.0, -0.5, 95.0, f64::NAN] {
            assert!(Confidence::new(found).is_err(), "{found}");
        }
        assert_eq!(Confidence::new(0.95).unwrap(), Confidence::P95);
    }
}
