//! What goes over the wire: one body for all servers, and the few fields of
//! their answers that are used.

use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use crate::{
    failure::{Failure, FailureKind, ServerSaid},
    generate::{ChatMessage, Finish, GenerateRequest, Input, Usage},
};

/// The order of the fields is promised by [`GenerateRequest::body`].
#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    messages: Option<Vec<Message<'a>>>,
    temperature: f64,
    top_p: f64,
    top_k: i64,
    min_p: f64,
    presence_penalty: f64,
    frequency_penalty: f64,
    repetition_penalty: f64,
    repeat_penalty: f64,
    max_tokens: u32,
    n: u32,
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<u64>,
    stop: &'a [String],
}

/// A turn of a conversation.
#[derive(Serialize)]
pub(crate) struct Message<'a> {
    role: &'a str,
    content: &'a str,
}

impl<'a> From<&'a ChatMessage> for Message<'a> {
    fn from(message: &'a ChatMessage) -> Self {
        Self {
            role: &message.role,
            content: &message.content,
        }
    }
}

pub(crate) fn body(request: &GenerateRequest) -> Box<RawValue> {
    let sampling = &request.sampling;
    let (prompt, messages) = match &request.input {
        Input::Completion(prompt) => (Some(prompt.as_str()), None),
        Input::Chat(messages) => (None, Some(messages.iter().map(Message::from).collect())),
    };
    let body = Body {
        model: &request.model,
        prompt,
        messages,
        temperature: sampling.temperature,
        top_p: sampling.top_p,
        top_k: sampling.top_k,
        min_p: sampling.min_p,
        presence_penalty: sampling.presence_penalty,
        frequency_penalty: sampling.frequency_penalty,
        repetition_penalty: sampling.repetition_penalty,
        repeat_penalty: sampling.repetition_penalty,
        max_tokens: sampling.max_tokens,
        n: 1,
        stream: false,
        seed: request.seed,
        stop: &request.stop,
    };
    to_raw_value(&body).expect("strings and numbers under string keys are JSON")
}

/// The first choice of an answer.
#[derive(Debug)]
pub(crate) struct Answer {
    /// `None` if a thought took up all the tokens.
    pub(crate) text: Option<String>,
    pub(crate) reasoning: Option<String>,
    pub(crate) finish: Finish,
    pub(crate) id: Option<String>,
    pub(crate) usage: Option<Usage>,
    pub(crate) system_fingerprint: Option<String>,
}

#[derive(Deserialize)]
struct WireAnswer<'a> {
    id: Option<String>,
    choices: Option<Vec<WireChoice>>,
    usage: Option<WireUsage>,
    system_fingerprint: Option<String>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct WireChoice {
    text: Option<String>,
    message: Option<WireMessage>,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct WireMessage {
    content: Option<String>,
    reasoning: Option<String>,
    /// vLLM's older name, and that of other servers.
    reasoning_content: Option<String>,
}

#[derive(Deserialize)]
struct WireUsage {
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
}

/// Reads an answer that came with status 200.
pub(crate) fn read(raw: &RawValue) -> Result<Answer, Failure> {
    let body = raw.get().as_bytes();
    let failed = |kind, what: &str| {
        Failure::new(kind, format!("server answered 200 OK {what}"))
            .with_answer(StatusCode::OK, body)
    };
    let answer: WireAnswer<'_> = serde_json::from_slice(body).map_err(|error| {
        let what = format!("with a body of another shape: {error}");
        failed(FailureKind::BrokenBody, &what)
    })?;
    if answer.error.is_some() {
        let said = ServerSaid::parse(body).message;
        let what = format!("with an error: {said}");
        return Err(failed(FailureKind::ServerError, &what));
    }
    let Some(choices) = answer.choices else {
        return Err(failed(FailureKind::BrokenBody, "without choices"));
    };
    let Some(choice) = choices.into_iter().next() else {
        let what = "with an empty list of choices";
        return Err(failed(FailureKind::EmptyChoices, what));
    };
    let (text, reasoning, finish) = choice.into_parts();
    if text.is_none() && reasoning.is_none() && finish != Finish::Length {
        let what = "with a choice that has no text";
        return Err(failed(FailureKind::BrokenBody, what));
    }
    Ok(Answer {
        text,
        reasoning,
        finish,
        id: answer.id,
        usage: answer.usage.and_then(WireUsage::into_usage),
        system_fingerprint: answer.system_fingerprint,
    })
}

impl WireChoice {
    fn into_parts(self) -> (Option<String>, Option<String>, Finish) {
        let finish = match self.finish_reason {
            None => Finish::Missing,
            Some(reason) => match reason.as_str() {
                "stop" => Finish::Stop,
                "length" => Finish::Length,
                _ => Finish::Other(reason),
            },
        };
        match self.message {
            None => (self.text, None, finish),
            Some(message) => {
                let given = [message.reasoning, message.reasoning_content];
                let reasoning = given.into_iter().flatten().find(|text| !text.is_empty());
                (message.content.or(self.text), reasoning, finish)
            }
        }
    }
}

impl WireUsage {
    fn into_usage(self) -> Option<Usage> {
        Some(Usage {
            prompt_tokens: self.prompt_tokens?,
            completion_tokens: self.completion_tokens?,
        })
    }
}
