//! llama.cpp's server: paths and what they answer, written from recorded answers of b11549.

mod answer;
mod grammar;
mod info;
mod reject;
mod request;

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::generate::{Input, generate};
use crate::reject::json_response;
use crate::server::Shared;
use crate::tokenizer::Tokenizer;
use crate::wire::{Message, Prompt};
use answer::{Completion, Kind};
use reject::Refused;
use request::{Request, Wanted};

type Server = State<Arc<Shared>>;

pub(crate) fn router(server: Arc<Shared>) -> Router {
    let healthy = || async { json_response(StatusCode::OK, &json!({"status": "ok"})) };
    let not_found = || async { Refused::not_found().into_response() };
    Router::new()
        .route("/health", get(healthy))
        .route("/v1/health", get(healthy))
        .route("/models", get(models))
        .route("/v1/models", get(models))
        .route("/props", get(props))
        .route("/tokenize", post(tokenize))
        .route("/detokenize", post(detokenize))
        .route("/apply-template", post(apply_template))
        .route("/completion", post(native))
        .route("/completions", post(native))
        .route("/v1/completions", post(completions))
        .route("/v1/chat/completions", post(chat))
        .fallback(not_found)
        .method_not_allowed_fallback(not_found)
        .layer(DefaultBodyLimit::disable())
        .with_state(server)
}

async fn models(State(server): Server) -> Response {
    json_response(StatusCode::OK, &info::models(&server))
}

async fn props(State(server): Server) -> Response {
    json_response(StatusCode::OK, &info::props(&server))
}

async fn tokenize(State(server): Server, body: Bytes) -> Response {
    respond(parsed(&body).map(|request| info::tokenize(&server, &request)))
}

async fn detokenize(body: Bytes) -> Response {
    respond(parsed(&body).map(|request| info::detokenize(&request)))
}

async fn apply_template(State(server): Server, body: Bytes) -> Response {
    respond(parsed(&body).and_then(|request| templated(&server, request)))
}

async fn native(State(server): Server, body: Bytes) -> Response {
    respond(parsed(&body).and_then(|request| tokenwise(&server, request, Kind::Native)))
}

async fn completions(State(server): Server, body: Bytes) -> Response {
    respond(parsed(&body).and_then(|request: Request| {
        if request.is_exact() {
            tokenwise(&server, request, Kind::OpenAi)
        } else {
            wordwise(&server, request)
        }
    }))
}

async fn chat(State(server): Server, body: Bytes) -> Response {
    respond(parsed(&body).and_then(|request| converse(&server, request)))
}

fn respond(answer: Result<Value, Refused>) -> Response {
    match answer {
        Ok(answer) => json_response(StatusCode::OK, &answer),
        Err(refused) => refused.into_response(),
    }
}

fn parsed<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refused> {
    serde_json::from_slice(body).map_err(|error| Refused::bad_body(&error))
}

/// An answer of the token model: log-probabilities, grammars, token ids.
fn tokenwise(server: &Shared, mut request: Request, kind: Kind) -> Result<Value, Refused> {
    let wanted = Wanted::checked(server, &mut request)?;
    let prompts = request.prompts(server)?;
    let mut told = Vec::new();
    for prompt in &prompts {
        told.extend(wanted.answers(server, prompt)?);
    }
    server.report(&mut told, false);
    let repeated = prompts
        .iter()
        .flat_map(|prompt| (0..wanted.children()).map(move |_| prompt.as_slice()));
    let completions: Vec<Completion<'_>> = repeated
        .zip(&told)
        .map(|(prompt, told)| Completion { prompt, told })
        .collect();
    Ok(answer::whole(server, &wanted, &completions, kind))
}

/// A text of a participant, word by word, as the other dialect gives it.
fn wordwise(server: &Shared, mut request: Request) -> Result<Value, Refused> {
    let wanted = Wanted::checked(server, &mut request)?;
    let texts = match request.prompt.take().ok_or_else(Refused::missing_prompt)? {
        Prompt::Text(text) => vec![text],
        Prompt::Texts(texts) => texts,
        // Whoever sends ids is answered token by token.
        Prompt::Ids(_) | Prompt::IdLists(_) => return Err(Refused::missing_prompt()),
    };
    let inputs = texts.into_iter().map(|text| fitting(server, text));
    let inputs: Vec<Input> = inputs.collect::<Result<_, _>>()?;
    let generated = generate(server, &inputs, &wanted.sampling);
    Ok(answer::texts(server, generated, &inputs))
}

/// A conversation as text, up to the model's turn.
fn templated(server: &Shared, mut request: Request) -> Result<Value, Refused> {
    let messages = request
        .messages
        .take()
        .ok_or_else(Refused::missing_messages)?;
    let turns: Vec<(String, String)> = messages.into_iter().map(Message::turn).collect();
    let ids = server.config.tokenizer.encode_chat(&turns, true);
    Ok(json!({"prompt": Tokenizer::decode(&ids)}))
}

fn converse(server: &Shared, mut request: Request) -> Result<Value, Refused> {
    let messages = request
        .messages
        .take()
        .ok_or_else(Refused::missing_messages)?;
    let wanted = Wanted::checked(server, &mut request)?;
    let input = fitting(server, crate::routes::conversation(messages))?;
    let inputs = [input];
    let generated = generate(server, &inputs, &wanted.sampling);
    Ok(answer::chat(server, generated, &inputs))
}

fn fitting(server: &Shared, text: String) -> Result<Input, Refused> {
    let input = Input::counted(text);
    request::fits(server, input.tokens())?;
    Ok(input)
}
