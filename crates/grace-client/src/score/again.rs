//! The requests of an earlier score once more, byte for byte.

use serde_json::value::RawValue;

use super::{
    error::ScoreProblem, exchange::Scorer, first_token, forced_tokens, method::ScoreMethod,
    prompt_logprobs, trie,
};

/// A score as it was recorded.
#[derive(Debug, Clone)]
pub struct RecordedScore<'a> {
    /// How it was had.
    pub method: ScoreMethod,
    /// The bodies that were sent to `/v1/completions`, in order.
    pub bodies: Vec<&'a RawValue>,
    /// The tokens of each option.
    pub options: Vec<Vec<u32>>,
}

/// The log-probabilities of the tokens of each option, now.
pub(crate) async fn rescore(
    scorer: &Scorer<'_>,
    recorded: &RecordedScore<'_>,
) -> Result<Vec<Vec<f64>>, ScoreProblem> {
    let RecordedScore {
        method,
        bodies,
        options,
    } = recorded;
    match method {
        ScoreMethod::PromptLogprobs => prompt_logprobs::again(scorer, bodies, options).await,
        ScoreMethod::Trie => trie::again(scorer, bodies, options).await,
        ScoreMethod::ForcedTokens => forced_tokens::again(scorer, bodies, options).await,
        ScoreMethod::FirstToken => first_token::again(scorer, bodies, options).await,
    }
}
