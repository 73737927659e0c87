//! Answers as llama.cpp words them.

use serde_json::{Value, json};

use super::info::settings;
use super::request::Wanted;
use crate::answer::created;
use crate::exact::{Candidate, Position, Told};
use crate::generate::{Generated, Input};
use crate::server::Shared;
use crate::tokenizer::Tokenizer;

/// Which of the two ways to ask for a completion it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `/completion`.
    Native,
    /// `/v1/completions`.
    OpenAi,
}

/// One prompt and one answer to it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Completion<'a> {
    pub(crate) prompt: &'a [u32],
    pub(crate) told: &'a Told,
}

/// The answer of the token model. Usage is that of the first prompt alone, as in the real server.
pub(crate) fn whole(server: &Shared, wanted: &Wanted, all: &[Completion<'_>], kind: Kind) -> Value {
    if kind == Kind::Native {
        let mut answers = all
            .iter()
            .enumerate()
            .map(|(index, one)| native(server, wanted, index, *one));
        return match all {
            [_] => answers.next().unwrap_or_default(),
            _ => answers.collect(),
        };
    }
    let choices = all.iter().enumerate().map(|(index, one)| {
        let content = one.told.positions.as_ref();
        let logprobs = content.map(|positions| json!({"content": items(positions)}));
        json!({
            "text": one.told.text,
            "index": index,
            "logprobs": logprobs,
            "finish_reason": one.told.finish_reason(),
        })
    });
    let usage = all
        .first()
        .map_or((0, 0), |one| (one.prompt.len(), one.told.tokens.len()));
    envelope(server, "text_completion", choices.collect(), usage)
}

/// Texts of a participant.
pub(crate) fn texts(server: &Shared, generated: Generated, inputs: &[Input]) -> Value {
    let usage = first_usage(&generated, inputs);
    let choices = generated
        .texts
        .into_iter()
        .enumerate()
        .map(|(index, text)| {
            json!({
                "text": text.content,
                "index": index,
                "logprobs": null,
                "finish_reason": text.finish_reason,
            })
        });
    envelope(server, "text_completion", choices.collect(), usage)
}

/// A chat answer of a participant.
pub(crate) fn chat(server: &Shared, generated: Generated, inputs: &[Input]) -> Value {
    let usage = first_usage(&generated, inputs);
    let choices = generated
        .texts
        .into_iter()
        .enumerate()
        .map(|(index, text)| {
            json!({
                "finish_reason": text.finish_reason,
                "index": index,
                "message": {"role": "assistant", "content": text.content.trim_start()},
            })
        });
    envelope(server, "chat.completion", choices.collect(), usage)
}

/// Words of the first prompt, and of the answers' mean.
fn first_usage(generated: &Generated, inputs: &[Input]) -> (usize, usize) {
    let answers = generated.texts.len().max(1);
    let prompt = inputs.first().map_or(0, Input::tokens);
    (prompt, generated.completion_tokens / answers)
}

fn envelope(
    server: &Shared,
    object: &str,
    choices: Vec<Value>,
    (prompt, completion): (usize, usize),
) -> Value {
    json!({
        "choices": Value::Array(choices),
        "created": created(server),
        "model": server.config.model,
        "system_fingerprint": "b0-unknown",
        "object": object,
        "usage": {
            "completion_tokens": completion,
            "prompt_tokens": prompt,
            "total_tokens": prompt + completion,
            "prompt_tokens_details": {"cached_tokens": 0},
        },
        "id": format!("chatcmpl-{:032x}", server.next_number()),
        "timings": timings(prompt, completion),
    })
}

fn native(server: &Shared, wanted: &Wanted, index: usize, one: Completion<'_>) -> Value {
    let Completion { prompt, told } = one;
    let (evaluated, predicted) = (prompt.len(), told.tokens.len());
    let stop_type = match (&told.stopped_by, told.ended) {
        (Some(_), _) => "word",
        (None, true) => "eos",
        (None, false) => "limit",
    };
    let mut answer = json!({
        "index": index,
        "content": told.text,
        "tokens": if wanted.return_tokens { told.tokens.as_slice() } else { &[] },
        "id_slot": 0,
        "stop": true,
        "model": server.config.model,
        "tokens_predicted": predicted,
        "tokens_evaluated": evaluated,
        "generation_settings": settings(wanted),
        "prompt": Tokenizer::decode(prompt),
        "has_new_line": told.text.contains('\n'),
        "truncated": false,
        "stop_type": stop_type,
        "stopping_word": told.stopped_by.as_deref().unwrap_or_default(),
        "tokens_cached": (evaluated + predicted).saturating_sub(1),
        "timings": timings(evaluated, predicted),
    });
    if let Some(positions) = &told.positions {
        answer["completion_probabilities"] = items(positions);
    }
    answer
}

fn items(positions: &[Position]) -> Value {
    positions.iter().map(item).collect()
}

fn item(position: &Position) -> Value {
    let mut item = candidate(&position.token);
    if position.missing == Some(position.token.id)
        && let Some(item) = item.as_object_mut()
    {
        item.remove("logprob");
    }
    let beside = position.beside.iter();
    let listed = beside.filter(|one| position.missing != Some(one.id));
    item["top_logprobs"] = listed.map(candidate).collect();
    item
}

fn candidate(one: &Candidate) -> Value {
    let bytes = Tokenizer::bytes(one.id).unwrap_or_default();
    let bytes = if Tokenizer::is_special(one.id) {
        &[]
    } else {
        bytes
    };
    json!({
        "id": one.id,
        "token": String::from_utf8_lossy(bytes),
        "bytes": bytes,
        "logprob": one.logprob,
    })
}

/// As if a token took a millisecond.
fn timings(prompt: usize, predicted: usize) -> Value {
    json!({
        "cache_n": 0,
        "prompt_n": prompt,
        "prompt_ms": prompt as f64,
        "prompt_per_token_ms": 1.0,
        "prompt_per_second": 1000.0,
        "predicted_n": predicted,
        "predicted_ms": predicted as f64,
        "predicted_per_token_ms": 1.0,
        "predicted_per_second": 1000.0,
    })
}
