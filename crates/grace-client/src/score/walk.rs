//! Next-token log-probabilities along tokens that the server itself generates: another way to the same numbers.

use serde_json::value::RawValue;

use super::{
    error::ScoreProblem,
    exchange::Scorer,
    read::{self, Step, Unusable},
    wire::{NextTokens, completion},
};
use crate::transport::Endpoint;

/// Tokens behind `prompt`; fewer than `length` where the model ended its text.
pub(super) async fn walk(
    scorer: &Scorer<'_>,
    prompt: &[u32],
    length: usize,
) -> Result<Result<Vec<Step>, Unusable>, ScoreProblem> {
    let body = completion(scorer.settings, prompt, length, NextTokens::new(1, None));
    let read = |raw: &RawValue| read::steps(raw);
    scorer.try_post(Endpoint::Completions, body, read).await
}

/// Tokens behind `prompt` without the end of the text, which llama.cpp's grammars cannot force.
pub(super) async fn endless_walk(
    scorer: &Scorer<'_>,
    prompt: &[u32],
    length: usize,
) -> Result<Result<Vec<Step>, Unusable>, ScoreProblem> {
    let extra = NextTokens::new(1, None).without_end();
    let body = completion(scorer.settings, prompt, length, extra);
    let read = |raw: &RawValue| read::steps_before_end(raw);
    scorer.try_post(Endpoint::Completions, body, read).await
}
