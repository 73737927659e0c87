use std::fmt;

use serde::Serialize;

use crate::{
    error::RequestErrorKind,
    score::{audit::OptionProblem, error::ScoreProblem, method::ScoreMethod},
};

/// A check that a server must pass before it scores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CheckName {
    /// As many log-probabilities come back as tokens went in, of these tokens.
    TokenCount,
    /// A prompt has one beginning-of-sequence token or none, the same whether
    /// it is sent as text or as token ids, and nothing behind it.
    SpecialTokens,
    /// log P(AB) = log P(A) + log P(B|A), and both are what the server says of
    /// tokens that it generates itself.
    ChainRule,
    /// The probabilities of options that exclude each other add up to 1 at most.
    TotalProbability,
    /// The token that the server generates at temperature 0 is the likeliest by
    /// its log-probabilities: they are those that it goes by.
    GreedyToken,
    /// The same score twice, alone and under load, gives the same numbers.
    RepeatedScoring,
}

impl CheckName {
    /// `token_count`, `special_tokens`, `chain_rule`, `total_probability`, `greedy_token` or
    /// `repeated_scoring`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TokenCount => "token_count",
            Self::SpecialTokens => "special_tokens",
            Self::ChainRule => "chain_rule",
            Self::TotalProbability => "total_probability",
            Self::GreedyToken => "greedy_token",
            Self::RepeatedScoring => "repeated_scoring",
        }
    }
}

impl fmt::Display for CheckName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a server cannot be used for scoring.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScoringProbeError {
    /// There is nothing to check with.
    #[error("a check of scoring needs a prompt with options")]
    NoSample,
    /// The server knows no way of scoring, or not the one that was asked for.
    #[error("server at {url} cannot tell the probabilities of options: {}", listed(.tried))]
    #[non_exhaustive]
    NoMethod {
        /// The server's address.
        url: String,
        /// Each method that was tried, and what came of it.
        tried: Vec<(ScoreMethod, String)>,
    },
    /// The server's numbers cannot be trusted.
    #[error("server at {url} fails the check `{check}`: {found}")]
    #[non_exhaustive]
    Check {
        /// The server's address.
        url: String,
        /// The check.
        check: CheckName,
        /// What was found, and what was expected.
        found: String,
    },
    /// Options are no distinct events in the tokens of this model.
    #[error("options behind the prompt that ends in {prompt:?} cannot be scored")]
    #[non_exhaustive]
    Options {
        /// The end of the prompt.
        prompt: String,
        /// Why.
        source: OptionProblem,
    },
    /// The server did not answer.
    #[error("server at {url} cannot be checked for scoring")]
    #[non_exhaustive]
    Unanswered {
        /// The server's address.
        url: String,
        /// What happened.
        source: ScoreProblem,
    },
    /// The caller cancelled.
    #[error("check of the server at {url} was cancelled")]
    #[non_exhaustive]
    Cancelled {
        /// The server's address.
        url: String,
    },
}

impl ScoringProbeError {
    /// Whether the same check may succeed later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unanswered { source, .. } => source.is_transient(),
            Self::Cancelled { .. } => true,
            _ => false,
        }
    }

    pub(super) fn unanswered(url: &str, source: ScoreProblem) -> Self {
        let url = url.to_owned();
        let kind = source.request().map(crate::RequestError::kind);
        if kind == Some(RequestErrorKind::Cancelled) {
            Self::Cancelled { url }
        } else {
            Self::Unanswered { url, source }
        }
    }
}

fn listed(tried: &[(ScoreMethod, String)]) -> String {
    let each = tried
        .iter()
        .map(|(method, found)| format!("`{method}`: {found}"));
    each.collect::<Vec<_>>().join("; ")
}
