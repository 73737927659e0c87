//! The bodies of scoring requests: everything that could touch a distribution is sent, and off.

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use super::exchange::Settings;
use crate::{generate::ChatMessage, wire::Message};

/// A completion request; `X` is what one way of scoring asks for.
#[derive(Serialize)]
struct Body<'a, P, X> {
    model: &'a str,
    prompt: P,
    temperature: f64,
    top_p: f64,
    top_k: u32,
    min_p: f64,
    presence_penalty: f64,
    frequency_penalty: f64,
    repetition_penalty: f64,
    repeat_penalty: f64,
    max_tokens: usize,
    n: u32,
    stream: bool,
    seed: u64,
    #[serde(flatten)]
    extra: X,
}

/// A request that generates `max_tokens` tokens behind each prompt.
pub(super) fn completion(
    settings: Settings<'_>,
    prompt: impl Serialize,
    max_tokens: usize,
    extra: impl Serialize,
) -> Box<RawValue> {
    json(&Body {
        model: settings.model,
        prompt,
        temperature: settings.temperature,
        top_p: 1.0,
        top_k: 0,
        min_p: 0.0,
        presence_penalty: 0.0,
        frequency_penalty: 0.0,
        repetition_penalty: 1.0,
        repeat_penalty: 1.0,
        max_tokens,
        n: 1,
        stream: false,
        seed: settings.seed,
        extra,
    })
}

/// The log-probabilities of each prompt's own tokens, and their ids.
#[derive(Serialize)]
pub(super) struct PromptLogprobs {
    prompt_logprobs: u32,
    return_token_ids: bool,
}

impl PromptLogprobs {
    pub(super) const ON: Self = Self {
        prompt_logprobs: 0,
        return_token_ids: true,
    };
}

/// The log-probabilities of the likeliest next tokens, named by id.
#[derive(Serialize)]
pub(super) struct NextTokens<'a> {
    /// vLLM has at most 20.
    pub(super) logprobs: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) logprob_token_ids: Option<&'a [u32]>,
    return_tokens_as_token_ids: bool,
    /// llama.cpp: a cached prefix may have been computed in other batches, which moves its numbers.
    cache_prompt: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    ignore_eos: Option<bool>,
}

impl<'a> NextTokens<'a> {
    /// The `count` likeliest, and those of `ids`.
    pub(super) fn new(count: u32, ids: Option<&'a [u32]>) -> Self {
        Self {
            logprobs: count,
            logprob_token_ids: ids,
            return_tokens_as_token_ids: true,
            cache_prompt: false,
            ignore_eos: None,
        }
    }

    /// Of a text that goes on where the model would end it; the log-probabilities stay the model's.
    pub(super) fn without_end(self) -> Self {
        Self {
            ignore_eos: Some(true),
            ..self
        }
    }
}

/// llama.cpp: nothing but these tokens may be generated.
#[derive(Serialize)]
pub(super) struct Forced {
    grammar: String,
    logprobs: u32,
    cache_prompt: bool,
}

impl Forced {
    pub(super) fn new(ids: &[u32]) -> Self {
        let tokens: Vec<String> = ids.iter().map(|id| format!("<[{id}]>")).collect();
        Self {
            grammar: format!("root ::= {}", tokens.join(" ")),
            logprobs: 1,
            cache_prompt: false,
        }
    }
}

/// A first request with log-probabilities, for which servers may have to make ready; its prompt's tokens are counted.
#[derive(Serialize)]
pub(super) struct WarmUp {
    logprobs: u32,
}

impl WarmUp {
    pub(super) const ON: Self = Self { logprobs: 1 };
}

/// A text to tokenise, in the words of vLLM and of llama.cpp; each ignores the other's.
#[derive(Serialize)]
struct Tokenise<'a> {
    model: &'a str,
    prompt: &'a str,
    add_special_tokens: bool,
    content: &'a str,
    add_special: bool,
}

/// A request for the ids of `text`, with what the server puts before a prompt or without.
pub(super) fn tokenise(model: &str, text: &str, special: bool) -> Box<RawValue> {
    json(&Tokenise {
        model,
        prompt: text,
        add_special_tokens: special,
        content: text,
        add_special: special,
    })
}

#[derive(Serialize)]
struct Conversation<'a> {
    model: &'a str,
    messages: Vec<Message<'a>>,
    add_generation_prompt: bool,
}

/// A conversation up to the assistant's turn: for vLLM's `/tokenize` or llama.cpp's `/apply-template`.
pub(super) fn conversation(model: &str, messages: &[ChatMessage]) -> Box<RawValue> {
    json(&Conversation {
        model,
        messages: messages.iter().map(Message::from).collect(),
        add_generation_prompt: true,
    })
}

fn json(value: &impl Serialize) -> Box<RawValue> {
    to_raw_value(value).expect("strings and numbers under string keys are JSON")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_touches_a_distribution_is_left_to_the_server() {
        let settings = Settings {
            model: "m",
            seed: 7,
            temperature: 1.0,
        };
        let body = completion(settings, [1, 2], 2, Forced::new(&[5, 7]));
        assert_eq!(
            body.get(),
            r#"{"model":"m","prompt":[1,2],"temperature":1.0,"top_p":1.0,"top_k":0,"min_p":0.0,"presence_penalty":0.0,"frequency_penalty":0.0,"repetition_penalty":1.0,"repeat_penalty":1.0,"max_tokens":2,"n":1,"stream":false,"seed":7,"grammar":"root ::= <[5]> <[7]>","logprobs":1,"cache_prompt":false}"#
        );
    }
}
