use std::time::Duration;

use serde_json::value::RawValue;

use super::{
    audit::TokenisedOptions,
    method::{BorderRule, ScoreMethod},
};
use crate::{error::Attempt, transport::Endpoint};

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
    /// Every request, in order: those that
    /// [asked for token ids](ScoreExchange::asks_for_ids) alone, and those whose
    /// answers hold the log-probabilities.
    pub exchanges: Vec<ScoreExchange>,
    /// The time since the call.
    pub elapsed: Duration,
    /// Tokens of all prompts that were sent for log-probabilities: what a server
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
    /// With the log-probabilities of each option.
    pub(super) fn scored(
        self,
        method: ScoreMethod,
        logprobs: Vec<Vec<f64>>,
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
            exchanges: Vec::new(),
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

/// A request and what came of it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ScoreExchange {
    /// Where it went, such as `/v1/completions`.
    pub path: &'static str,
    /// The JSON body that was sent.
    pub request: Box<RawValue>,
    /// The JSON body that was received; `None` if no usable one was.
    pub response: Option<Box<RawValue>>,
    /// Every attempt in order; the last one succeeded if there is a response.
    pub attempts: Vec<Attempt>,
}

impl ScoreExchange {
    /// Whether it asked for token ids, or for a text to make them of, and not
    /// for log-probabilities.
    pub fn asks_for_ids(&self) -> bool {
        self.path != Endpoint::Completions.path()
    }
}
