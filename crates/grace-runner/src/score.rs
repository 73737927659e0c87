//! One score query put to the server: from stimulus to request, from scores to journal line.

use std::borrow::Cow;

use grace_client::{
    OptionProblem, OptionScore, OptionScores, RequestError, RequestErrorKind, ScoreError,
    ScoreExchange, ScoreMethod, ScoreProblem, ScoreRequest,
};
use grace_core::experiment::ScoreQuery;
use grace_core::journal::{JournalLine, RequestOutcome, Try};
use grace_core::model::{Api, Model};
use grace_core::scoring::{Logprob, ScoreEntry, ScoredOption};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use crate::ask::{
    Answer, Asked, ServerState, a_try, chain, finish, input, one_line, outcome_of, rounded,
    server_after,
};

/// What helps where a server does not list the first tokens of options among the likeliest.
pub(crate) const OTHER_METHOD: &str =
    "choose another method by `--scoring`: auto, trie, prompt_logprobs or forced_tokens";

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
        Err(error) => match error.request().map(RequestError::kind) {
            Some(RequestErrorKind::Cancelled) => None,
            _ => Some(unscored(asked, error)),
        },
    }
}

fn scored(asked: Asked<'_>, scores: &OptionScores) -> Answer {
    // What answers to the others held is in the entry.
    let told = numbered(&scores.exchanges).filter(|(_, sent)| !sent.asks_for_ids());
    let request = sent(told.clone());
    // Answers of `prompt_logprobs` repeat every token of every prompt, hundreds of kilobytes a query, and hold no number
    // that the entry has not.
    let all = scores.method != ScoreMethod::PromptLogprobs;
    let response = all.then(|| received(told)).flatten();
    let line = JournalLine {
        score: Some(entry(scores)),
        prompt_tokens: Some(scores.prompt_ids.len() as u64),
        seconds: rounded(scores.elapsed),
        attempts: tries(&scores.exchanges),
        response: response.as_deref(),
        ..asked.line(RequestOutcome::Answered, &request)
    };
    finish(&line, RequestOutcome::Answered, ServerState::Answers)
}

/// A query without probabilities: everything that was sent and received all the same.
fn unscored(asked: Asked<'_>, error: &ScoreError) -> Answer {
    let (outcome, server) = verdict(error.problem());
    let request = sent(numbered(error.exchanges()));
    let response = received(numbered(error.exchanges()));
    let last_body = error.request().and_then(RequestError::last_body);
    let line = JournalLine {
        reason: Some(reason(error).into()),
        seconds: rounded(error.elapsed()),
        attempts: tries(error.exchanges()),
        response: response.as_deref(),
        error_body: last_body.map(Into::into),
        ..asked.line(outcome, &request)
    };
    finish(&line, outcome, server)
}

fn verdict(problem: &ScoreProblem) -> (RequestOutcome, ServerState) {
    match problem {
        ScoreProblem::Request(error) => {
            let outcome = outcome_of(error);
            (outcome, server_after(error, outcome))
        }
        // The server answered, about other tokens.
        ScoreProblem::Options(OptionProblem::NotListed { .. }) => {
            (RequestOutcome::Unparsable, ServerState::Answers)
        }
        // Options that are no distinct events behind this prompt: asking again cannot help.
        _ => (RequestOutcome::RefusedByServer, ServerState::Answers),
    }
}

fn reason(error: &ScoreError) -> String {
    let reason = chain(error);
    match error.problem() {
        ScoreProblem::Options(OptionProblem::NotListed { .. }) => {
            format!("{reason}; {OTHER_METHOD}")
        }
        _ => reason,
    }
}

/// A request, and which one of its query it is.
type Numbered<'a> = (u32, &'a ScoreExchange);

fn numbered(exchanges: &[ScoreExchange]) -> impl Iterator<Item = Numbered<'_>> + Clone {
    (0..).zip(exchanges)
}

/// What was sent, and where.
fn sent<'a>(exchanges: impl Iterator<Item = Numbered<'a>>) -> Box<RawValue> {
    #[derive(Serialize)]
    struct Posted<'a> {
        number: u32,
        path: &'a str,
        body: &'a RawValue,
    }
    list(exchanges.map(|(number, exchange)| Posted {
        number,
        path: exchange.path,
        body: &exchange.request,
    }))
}

/// The bodies that came back, null where none did; `None` if none did at all.
fn received<'a>(exchanges: impl Iterator<Item = Numbered<'a>>) -> Option<Box<RawValue>> {
    let body = |(_, exchange): Numbered<'a>| exchange.response.as_deref().map(one_line);
    let bodies: Vec<Option<Cow<'_, RawValue>>> = exchanges.map(body).collect();
    let any = bodies.iter().any(Option::is_some);
    any.then(|| list(bodies.iter()))
}

fn tries(exchanges: &[ScoreExchange]) -> Vec<Try> {
    let of_request = |(number, exchange): Numbered<'_>| {
        let numbered = |attempt| Try {
            request: Some(number),
            path: Some(exchange.path.to_owned()),
            ..a_try(attempt)
        };
        exchange.attempts.iter().map(numbered).collect::<Vec<_>>()
    };
    numbered(exchanges).flat_map(of_request).collect()
}

fn entry(scores: &OptionScores) -> ScoreEntry<'static> {
    let option = |option: &OptionScore| ScoredOption {
        token_ids: option.token_ids.clone(),
        logprobs: option.token_logprobs.iter().copied().map(Logprob).collect(),
    };
    let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let for_ids = scores.exchanges.iter().filter(|sent| sent.asks_for_ids());
    ScoreEntry {
        method: scores.method.as_str().into(),
        border: scores.border.as_str().into(),
        prompt_tokens: count(scores.prompt_ids.len()),
        options: scores.options.iter().map(option).collect(),
        requests: count(scores.exchanges.len() - for_ids.clone().count()),
        tokenise_requests: count(for_ids.count()),
        prompt_tokens_sent: scores.prompt_tokens_sent,
    }
}

fn list<T: Serialize>(items: impl Iterator<Item = T>) -> Box<RawValue> {
    let items: Vec<T> = items.collect();
    to_raw_value(&items).expect("JSON and strings serialise into memory")
}
