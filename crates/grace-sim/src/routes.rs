//! Paths and what they answer.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::answer::{chat_completion, completion, created, plain_choices};
use crate::generate::{Input, Sampling, generate};
use crate::reject::{Rejection, json_response};
use crate::score::{self, is_exact};
use crate::server::Shared;
use crate::stream;
use crate::tokenize::{self, DetokenizeRequest, TokenizeRequest};
use crate::wire::{GenerateRequest, Message, Prompt};

type Server = State<Arc<Shared>>;

/// Completion tokens where a request names no limit, as in vLLM.
pub(crate) const DEFAULT_MAX_TOKENS: i64 = 16;

pub(crate) fn router(server: Arc<Shared>) -> Router {
    Router::new()
        .route("/health", get(StatusCode::OK))
        .route("/ping", get(StatusCode::OK).post(StatusCode::OK))
        .route("/version", get(version))
        .route("/v1/models", get(models))
        .route("/tokenize", post(tokenize))
        .route("/detokenize", post(detokenize))
        .route("/v1/completions", post(completions))
        .route("/v1/chat/completions", post(chat))
        .fallback(|| async { detail(StatusCode::NOT_FOUND, "Not Found") })
        .method_not_allowed_fallback(|| async {
            detail(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed")
        })
        .layer(DefaultBodyLimit::disable())
        .with_state(server)
}

fn detail(status: StatusCode, text: &str) -> Response {
    json_response(status, &json!({"detail": text}))
}

async fn version(State(server): Server) -> Response {
    json_response(StatusCode::OK, &json!({"version": server.config.version}))
}

async fn models(State(server): Server) -> Response {
    let (model, created) = (&server.config.model, created(&server));
    let permission = json!({
        "id": "modelperm-0000000000000000", "object": "model_permission", "created": created,
        "allow_create_engine": false, "allow_sampling": true, "allow_logprobs": true,
        "allow_search_indices": false, "allow_view": true, "allow_fine_tuning": false,
        "organization": "*", "group": null, "is_blocking": false,
    });
    let entry = json!({
        "id": model, "object": "model", "created": created, "owned_by": "vllm", "root": model,
        "parent": null, "max_model_len": server.config.max_model_len, "permission": [permission],
    });
    json_response(StatusCode::OK, &json!({"object": "list", "data": [entry]}))
}

async fn completions(State(server): Server, headers: HeaderMap, body: Bytes) -> Response {
    complete(&server, &headers, &body).unwrap_or_else(Rejection::into_response)
}

async fn tokenize(State(server): Server, headers: HeaderMap, body: Bytes) -> Response {
    let answer = parsed::<TokenizeRequest>(&headers, &body).and_then(|request| {
        known_model(&server, request.model.as_deref())?;
        tokenize::tokenize(&server, request)
    });
    told(answer)
}

async fn detokenize(State(server): Server, headers: HeaderMap, body: Bytes) -> Response {
    let answer = parsed::<DetokenizeRequest>(&headers, &body).and_then(|request| {
        known_model(&server, request.model.as_deref())?;
        tokenize::detokenize(&request)
    });
    told(answer)
}

fn told(answer: Result<Value, Rejection>) -> Response {
    match answer {
        Ok(answer) => json_response(StatusCode::OK, &answer),
        Err(rejection) => rejection.into_response(),
    }
}

async fn chat(State(server): Server, headers: HeaderMap, body: Bytes) -> Response {
    converse(&server, &headers, &body).unwrap_or_else(Rejection::into_response)
}

fn complete(server: &Shared, headers: &HeaderMap, body: &[u8]) -> Result<Response, Rejection> {
    let mut request: GenerateRequest = parsed(headers, body)?;
    known_model(server, request.model.as_deref())?;
    if is_exact(&request) {
        return score::complete(server, headers, request);
    }
    let limit = server.config.max_model_len;
    let inputs: Vec<Input> = texts(request.prompt.take())?
        .into_iter()
        .map(|text| Input::checked(text, limit))
        .collect::<Result<_, _>>()?;
    let max_tokens = request.max_tokens.or(Some(DEFAULT_MAX_TOKENS));
    let sampling = Sampling::checked(&mut request, max_tokens, limit)?;
    let generated = generate(server, &inputs, &sampling);
    let usage = (generated.prompt_tokens, generated.completion_tokens);
    let answer = completion(server, headers, plain_choices(generated.texts), usage);
    Ok(stream::completion_or_whole(&answer, request.streamed()))
}

fn converse(server: &Shared, headers: &HeaderMap, body: &[u8]) -> Result<Response, Rejection> {
    let mut request: GenerateRequest = parsed(headers, body)?;
    known_model(server, request.model.as_deref())?;
    let messages = request
        .messages
        .take()
        .ok_or_else(|| Rejection::missing_field("messages"))?;
    let limit = server.config.max_model_len;
    let input = Input::checked(conversation(messages), limit)?;
    let max_tokens = request.max_completion_tokens.or(request.max_tokens);
    let sampling = Sampling::checked(&mut request, max_tokens, limit)?;
    let answer = chat_completion(server, headers, generate(server, &[input], &sampling));
    Ok(match request.streamed() {
        Some(include_usage) => stream::chat(&answer, include_usage),
        None => json_response(StatusCode::OK, &answer),
    })
}

fn parsed<T: DeserializeOwned>(headers: &HeaderMap, body: &[u8]) -> Result<T, Rejection> {
    let content_type = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    if !content_type.is_some_and(|value| value.starts_with("application/json")) {
        return Err(Rejection::not_json());
    }
    serde_json::from_slice(body).map_err(|error| Rejection::bad_body(&error))
}

fn known_model(server: &Shared, asked: Option<&str>) -> Result<(), Rejection> {
    match asked {
        Some(model) if model != server.config.model => {
            Err(Rejection::unknown_model(model, &server.config.model))
        }
        _ => Ok(()),
    }
}

/// The prompts, which are texts: whoever asks with token ids is answered token by token.
fn texts(prompt: Option<Prompt>) -> Result<Vec<String>, Rejection> {
    let texts = match prompt.ok_or_else(Rejection::missing_prompt)? {
        Prompt::Text(text) => vec![text],
        Prompt::Texts(texts) => texts,
        Prompt::Ids(_) | Prompt::IdLists(_) => return Err(Rejection::no_prompts()),
    };
    if texts.iter().any(String::is_empty) {
        return Err(Rejection::missing_prompt());
    }
    Ok(texts)
}

pub(crate) fn conversation(messages: Vec<Message>) -> String {
    let said = messages
        .into_iter()
        .filter(|message| message.content.is_some());
    let texts: Vec<String> = said.map(|message| message.turn().1).collect();
    texts.join("\n")
}
