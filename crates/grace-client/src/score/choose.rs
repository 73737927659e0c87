//! Which ways of scoring a server knows, told by what its answers hold: servers ignore what they do not know.

use std::collections::BTreeSet;

use super::{
    error::ScoreProblem,
    exchange::Scorer,
    first_token, forced_tokens,
    method::ScoreMethod,
    read::{self, ReadError, Unusable},
    wire::{NextTokens, PromptLogprobs, completion},
};
use crate::{error::RequestErrorKind, transport::Endpoint};

/// More tokens than a server lists that was asked for the likeliest one alone.
const ASKED_IDS: usize = 8;

/// What trying a method showed.
#[derive(Debug)]
pub(super) enum Trial {
    Works,
    /// The server does not know it.
    Unknown(String),
    /// The server knows it, and its numbers are not those that were asked for.
    Broken(String),
}

/// Tries `method` on the ids of a prompt and an option.
pub(super) async fn trial(
    scorer: &Scorer<'_>,
    method: ScoreMethod,
    prompt: &[u32],
    option: &[u32],
) -> Result<Trial, ScoreProblem> {
    let tried = match method {
        ScoreMethod::PromptLogprobs => prompt_logprobs(scorer, prompt).await,
        ScoreMethod::Trie => token_ids(scorer, prompt, option).await,
        ScoreMethod::ForcedTokens => forced_tokens::works(scorer, prompt, option).await,
        ScoreMethod::FirstToken => listed(scorer, prompt).await,
    };
    match tried {
        Ok(Ok(())) => Ok(Trial::Works),
        Ok(Err(unusable)) => Ok(judge(method, &unusable)),
        Err(error) => refusal(error).map(Trial::Unknown),
    }
}

/// A server that leaves out a field does not know it; one that fills it wrongly does.
fn judge(method: ScoreMethod, unusable: &Unusable) -> Trial {
    let said = unusable.to_string();
    match (method, unusable) {
        (_, Unusable::Absent { .. } | Unusable::ByText)
        | (ScoreMethod::Trie, Unusable::Missing { .. })
        | (ScoreMethod::ForcedTokens, Unusable::OtherTokens | Unusable::Count { .. }) => {
            Trial::Unknown(said)
        }
        _ => Trial::Broken(said),
    }
}

/// Why a server refused a method, if that is what happened.
fn refusal(error: ScoreProblem) -> Result<String, ScoreProblem> {
    let request = error.request();
    let refused = request.is_some_and(|error| {
        let other = |status| !matches!(status, 401 | 403);
        matches!(error.kind(), RequestErrorKind::Refused { status } if other(status))
    });
    match request.and_then(std::error::Error::source) {
        Some(cause) if refused => Ok(cause.to_string()),
        _ => Err(error),
    }
}

async fn prompt_logprobs(
    scorer: &Scorer<'_>,
    prompt: &[u32],
) -> Result<Result<(), Unusable>, ScoreProblem> {
    let body = completion(scorer.settings, [prompt], 1, PromptLogprobs::ON);
    let read = |raw: &_| {
        let scored = read::prompts(raw, 1)?;
        let same = scored.first().is_some_and(|scored| scored.ids == prompt);
        same.then_some(())
            .ok_or(ReadError::from(Unusable::OtherTokens))
    };
    scorer.try_post(Endpoint::Completions, body, read).await
}

async fn token_ids(
    scorer: &Scorer<'_>,
    prompt: &[u32],
    option: &[u32],
) -> Result<Result<(), Unusable>, ScoreProblem> {
    let ids: BTreeSet<u32> = option.iter().chain(prompt).copied().collect();
    let ids: Vec<u32> = ids.into_iter().take(ASKED_IDS).collect();
    let extra = NextTokens::new(1, Some(&ids));
    let body = completion(scorer.settings, [prompt], 1, extra);
    let read = |raw: &_| {
        let listed = read::next_tokens(raw, 1)?.pop().unwrap_or_default();
        match ids.iter().find(|id| !listed.contains_key(id)) {
            Some(&id) => Err(ReadError::from(Unusable::Missing { id })),
            None => Ok(()),
        }
    };
    scorer.try_post(Endpoint::Completions, body, read).await
}

async fn listed(scorer: &Scorer<'_>, prompt: &[u32]) -> Result<Result<(), Unusable>, ScoreProblem> {
    let extra = NextTokens::new(first_token::LISTED, None);
    let body = completion(scorer.settings, [prompt], 1, extra);
    let read = |raw: &_| read::next_tokens(raw, 1).map(|_| ());
    scorer.try_post(Endpoint::Completions, body, read).await
}
