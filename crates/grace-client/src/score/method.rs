use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// How log-probabilities of options are had from a server.
///
/// The first three give the joint log-probability of all tokens of an option,
/// and agree with each other up to the server's arithmetic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ScoreMethod {
    /// vLLM's `prompt_logprobs`: one request that holds the bare prompt and
    /// the prompt with each option behind it. The prompt is computed anew for
    /// every option.
    PromptLogprobs,
    /// vLLM's `logprob_token_ids`: one request that holds the inner nodes of
    /// the options' token trie as prompts; the prompt's part comes from the
    /// server's prefix cache.
    Trie,
    /// llama.cpp's grammars of token ids: a request an option, in which the
    /// option is the only text that may be generated. The log-probabilities
    /// are those before the grammar.
    ForcedTokens,
    /// The log-probability of the first token of each option alone, from the
    /// server's list of the 20 likeliest tokens. Not a probability of the
    /// option: never chosen by itself.
    FirstToken,
}

impl ScoreMethod {
    /// The methods that give exact probabilities of whole options; what is
    /// cheaper for the server comes first.
    pub const EXACT: [Self; 3] = [Self::Trie, Self::PromptLogprobs, Self::ForcedTokens];

    /// `prompt_logprobs`, `trie`, `forced_tokens` or `first_token`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PromptLogprobs => "prompt_logprobs",
            Self::Trie => "trie",
            Self::ForcedTokens => "forced_tokens",
            Self::FirstToken => "first_token",
        }
    }
}

impl ScoreMethod {
    /// Whether each option has a prompt or a request of its own: their
    /// numbers then need not be of one distribution, and noise may make them
    /// add up to more than 1.
    pub(crate) fn asks_option_by_option(self) -> bool {
        matches!(self, Self::PromptLogprobs | Self::ForcedTokens)
    }
}

impl fmt::Display for ScoreMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A name that is no method of scoring.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no method of scoring, expected `prompt_logprobs`, `trie`, `forced_tokens` or `first_token`"
)]
pub struct ScoreMethodError(String);

impl FromStr for ScoreMethod {
    type Err = ScoreMethodError;

    fn from_str(text: &str) -> Result<Self, ScoreMethodError> {
        let all = [
            Self::PromptLogprobs,
            Self::Trie,
            Self::ForcedTokens,
            Self::FirstToken,
        ];
        let found = all.into_iter().find(|method| method.as_str() == text);
        found.ok_or_else(|| ScoreMethodError(text.to_owned()))
    }
}

/// Where the tokens of an option come from; the same for all options of a
/// prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum BorderRule {
    /// Prompt and option were tokenised as one text, and its tokens begin with
    /// those of the bare prompt: the option has the rest.
    Joint,
    /// In one text some option's first characters would have merged with the
    /// prompt's last ones, so each option was tokenised alone and its tokens
    /// put behind the prompt's.
    Appended,
    /// The prompt is a conversation in the model's template, up to where the
    /// assistant's turn begins; each option, without its leading space, was
    /// tokenised alone and put behind it.
    Chat,
}

impl BorderRule {
    /// `joint`, `appended` or `chat`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Joint => "joint",
            Self::Appended => "appended",
            Self::Chat => "chat",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        for method in ScoreMethod::EXACT {
            assert_eq!(method.as_str().parse(), Ok(method));
        }
        let error = "echo".parse::<ScoreMethod>().unwrap_err();
        assert!(error.to_string().contains("`echo`"));
    }
}
