use std::{error::Error, fmt, time::Duration};

use super::{audit::OptionProblem, scores::ScoreExchange};
use crate::error::RequestError;

/// Why options have no probabilities.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScoreProblem {
    /// The options do not make a distribution in the tokens of this model.
    #[error("the options cannot be scored")]
    Options(#[from] OptionProblem),
    /// A request got no usable answer. An answer without the numbers that were
    /// asked for is none.
    #[error(transparent)]
    Request(#[from] RequestError),
}

impl ScoreProblem {
    /// The failed request, if it is one that failed.
    pub fn request(&self) -> Option<&RequestError> {
        match self {
            Self::Request(error) => Some(error),
            Self::Options(_) => None,
        }
    }

    /// Whether the same call may succeed later.
    pub fn is_transient(&self) -> bool {
        self.request().is_some_and(RequestError::is_transient)
    }
}

/// Options without probabilities, and what was sent and received for them all
/// the same. It prints as its [`problem`](Self::problem).
#[derive(Debug)]
pub struct ScoreError {
    problem: ScoreProblem,
    exchanges: Vec<ScoreExchange>,
    elapsed: Duration,
}

impl ScoreError {
    pub(super) fn new(
        problem: ScoreProblem,
        exchanges: Vec<ScoreExchange>,
        elapsed: Duration,
    ) -> Self {
        Self {
            problem,
            exchanges,
            elapsed,
        }
    }

    /// Why there are no probabilities.
    pub fn problem(&self) -> &ScoreProblem {
        &self.problem
    }

    /// The same without what was sent and received.
    pub fn into_problem(self) -> ScoreProblem {
        self.problem
    }

    /// Every request that was sent, in order, with all its attempts. Where
    /// several were under way together and one failed, the others were
    /// cancelled, and have an answer only if it came before that.
    pub fn exchanges(&self) -> &[ScoreExchange] {
        &self.exchanges
    }

    /// The time since the call.
    pub fn elapsed(&self) -> Duration {
        self.elapsed
    }

    /// The failed request, if it is one that failed.
    pub fn request(&self) -> Option<&RequestError> {
        self.problem.request()
    }

    /// Whether the same call may succeed later.
    pub fn is_transient(&self) -> bool {
        self.problem.is_transient()
    }
}

impl fmt::Display for ScoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.problem.fmt(f)
    }
}

impl Error for ScoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.problem.source()
    }
}
