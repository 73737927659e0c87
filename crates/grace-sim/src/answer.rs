//! Generated texts as vLLM words its answers.

use std::time::UNIX_EPOCH;

use axum::http::HeaderMap;

use crate::generate::{Generated, Text, split_reasoning};
use crate::server::Shared;
use crate::wire::{
    Answer, ChatChoice, ChatExtra, ChatMessage, CompletionChoice, CompletionExtra, Usage,
};

/// Seconds since 1970 by the server's clock.
pub(crate) fn created(server: &Shared) -> u64 {
    (server.config.clock)()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

/// The answer's id: of the `X-Request-Id` header if there is one, as in vLLM.
fn id(server: &Shared, prefix: &str, headers: &HeaderMap) -> String {
    match headers
        .get("x-request-id")
        .and_then(|value| value.to_str().ok())
    {
        Some(id) => format!("{prefix}-{id}"),
        None => format!("{prefix}-{:016x}", server.next_number()),
    }
}

/// Texts as choices without log-probabilities.
pub(crate) fn plain_choices(texts: Vec<Text>) -> Vec<CompletionChoice> {
    let choices = texts.into_iter().enumerate();
    choices
        .map(|(index, text)| CompletionChoice {
            index,
            text: text.content,
            finish_reason: text.finish_reason,
            stop_reason: text.stop_reason,
            ..CompletionChoice::default()
        })
        .collect()
}

/// A completion of these choices; `usage` counts tokens of prompts and of answers.
pub(crate) fn completion<'a>(
    server: &'a Shared,
    headers: &HeaderMap,
    choices: Vec<CompletionChoice>,
    (prompt_tokens, completion_tokens): (usize, usize),
) -> Answer<'a, CompletionChoice, CompletionExtra> {
    Answer {
        id: id(server, "cmpl", headers),
        object: "text_completion",
        created: created(server),
        model: &server.config.model,
        choices,
        service_tier: (),
        system_fingerprint: &server.config.system_fingerprint,
        usage: Usage::new(prompt_tokens, completion_tokens),
        extra: CompletionExtra::default(),
        kv_transfer_params: (),
        ec_transfer_params: (),
        metrics: (),
    }
}

pub(crate) fn chat_completion<'a>(
    server: &'a Shared,
    headers: &HeaderMap,
    generated: Generated,
) -> Answer<'a, ChatChoice, ChatExtra> {
    let usage = Usage::new(generated.prompt_tokens, generated.completion_tokens);
    let choices = generated.texts.into_iter().enumerate();
    Answer {
        id: id(server, "chatcmpl", headers),
        object: "chat.completion",
        created: created(server),
        model: &server.config.model,
        choices: choices
            .map(|(index, text)| chat_choice(server, index, text))
            .collect(),
        service_tier: (),
        system_fingerprint: &server.config.system_fingerprint,
        usage,
        extra: ChatExtra::default(),
        kv_transfer_params: (),
        ec_transfer_params: (),
        metrics: (),
    }
}

fn chat_choice(server: &Shared, index: usize, text: Text) -> ChatChoice {
    let (content, reasoning) = match &server.config.reasoning {
        Some(reasoning) if reasoning.as_field => {
            let (content, thought) = split_reasoning(reasoning, &text.content);
            (content, Some(thought))
        }
        _ => (Some(text.content.trim_start().to_owned()), None),
    };
    ChatChoice {
        index,
        message: ChatMessage {
            role: "assistant",
            content,
            reasoning,
            ..ChatMessage::default()
        },
        finish_reason: text.finish_reason,
        stop_reason: text.stop_reason,
        ..ChatChoice::default()
    }
}
