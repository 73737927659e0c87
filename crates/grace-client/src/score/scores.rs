use std::time::Duration;

use serde_json::value::RawValue;

use super::{
    audit::TokenisedOptions,
    method::{BorderRule, ScoreMethod},
};
use crate::error::Attempt;

/// The log-probabilities of options behind a prompt, token by token, and what
/// was sent and received for them.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct OptionScores {
    /// How they were had.
    pub method: ScoreMethod,
    /// Where the options' tokens come from.
    pub border: BorderRule,
    /// The tokens of the prompt, a beginning-of-sequence token included if the
    /// server puts one there.
    pub prompt_ids: Vec<u32>,
    /// One for each option, in the order of the request.
    pub options: Vec<OptionScore>,
    /// The requests whose answers hold the log-probabilities.
    pub exchanges: Vec<ScoreExchange>,
    /// Requests that only asked for token ids.
    pub tokenise_requests: u32,
    /// The time since the call.
    pub elapsed: Duration,
    /// Tokens of all prompts of [`exchanges`](Self::exchanges): what a server
    /// without a prefix cache had to compute.
    pub prompt_tokens_sent: u64,
}

/// The tokens of an option and their log-probabilities.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct OptionScore {
    /// The tokens behind the prompt's.
    pub token_ids: Vec<u32>,
    /// The natural logarithm of each token's probability, given all before it,
    /// at temperature 1 and without any filter; at most 0, but for rounding of
    /// up to 0.01. `-inf` where the server says that the probability is 0:
    /// vLLM below −9,999, llama.cpp where a 32-bit probability is 0, from about
    /// −103 on. With
    /// [`ScoreMethod::FirstToken`] there is one, of the first token.
    pub token_logprobs: Vec<f64>,
}

impl TokenisedOptions {
    /// With the log-probabilities of each option, and the requests that they came from.
    pub(super) fn scored(
        self,
        method: ScoreMethod,
        logprobs: Vec<Vec<f64>>,
        exchanges: Vec<ScoreExchange>,
        prompt_tokens_sent: usize,
    ) -> OptionScores {
        let pairs = self.options.into_iter().zip(logprobs);
        let score = |(token_ids, token_logprobs)| OptionScore {
            token_ids,
            token_logprobs,
        };
        OptionScores {
            method,
            border: self.border,
            prompt_ids: self.prompt,
            options: pairs.map(score).collect(),
            exchanges,
            tokenise_requests: self.tokenise_requests,
            elapsed: Duration::ZERO,
            prompt_tokens_sent: prompt_tokens_sent as u64,
        }
    }
}

impl OptionScore {
    /// The natural logarithm of the option's probability: the sum over its
    /// tokens. Not normalised over the options.
    pub fn logprob(&self) -> f64 {
        self.token_logprobs.iter().sum()
    }
}

/// A request and its answer.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ScoreExchange {
    /// Where it went, such as `/v1/completions`.
    pub path: &'static str,
    /// The JSON body that was sent.
    pub request: Box<RawValue>,
    /// The JSON body that was received.
    pub response: Box<RawValue>,
    /// Every attempt in order; the last one succeeded.
    pub attempts: Vec<Attempt>,
}
