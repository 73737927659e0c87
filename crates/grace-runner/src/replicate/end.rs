//! How a replication ends.

use grace_core::ExperimentId;
use grace_core::metadata::Counts;

/// How a replication ended, short of an error.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum End {
    /// Every query has its final outcome, and all is sealed.
    Complete {
        /// Counts by experiment.
        counts: Vec<(ExperimentId, Counts)>,
    },
    /// It was sealed before.
    AlreadyComplete,
    /// Queries are open; running it again goes on.
    Incomplete {
        /// How many.
        outstanding: u64,
        /// Why, in a fragment.
        reason: String,
    },
    /// An experiment has more queries without any answer than was allowed.
    TooManyNonAnswers {
        /// The experiment.
        experiment: ExperimentId,
        /// The share of its queries that have a final outcome but no answer.
        share: f64,
        /// The share that was allowed.
        allowed: f64,
    },
    /// The caller cancelled; everything that was answered is durable.
    Interrupted,
}
