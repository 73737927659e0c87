use std::str::FromStr;

use serde::Serialize;

use crate::yaml::Field;

/// How the probabilities of options are had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ScoringMethod {
    /// The first exact one that the server knows.
    #[default]
    Auto,
    /// vLLM's `prompt_logprobs`.
    PromptLogprobs,
    /// The token trie, by vLLM's `logprob_token_ids`.
    Trie,
    /// llama.cpp's grammars of token ids.
    ForcedTokens,
    /// The first token alone.
    FirstToken,
}

/// A name that is no way to score.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` is no way to score, expected {}", ScoringMethod::NAMES)]
pub struct ScoringMethodError {
    name: String,
}

impl ScoringMethod {
    const NAMES: &str = "`auto`, `prompt_logprobs`, `trie`, `forced_tokens` or `first_token`";

    /// The name in files and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::PromptLogprobs => "prompt_logprobs",
            Self::Trie => "trie",
            Self::ForcedTokens => "forced_tokens",
            Self::FirstToken => "first_token",
        }
    }
}

impl FromStr for ScoringMethod {
    type Err = ScoringMethodError;

    fn from_str(text: &str) -> Result<Self, ScoringMethodError> {
        match text {
            "auto" => Ok(Self::Auto),
            "prompt_logprobs" => Ok(Self::PromptLogprobs),
            "trie" => Ok(Self::Trie),
            "forced_tokens" => Ok(Self::ForcedTokens),
            "first_token" => Ok(Self::FirstToken),
            _ => Err(ScoringMethodError {
                name: text.to_owned(),
            }),
        }
    }
}

/// How the queries of score experiments are gone about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ScoringSettings {
    /// How probabilities are had.
    pub method: ScoringMethod,
    /// Whether equal queries are asked once.
    pub reuse: bool,
}

impl ScoringSettings {
    /// Scores by `method`; with `reuse`, equal queries once.
    pub fn new(method: ScoringMethod, reuse: bool) -> Self {
        Self { method, reuse }
    }

    /// Reads `scoring` of a `plan.yaml`.
    pub(crate) fn read(field: &Field<'_>) -> Option<Self> {
        let default = Self::default();
        let map = field.mapping(&["method", "reuse"])?;
        let method = map
            .optional("method")
            .map_or(Some(default.method), |field| {
                field.parsed(ScoringMethod::NAMES, |text| text.parse().ok())
            });
        let reuse = map.optional("reuse").map_or(Some(default.reuse), |field| {
            field.parsed("`true` or `false`", |text| text.parse().ok())
        });
        Some(Self::new(method?, reuse?))
    }
}

impl Default for ScoringSettings {
    /// Whichever method the server knows; equal queries are asked once.
    fn default() -> Self {
        Self::new(ScoringMethod::Auto, true)
    }
}
