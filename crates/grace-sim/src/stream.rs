//! Answers as server-sent events: a chunk a word, then usage if asked for, then `[DONE]`.

use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::reject::json_response;
use crate::wire::{Answer, ChatChoice, ChatExtra, CompletionChoice, CompletionExtra};

/// A completion: whole, or as a stream (and if so, with or without usage).
pub(crate) fn completion_or_whole(
    answer: &Answer<'_, CompletionChoice, CompletionExtra>,
    streamed: Option<bool>,
) -> Response {
    match streamed {
        Some(include_usage) => completion(answer, include_usage),
        None => json_response(StatusCode::OK, answer),
    }
}

/// A completion, streamed. All events are sent at once; log-probabilities are not.
fn completion(
    answer: &Answer<'_, CompletionChoice, CompletionExtra>,
    include_usage: bool,
) -> Response {
    let mut events = Events::new(answer, answer.object);
    for choice in &answer.choices {
        let pieces = pieces(&choice.text);
        let last = pieces.len() - 1;
        for (place, piece) in pieces.into_iter().enumerate() {
            let ended = place == last;
            events.push(json!([{
                "index": choice.index,
                "text": piece,
                "logprobs": null,
                "finish_reason": ended.then_some(choice.finish_reason),
                "stop_reason": choice.stop_reason.as_ref().filter(|_| ended),
                "prompt_token_ids": null,
                "token_ids": null,
            }]));
        }
    }
    events.finish(answer, include_usage)
}

/// A chat answer, streamed: the role, then reasoning, then content.
pub(crate) fn chat(answer: &Answer<'_, ChatChoice, ChatExtra>, include_usage: bool) -> Response {
    let mut events = Events::new(answer, "chat.completion.chunk");
    for choice in &answer.choices {
        let mut delta = |delta: Value, finish_reason: Option<&str>| {
            events.push(json!([{
                "index": choice.index,
                "delta": delta,
                "logprobs": null,
                "finish_reason": finish_reason,
                "stop_reason": choice.stop_reason.as_ref().filter(|_| finish_reason.is_some()),
                "token_ids": null,
            }]));
        };
        delta(json!({"role": "assistant", "content": ""}), None);
        for piece in pieces(choice.message.reasoning.as_deref().unwrap_or_default()) {
            delta(json!({"reasoning": piece}), None);
        }
        for piece in pieces(choice.message.content.as_deref().unwrap_or_default()) {
            delta(json!({"content": piece}), None);
        }
        delta(json!({"content": ""}), Some(choice.finish_reason));
    }
    events.finish(answer, include_usage)
}

/// The text, cut before the white space of each word; at least one piece.
fn pieces(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = text;
    let mut in_word = false;
    for (at, c) in text.char_indices() {
        if c.is_whitespace() && in_word {
            let (piece, after) = rest.split_at(at - (text.len() - rest.len()));
            pieces.push(piece);
            rest = after;
        }
        in_word = !c.is_whitespace();
    }
    pieces.push(rest);
    pieces
}

/// The text of the events so far, and what all chunks begin with.
struct Events {
    head: Value,
    text: String,
}

impl Events {
    fn new<C, X>(answer: &Answer<'_, C, X>, object: &str) -> Self {
        let head = json!({
            "id": answer.id,
            "object": object,
            "created": answer.created,
            "model": answer.model,
        });
        Self {
            head,
            text: String::new(),
        }
    }

    fn push(&mut self, choices: Value) {
        let mut chunk = self.head.clone();
        chunk["choices"] = choices;
        self.push_data(&chunk.to_string());
    }

    fn push_data(&mut self, data: &str) {
        self.text.push_str("data: ");
        self.text.push_str(data);
        self.text.push_str("\n\n");
    }

    fn finish<C, X>(mut self, answer: &Answer<'_, C, X>, include_usage: bool) -> Response {
        if include_usage {
            let mut chunk = self.head.clone();
            chunk["choices"] = json!([]);
            chunk["usage"] = json!({
                "prompt_tokens": answer.usage.prompt_tokens,
                "total_tokens": answer.usage.total_tokens,
                "completion_tokens": answer.usage.completion_tokens,
            });
            chunk["system_fingerprint"] = json!(answer.system_fingerprint);
            self.push_data(&chunk.to_string());
        }
        self.push_data("[DONE]");
        (
            [(CONTENT_TYPE, "text/event-stream; charset=utf-8")],
            self.text,
        )
            .into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_add_up_to_the_text() {
        assert_eq!(pieces(" It was \n good."), [" It", " was", " \n good."]);
        assert_eq!(pieces("1 2 3"), ["1", " 2", " 3"]);
        assert_eq!(pieces(""), [""]);
    }
}
