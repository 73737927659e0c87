//! Scores of options: how they are had, what of them is kept, and the measures made of them.

mod distribution;
mod logprob;
mod settings;

pub use distribution::{Scores, ScoresError};
pub use logprob::Logprob;
pub use settings::{ScoringMethod, ScoringMethodError, ScoringSettings};

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// The log-probabilities of all options of a query, as a journal keeps them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScoreEntry<'a> {
    /// How they were had: `prompt_logprobs`, `trie`, `forced_tokens` or `first_token`.
    #[serde(borrow)]
    pub method: Cow<'a, str>,
    /// Where the options' tokens come from: `joint`, `appended` or `chat`.
    #[serde(borrow)]
    pub border: Cow<'a, str>,
    /// Tokens of the prompt.
    pub prompt_tokens: u32,
    /// The options, in the order of the query.
    pub options: Vec<ScoredOption>,
    /// Requests that asked for log-probabilities.
    pub requests: u32,
    /// Requests that asked for token ids alone.
    pub tokenise_requests: u32,
    /// Tokens of all prompts that were sent for log-probabilities.
    pub prompt_tokens_sent: u64,
}

/// One option's tokens and their log-probabilities.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScoredOption {
    /// The token ids behind those of the prompt.
    pub token_ids: Vec<u32>,
    /// The natural logarithm of each token's probability given all before it.
    pub logprobs: Vec<Logprob>,
}

impl ScoredOption {
    /// The natural logarithm of the option's probability: the sum over its tokens.
    pub fn logprob(&self) -> f64 {
        self.logprobs.iter().map(|logprob| logprob.0).sum()
    }
}
