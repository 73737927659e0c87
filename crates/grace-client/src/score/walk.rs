//! Next-token log-probabilities along tokens that the server itself generates: another way to the same numbers.

use serde_json::value::RawValue;

use super::{
    error::ScoreError,
    exchange::Scorer,
    read::{self, Unusable},
    wire::{NextTokens, completion},
};
use crate::transport::Endpoint;

/// Tokens behind `prompt`, each with its log-probability; fewer than `length` where the model ended its text.
pub(super) async fn walk(
    scorer: &Scorer<'_>,
    prompt: &[u32],
    length: usize,
) -> Result<Result<Vec<(u32, f64)>, Unusable>, ScoreError> {
    let body = completion(scorer.settings, prompt, length, NextTokens::new(1, None));
    let read = |raw: &RawValue| read::generated(raw);
    scorer.try_post(Endpoint::Completions, body, read).await
}
