//! What a request passes before it is answered: the server's state, the key, faults, the queue.

use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, Request, StatusCode};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use hyper::body::Incoming;
use serde_json::json;
use tower::Service as _;

use crate::config::Dialect;
use crate::faults::{Fault, RetryAfter};
use crate::record;
use crate::reject::{Rejection, json_response, raw_json};
use crate::server::{Life, Shared};

/// What becomes of a request.
pub(crate) enum Outcome {
    Answer(Response),
    /// The connection ends without a byte, by RST or FIN.
    Cut {
        reset: bool,
    },
}

/// Leads a request through the gate and, if all is well, to the router.
pub(crate) async fn pass(server: &Shared, router: Router, request: Request<Incoming>) -> Outcome {
    server.silence().await;
    if server.life() == Life::Loading {
        return Outcome::Answer(loading());
    }
    let (head, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(Body::new(body), usize::MAX).await else {
        return Outcome::Cut { reset: false };
    };
    let path = head.uri.path();
    let generates = generates(path);
    let authorised = is_open(server, path) || has_key(server, head.headers.get(AUTHORIZATION));
    let fault = authorised
        .then(|| server.faults.next(generates, &body))
        .flatten();
    server.record.count_request(fault.is_some());
    if server.record.keeps_log() {
        server.record.log(record::Request {
            method: head.method.to_string(),
            path: path.to_owned(),
            body: body.clone(),
            at: server.started.elapsed(),
            fault: fault.clone(),
        });
    }
    if !authorised {
        return Outcome::Answer(unauthorised(server.config.dialect));
    }
    if generates && server.life() == Life::Draining {
        return Outcome::Answer(Rejection::draining().into_response());
    }
    let request = Request::from_parts(head, body);
    if generates {
        let in_flight = server.record.begin_generation();
        if server
            .config
            .die_after
            .is_some_and(|most| in_flight.number > most)
        {
            server.die();
            return Outcome::Cut { reset: true };
        }
        let outcome = answer(server, router, request, fault).await;
        in_flight.finish();
        outcome
    } else {
        answer(server, router, request, fault).await
    }
}

/// Whether a path is one where models work.
fn generates(path: &str) -> bool {
    matches!(
        path,
        "/v1/completions" | "/v1/chat/completions" | "/completion" | "/completions"
    )
}

/// Whether a path is answered without a key: vLLM guards `/v1/`, llama.cpp all but its health.
fn is_open(server: &Shared, path: &str) -> bool {
    match server.config.dialect {
        Dialect::Vllm => !path.starts_with("/v1/"),
        Dialect::LlamaCpp => matches!(path, "/health" | "/v1/health"),
    }
}

fn unauthorised(dialect: Dialect) -> Response {
    let body = match dialect {
        Dialect::Vllm => json!({"error": "Unauthorized"}),
        Dialect::LlamaCpp => json!({"error": {
            "message": "Invalid API Key",
            "type": "authentication_error",
            "code": 401,
        }}),
    };
    json_response(StatusCode::UNAUTHORIZED, &body)
}

fn has_key(server: &Shared, sent: Option<&HeaderValue>) -> bool {
    let Some(key) = &server.config.api_key else {
        return true;
    };
    let sent = sent.and_then(|value| value.to_str().ok());
    sent.and_then(|value| value.strip_prefix("Bearer ")) == Some(key.0.as_str())
}

async fn answer(
    server: &Shared,
    router: Router,
    request: Request<Bytes>,
    fault: Option<Fault>,
) -> Outcome {
    match fault {
        None => Outcome::Answer(served(server, router, request).await),
        Some(Fault::Reset) => Outcome::Cut { reset: true },
        Some(Fault::Close) => Outcome::Cut { reset: false },
        Some(Fault::Hang) => std::future::pending().await,
        Some(Fault::Truncated) => {
            Outcome::Answer(truncated(served(server, router, request).await).await)
        }
        Some(Fault::Drip(pause)) => {
            Outcome::Answer(dripping(served(server, router, request).await, pause).await)
        }
        Some(Fault::Status(status)) => Outcome::Answer(error(status)),
        Some(Fault::TooManyRequests(retry_after)) => {
            Outcome::Answer(too_many_requests(server, retry_after))
        }
        Some(Fault::EngineDead) => Outcome::Answer(engine_dead()),
        Some(Fault::Loading) => Outcome::Answer(loading()),
        Some(Fault::Busy) => Outcome::Answer(busy()),
        Some(Fault::NotJson) => Outcome::Answer(html()),
        Some(Fault::EmptyChoices) => Outcome::Answer(empty_choices(&request)),
    }
}

/// The right answer, after its turn in the queue and its time.
async fn served(server: &Shared, mut router: Router, request: Request<Bytes>) -> Response {
    let path = request.uri().path();
    let canned = server.canned.get(path);
    let generates = generates(path);
    let turn = match &server.slots {
        Some(slots) if generates => slots.acquire().await.ok(),
        _ => None,
    };
    if let Some(time) = server.thinking_time().filter(|_| generates) {
        tokio::time::sleep(time).await;
    }
    let response = match canned {
        Some(body) => raw_json(StatusCode::OK, body.clone()),
        None => match router.call(request.map(Body::from)).await {
            Ok(response) => response,
            Err(never) => match never {},
        },
    };
    drop(turn);
    server.silence().await;
    response
}

/// The answer's head and half its body; then an error, on which hyper cuts the connection.
async fn truncated(response: Response) -> Response {
    let (mut head, bytes) = taken_apart(response).await;
    head.headers
        .insert(CONTENT_LENGTH, HeaderValue::from(bytes.len()));
    let half = bytes.slice(..bytes.len() / 2);
    let body = stream::unfold(Some(half), |half| async move {
        if let Some(half) = half {
            return Some((Ok(half), None));
        }
        // What was written must have left before the error: hyper does not flush on its way out.
        tokio::time::sleep(Duration::from_millis(5)).await;
        Some((Err("the body is cut by a fault"), None))
    });
    Response::from_parts(head, Body::from_stream(body))
}

/// The answer, a byte at a time.
async fn dripping(response: Response, pause: Duration) -> Response {
    let (mut head, bytes) = taken_apart(response).await;
    head.headers
        .insert(CONTENT_LENGTH, HeaderValue::from(bytes.len()));
    let body = stream::unfold(bytes, move |mut left| async move {
        if left.is_empty() {
            return None;
        }
        tokio::time::sleep(pause).await;
        let byte = left.split_to(1);
        Some((Ok::<_, std::convert::Infallible>(byte), left))
    });
    Response::from_parts(head, Body::from_stream(body))
}

async fn taken_apart(response: Response) -> (axum::http::response::Parts, Bytes) {
    let (head, body) = response.into_parts();
    // Bodies made here are in memory: there is nothing to fail.
    let bytes = axum::body::to_bytes(body, usize::MAX)
        .await
        .unwrap_or_default();
    (head, bytes)
}

fn error(status: u16) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let kind = match status {
        StatusCode::SERVICE_UNAVAILABLE => "Service Unavailable",
        status if status.is_client_error() => "BadRequestError",
        _ => "InternalServerError",
    };
    let message = format!("simulated fault: status {}", status.as_u16());
    Rejection::new(status, kind, message).into_response()
}

fn too_many_requests(server: &Shared, retry_after: RetryAfter) -> Response {
    let message = "Rate limit reached. Please try again later.".to_owned();
    let rejection = Rejection::new(StatusCode::TOO_MANY_REQUESTS, "RateLimitError", message);
    let mut response = rejection.into_response();
    let value = match retry_after {
        RetryAfter::Absent => return response,
        RetryAfter::Seconds(seconds) => seconds.to_string(),
        RetryAfter::Date(wait) => httpdate::fmt_http_date((server.config.clock)() + wait),
    };
    if let Ok(value) = HeaderValue::from_str(&value) {
        response.headers_mut().insert(RETRY_AFTER, value);
    }
    response
}

fn engine_dead() -> Response {
    let message = "EngineCore encountered an issue. See stack trace (above) for the root cause.";
    Rejection::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "InternalServerError",
        message.to_owned(),
    )
    .into_response()
}

fn busy() -> Response {
    let message = "The engine is currently busy and cannot accept new requests. Please try again \
                   later or on a different instance.";
    Rejection::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "Service Unavailable",
        message.to_owned(),
    )
    .into_response()
}

fn loading() -> Response {
    let body = json!({"error": {
        "message": "Loading model",
        "type": "unavailable_error",
        "code": 503,
    }});
    json_response(StatusCode::SERVICE_UNAVAILABLE, &body)
}

fn html() -> Response {
    let page = "<html><head><title>Gateway</title></head><body>Please log in.</body></html>";
    ([(CONTENT_TYPE, "text/html")], page).into_response()
}

fn empty_choices(request: &Request<Bytes>) -> Response {
    let chat = request.uri().path().ends_with("/chat/completions");
    let body = json!({
        "id": "cmpl-0000000000000000",
        "object": if chat { "chat.completion" } else { "text_completion" },
        "created": 0,
        "choices": [],
        "usage": {"prompt_tokens": 0, "total_tokens": 0, "completion_tokens": 0},
    });
    json_response(StatusCode::OK, &body)
}
