//! One query put to the server: from stimulus to request, from answer to journal line.

use std::borrow::Cow;

use grace_client::{
    Attempt, ChatMessage, Finish, GenerateRequest, Generation, Input, ReasoningMarkers,
    RequestError, RequestErrorKind, Sampling,
};
use grace_core::experiment::GenerateQuery;
use grace_core::journal::{JournalLine, RequestOutcome, Try};
use grace_core::model::{Api, Model};
use grace_core::plan::RequestSettings;
use serde_json::value::RawValue;

use crate::clock::Timestamp;

/// Makes the requests of one query to one model.
#[derive(Debug, Clone)]
pub struct RequestPlan {
    model: String,
    api: Api,
    sampling: Sampling,
    stop: Vec<String>,
    markers: Option<ReasoningMarkers>,
}

impl RequestPlan {
    /// The requests of `query` to `model`.
    pub fn new(query: &GenerateQuery, model: &Model) -> Self {
        let settings = RequestSettings::new(query, model);
        let mut sampling =
            Sampling::new(settings.sampling.temperature, settings.sampling.max_tokens);
        sampling.top_p = settings.sampling.top_p;
        sampling.top_k = settings.sampling.top_k;
        sampling.min_p = settings.sampling.min_p;
        sampling.presence_penalty = settings.sampling.presence_penalty;
        sampling.frequency_penalty = settings.sampling.frequency_penalty;
        sampling.repetition_penalty = settings.sampling.repetition_penalty;
        let markers = model.reasoning.as_ref();
        Self {
            model: model.served_name.clone(),
            api: model.api,
            sampling,
            stop: settings.stop,
            markers: markers.map(|markers| ReasoningMarkers::new(&markers.start, &markers.end)),
        }
    }

    /// The request that asks `prompt` under `seed`.
    pub fn request(&self, prompt: String, seed: u64) -> GenerateRequest {
        let input = input(self.api, prompt);
        let request = GenerateRequest::new(self.model.as_str(), input, self.sampling)
            .with_seed(seed)
            .with_stop(self.stop.clone());
        match &self.markers {
            Some(markers) => request.with_reasoning(markers.clone()),
            None => request,
        }
    }
}

/// A prompt as the model's API takes it.
pub(crate) fn input(api: Api, prompt: String) -> Input {
    match api {
        Api::Chat => Input::Chat(vec![ChatMessage::user(prompt)]),
        _ => Input::Completion(prompt),
    }
}

/// Which request a line is about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) trial_id: u32,
    pub(crate) query: &'a str,
    pub(crate) seed: u64,
    pub(crate) started_at: Timestamp,
}

impl<'a> Asked<'a> {
    /// A line without an answer.
    pub(crate) fn line<'l>(self, outcome: RequestOutcome, request: &'l RawValue) -> JournalLine<'l>
    where
        'a: 'l,
    {
        JournalLine {
            trial_id: self.trial_id,
            query: self.query.into(),
            seed: self.seed,
            outcome,
            reason: None,
            text: None,
            score: None,
            reasoning: None,
            finish_reason: None,
            result_id: None,
            prompt_tokens: None,
            completion_tokens: None,
            started_at: self.started_at.to_string().into(),
            seconds: 0.0,
            attempts: Vec::new(),
            request,
            response: None,
            error_body: None,
        }
    }
}

/// A finished request as a journal line, with its line break.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) line: Vec<u8>,
    pub(crate) outcome: RequestOutcome,
    pub(crate) server: ServerState,
}

/// What a request says of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ServerState {
    /// It answers.
    Answers,
    /// It failed this request; one that fails many in a row answers none.
    Fails,
    /// Going on makes no sense: it was away for all the time that was allowed, or refuses everything.
    Gone,
}

/// What became of a request; `None` if it was cancelled.
pub(crate) fn answer(
    asked: Asked<'_>,
    result: &Result<Generation, RequestError>,
) -> Option<Answer> {
    match result {
        Ok(generation) => Some(answered(asked, generation)),
        Err(error) if error.kind() == RequestErrorKind::Cancelled => None,
        Err(error) => Some(unanswered(asked, error)),
    }
}

fn answered(asked: Asked<'_>, generation: &Generation) -> Answer {
    let truncated = generation.is_truncated_thought();
    let outcome = if truncated {
        RequestOutcome::Truncated
    } else {
        RequestOutcome::Answered
    };
    let reason = truncated.then_some("the token limit came before the end of the thought");
    let request = one_line(&generation.request);
    let response = one_line(&generation.response);
    let usage = generation.usage;
    let line = JournalLine {
        reason: reason.map(Into::into),
        text: (!truncated).then(|| generation.text.as_str().into()),
        reasoning: generation.reasoning.as_deref().map(Into::into),
        finish_reason: finish_reason(&generation.finish).map(Into::into),
        result_id: generation.id.as_deref().map(Into::into),
        prompt_tokens: usage.map(|usage| usage.prompt_tokens),
        completion_tokens: usage.map(|usage| usage.completion_tokens),
        seconds: seconds_of(&generation.attempts),
        attempts: generation.attempts.iter().map(a_try).collect(),
        response: Some(&response),
        ..asked.line(outcome, &request)
    };
    finish(&line, outcome, ServerState::Answers)
}

fn unanswered(asked: Asked<'_>, error: &RequestError) -> Answer {
    let outcome = outcome_of(error);
    let request = one_line(error.request());
    let line = JournalLine {
        reason: Some(chain(error).into()),
        seconds: error.elapsed().as_secs_f64(),
        attempts: error.attempts().iter().map(a_try).collect(),
        error_body: error.last_body().map(Into::into),
        ..asked.line(outcome, &request)
    };
    finish(&line, outcome, server_after(error, outcome))
}

/// What a failed request means for its query.
pub(crate) fn outcome_of(error: &RequestError) -> RequestOutcome {
    match error.kind() {
        RequestErrorKind::OverContext => RequestOutcome::OverContext,
        // Other refusals (401, 404, …) are about the key or the model, not about this request.
        RequestErrorKind::Refused {
            status: 400 | 413 | 422,
            ..
        }
        | RequestErrorKind::Unsendable => RequestOutcome::RefusedByServer,
        // Whole answers, the same each time: asking again would never end.
        RequestErrorKind::Unusable | RequestErrorKind::TooLarge => RequestOutcome::Unparsable,
        _ => RequestOutcome::Failed,
    }
}

/// Whether another request would fare better.
pub(crate) fn server_after(error: &RequestError, outcome: RequestOutcome) -> ServerState {
    use RequestErrorKind::{Refused, Unavailable, Untrusted, Unusable};
    match (error.kind(), outcome) {
        (Unavailable, _) | (Refused { .. } | Untrusted, RequestOutcome::Failed) => {
            ServerState::Gone
        }
        (Unusable, _) | (_, RequestOutcome::Failed) => ServerState::Fails,
        _ => ServerState::Answers,
    }
}

/// Makes the line's bytes.
pub(crate) fn finish(
    line: &JournalLine<'_>,
    outcome: RequestOutcome,
    server: ServerState,
) -> Answer {
    let mut bytes = Vec::with_capacity(2048);
    serde_json::to_writer(&mut bytes, line)
        .expect("strings and finite numbers serialise into memory");
    bytes.push(b'\n');
    Answer {
        line: bytes,
        outcome,
        server,
    }
}

/// The error and its causes in a line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// JSON without raw line breaks. Inside strings there are none, so dropping them changes no value.
pub(crate) fn one_line(json: &RawValue) -> Cow<'_, RawValue> {
    if !json.get().contains(['\n', '\r']) {
        return Cow::Borrowed(json);
    }
    let text = json.get().replace(['\n', '\r'], " ");
    RawValue::from_string(text).map_or(Cow::Borrowed(json), Cow::Owned)
}

fn finish_reason(finish: &Finish) -> Option<&str> {
    match finish {
        Finish::Stop => Some("stop"),
        Finish::Length => Some("length"),
        Finish::Other(reason) => Some(reason),
        _ => None,
    }
}

pub(crate) fn a_try(attempt: &Attempt) -> Try {
    Try {
        after: rounded(attempt.started_after),
        took: rounded(attempt.took),
        status: attempt.status,
        failure: attempt.failure.clone(),
        request: None,
        path: None,
    }
}

fn seconds_of(attempts: &[Attempt]) -> f64 {
    attempts
        .last()
        .map_or(0.0, |last| rounded(last.started_after + last.took))
}

/// Seconds to the microsecond.
pub(crate) fn rounded(duration: std::time::Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_answer_without_end_is_asked_for_no_more() {
        let sim = grace_sim::Sim::start(grace_sim::SimConfig::new("tiny"));
        let sim = sim.await.unwrap();
        let config = grace_client::ClientConfig::new(&sim.base_url()).unwrap();
        let client = grace_client::Client::new(config.with_max_body_bytes(10)).unwrap();
        let input = Input::Completion(String::from("Is it likely?"));
        let request = GenerateRequest::new("tiny", input, Sampling::new(0.7, 16));
        let cancel = grace_client::CancellationToken::new();
        let error = client.generate(&request, &cancel).await.unwrap_err();
        assert_eq!(error.kind(), RequestErrorKind::TooLarge);
        let outcome = outcome_of(&error);
        assert_eq!(outcome, RequestOutcome::Unparsable);
        assert_eq!(server_after(&error, outcome), ServerState::Answers);
    }

    #[test]
    fn json_over_several_lines_becomes_one_with_equal_values() {
        let pretty: Box<RawValue> =
            serde_json::from_str("{\n \"a\": \"x\\ny\",\r\n \"b\": [1,\n2]}").unwrap();
        let line = one_line(&pretty);
        assert!(!line.get().contains('\n'));
        let value = |json: &str| serde_json::from_str::<serde_json::Value>(json).unwrap();
        assert_eq!(value(line.get()), value(pretty.get()));
    }
}
