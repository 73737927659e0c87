//! One score query put to the server: from stimulus to request, from scores to journal line.

use std::borrow::Cow;

use grace_client::{
    OptionScore, OptionScores, RequestError, RequestErrorKind, ScoreError, ScoreExchange,
    ScoreMethod, ScoreRequest,
};
use grace_core::experiment::ScoreQuery;
use grace_core::journal::{JournalLine, RequestOutcome};
use grace_core::model::{Api, Model};
use grace_core::scoring::{Logprob, ScoreEntry, ScoredOption};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use crate::ask::{
    Answer, Asked, ServerState, a_try, chain, finish, input, one_line, outcome_of, rounded,
    server_after,
};

/// Makes the requests of one score query to one model.
#[derive(Debug, Clone)]
pub(crate) struct ScorePlan {
    model: String,
    api: Api,
    options: Vec<String>,
    method: ScoreMethod,
}

impl ScorePlan {
    pub(crate) fn new(query: &ScoreQuery, model: &Model, method: ScoreMethod) -> Self {
        Self {
            model: model.served_name.clone(),
            api: model.api,
            options: options(query),
            method,
        }
    }

    pub(crate) fn request(&self, prompt: String, seed: u64) -> ScoreRequest {
        let input = input(self.api, prompt);
        ScoreRequest::new(
            self.model.as_str(),
            input,
            self.options.clone(),
            self.method,
        )
        .with_seed(seed)
    }
}

/// The texts of the options.
pub(crate) fn options(query: &ScoreQuery) -> Vec<String> {
    let texts = query.options.iter().map(|option| option.text.clone());
    texts.collect()
}

/// What became of a score; `None` if it was cancelled.
pub(crate) fn answer(
    asked: Asked<'_>,
    result: &Result<OptionScores, ScoreError>,
) -> Option<Answer> {
    match result {
        Ok(scores) => Some(scored(asked, scores)),
        Err(ScoreError::Request(error)) if error.kind() == RequestErrorKind::Cancelled => None,
        Err(ScoreError::Request(error)) => Some(unanswered(asked, error)),
        Err(error) => Some(unscorable(asked, error)),
    }
}

/// What was sent, and where.
#[derive(Serialize)]
struct Posted<'a> {
    path: &'a str,
    body: &'a RawValue,
}

fn scored(asked: Asked<'_>, scores: &OptionScores) -> Answer {
    let posted = |exchange: &'_ ScoreExchange| (exchange.path, exchange.request.clone());
    let posted: Vec<_> = scores.exchanges.iter().map(posted).collect();
    let request = list(posted.iter().map(|(path, body)| Posted { path, body }));
    let responses = responses(scores);
    let line = JournalLine {
        score: Some(entry(scores)),
        prompt_tokens: Some(scores.prompt_ids.len() as u64),
        seconds: rounded(scores.elapsed),
        attempts: scores
            .exchanges
            .iter()
            .flat_map(|sent| sent.attempts.iter().map(a_try))
            .collect(),
        response: responses.as_deref(),
        ..asked.line(RequestOutcome::Answered, &request)
    };
    finish(&line, RequestOutcome::Answered, ServerState::Answers)
}

/// The bodies that came back. Those of `prompt_logprobs` repeat every token of every prompt, hundreds of kilobytes a
/// query, and hold no number that the entry has not.
fn responses(scores: &OptionScores) -> Option<Box<RawValue>> {
    if scores.method == ScoreMethod::PromptLogprobs {
        return None;
    }
    let bodies: Vec<Cow<'_, RawValue>> = scores
        .exchanges
        .iter()
        .map(|exchange| one_line(&exchange.response))
        .collect();
    Some(list(bodies.iter()))
}

fn entry(scores: &OptionScores) -> ScoreEntry<'static> {
    let option = |option: &OptionScore| ScoredOption {
        token_ids: option.token_ids.clone(),
        logprobs: option.token_logprobs.iter().copied().map(Logprob).collect(),
    };
    let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    ScoreEntry {
        method: scores.method.as_str().into(),
        border: scores.border.as_str().into(),
        prompt_tokens: count(scores.prompt_ids.len()),
        options: scores.options.iter().map(option).collect(),
        requests: count(scores.exchanges.len()),
        tokenise_requests: scores.tokenise_requests,
        prompt_tokens_sent: scores.prompt_tokens_sent,
    }
}

fn unanswered(asked: Asked<'_>, error: &RequestError) -> Answer {
    let outcome = outcome_of(error);
    let path = path_of(error.url());
    let body = error.request();
    let request = list(std::iter::once(Posted { path, body }));
    let line = JournalLine {
        reason: Some(chain(error).into()),
        seconds: error.elapsed().as_secs_f64(),
        attempts: error.attempts().iter().map(a_try).collect(),
        error_body: error.last_body().map(Into::into),
        ..asked.line(outcome, &request)
    };
    finish(&line, outcome, server_after(error, outcome))
}

/// Options that are no distinct events behind this prompt: asking again cannot help.
fn unscorable(asked: Asked<'_>, error: &ScoreError) -> Answer {
    let outcome = RequestOutcome::RefusedByServer;
    let request = list(std::iter::empty::<Posted<'_>>());
    let line = JournalLine {
        reason: Some(chain(error).into()),
        ..asked.line(outcome, &request)
    };
    finish(&line, outcome, ServerState::Answers)
}

/// What follows host and port.
fn path_of(url: &str) -> &str {
    let host = url.split_once("://").map_or(url, |(_, rest)| rest);
    host.find('/').and_then(|at| host.get(at..)).unwrap_or("/")
}

fn list<T: Serialize>(items: impl Iterator<Item = T>) -> Box<RawValue> {
    let items: Vec<T> = items.collect();
    to_raw_value(&items).expect("JSON and strings serialise into memory")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_what_follows_host_and_port() {
        assert_eq!(path_of("http://h:8000/v1/completions"), "/v1/completions");
        assert_eq!(path_of("http://h/tokenize"), "/tokenize");
        assert_eq!(path_of("http://h"), "/");
    }
}
