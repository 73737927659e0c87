use super::{exchange::Settings, method::ScoreMethod};
use crate::generate::Input;

/// A prompt and the options whose probabilities are asked for.
///
/// A prompt should not end in white space, and options should carry their
/// leading space: that is how models spell a continuation.
///
/// # Examples
///
/// ```
/// use grace_client::{Input, ScoreMethod, ScoreRequest};
///
/// let prompt = Input::Completion("Is it raining? Answer:".to_owned());
/// let options = vec![" yes".to_owned(), " no".to_owned()];
/// let request = ScoreRequest::new("tiny", prompt, options, ScoreMethod::Trie);
/// # let _ = request;
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ScoreRequest {
    pub(super) model: String,
    pub(super) input: Input,
    pub(super) options: Vec<String>,
    pub(super) method: ScoreMethod,
    pub(super) seed: u64,
}

impl ScoreRequest {
    /// Asks `model` for the probabilities of `options` behind `input`.
    pub fn new(
        model: impl Into<String>,
        input: Input,
        options: Vec<String>,
        method: ScoreMethod,
    ) -> Self {
        Self {
            model: model.into(),
            input,
            options,
            method,
            seed: 0,
        }
    }

    /// Sends this seed; 0 by default. It decides the one token that vLLM
    /// generates besides, which nobody reads, and no log-probability.
    #[must_use]
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    pub(super) fn settings(&self) -> Settings<'_> {
        Settings {
            model: &self.model,
            seed: self.seed,
            temperature: 1.0,
        }
    }
}
