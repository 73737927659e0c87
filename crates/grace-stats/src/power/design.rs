//! The size of a study.

use thiserror::Error;

use crate::law::FisherF;

/// A number of replications, each with as many trials of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Design {
    replications: usize,
    trials: usize,
}

/// A study too small for an ICC.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "a design of {replications} replications with {trials} trials each has no ICC, expected at least 2 of both"
)]
pub struct DesignError {
    /// Replications asked for.
    pub replications: usize,
    /// Trials asked for.
    pub trials: usize,
}

impl Design {
    /// A design of at least 2 replications with at least 2 trials each.
    ///
    /// # Errors
    ///
    /// [`DesignError`] for fewer.
    pub fn new(replications: usize, trials: usize) -> Result<Self, DesignError> {
        if replications < 2 || trials < 2 {
            return Err(DesignError {
                replications,
                trials,
            });
        }
        Ok(Self {
            replications,
            trials,
        })
    }

    /// The number of replications.
    pub fn replications(self) -> usize {
        self.replications
    }

    /// The number of trials in each.
    pub fn trials(self) -> usize {
        self.trials
    }

    /// The law of MSB / MSW if replications do not differ.
    pub(super) fn null_law(self) -> FisherF {
        let df_within = self.replications * (self.trials - 1);
        FisherF::of_counts(self.replications - 1, df_within)
    }

    /// The ratio of mean squares at which the estimated ICC is `icc`.
    pub(super) fn ratio_at(self, icc: f64) -> f64 {
        (1.0 + (self.trials as f64 - 1.0) * icc) / (1.0 - icc)
    }

    /// How many times larger than under no difference the ratio of mean squares is.
    pub(super) fn inflation(self, true_icc: f64) -> f64 {
        1.0 + self.trials as f64 * true_icc / (1.0 - true_icc)
    }
}
