use super::audit::OptionProblem;
use crate::error::RequestError;

/// Options without probabilities.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScoreError {
    /// The options do not make a distribution in the tokens of this model.
    #[error("the options cannot be scored")]
    Options(#[from] OptionProblem),
    /// A request got no usable answer. An answer without the numbers that were
    /// asked for is none.
    #[error(transparent)]
    Request(#[from] RequestError),
}

impl ScoreError {
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
