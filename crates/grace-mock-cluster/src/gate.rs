//! What each request passes: log, faults, token, rights, and then its verb.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{Method, Request};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use serde_json::json;
use tokio::sync::mpsc;

use crate::answer::{Answer, Body, Cut, from_pipe, json as answer};
use crate::fault::{Trouble, strike};
use crate::request::{Query, Recorded};
use crate::resource::Target;
use crate::state::{Shared, State};
use crate::status::Refusal;
use crate::verbs::{self, Call};
use crate::{exec, logs, watch};

/// The largest body that the API takes (request-too-large-413).
const MOST_BYTES: usize = 3_145_728;

/// Answers a request, or cuts its connection.
pub(crate) async fn pass(shared: Arc<Shared>, request: Request<Incoming>) -> Result<Answer, Cut> {
    let (mut parts, body) = request.into_parts();
    let Ok(body) = Limited::new(body, MOST_BYTES).collect().await else {
        let message = format!("Request entity too large: limit is {MOST_BYTES}");
        return Ok(Refusal::new(413, "RequestEntityTooLarge", message).into());
    };
    let body = body.to_bytes();
    let target = Target::parse(parts.uri.path());
    let verb = target.as_ref().map_or("", |target| verb(&parts, target));
    let trouble = shared.edit(|state| {
        let mut recorded = Recorded::new(&parts, &body);
        let right = target.as_ref().map(Target::right).unwrap_or_default();
        let name = target.as_ref().map(Target::name).unwrap_or_default();
        verb.clone_into(&mut recorded.verb);
        recorded.resource.clone_from(&right);
        state.requests.push(recorded);
        strike(&mut state.faults, verb, &right, name)
    });
    let streams =
        verb == "watch" || Query::parse(parts.uri.query().unwrap_or_default()).is_on("follow");
    match trouble {
        None => Ok(serve(&shared, &mut parts, target, verb, &body)),
        Some(Trouble::Status {
            code,
            body,
            retry_after,
        }) => {
            let mut refusal = Refusal::new(code, reason(code), message(code));
            refusal.body = body.unwrap_or(refusal.body);
            refusal.retry_after = retry_after;
            Ok(refusal.into())
        }
        Some(Trouble::Silent) if streams => {
            Ok(silent(serve(&shared, &mut parts, target, verb, &body)))
        }
        Some(Trouble::Silent) => {
            std::future::pending::<()>().await;
            Err(Cut)
        }
        Some(Trouble::Slow(time)) => {
            tokio::time::sleep(time).await;
            Ok(serve(&shared, &mut parts, target, verb, &body))
        }
        Some(Trouble::Cut { after }) => {
            let answer = serve(&shared, &mut parts, target, verb, &body);
            Ok(answer.map(|body| shortened(body, after, true)))
        }
        Some(Trouble::End { after }) => {
            let answer = serve(&shared, &mut parts, target, verb, &body);
            Ok(answer.map(|body| shortened(body, after, false)))
        }
    }
}

fn verb(parts: &Parts, target: &Target) -> &'static str {
    let query = Query::parse(parts.uri.query().unwrap_or_default());
    match parts.method {
        Method::GET if target.name.is_some() => "get",
        Method::GET if query.is_on("watch") => "watch",
        Method::GET => "list",
        Method::POST => "create",
        Method::PUT => "update",
        Method::PATCH => "patch",
        Method::DELETE => "delete",
        _ => "",
    }
}

fn serve(
    shared: &Arc<Shared>,
    parts: &mut Parts,
    target: Option<Target>,
    verb: &'static str,
    body: &Bytes,
) -> Answer {
    let Some(target) = target else {
        return outside(parts.uri.path());
    };
    if let Err(refusal) = shared.look(|state| allow(state, parts, &target, verb)) {
        return refusal.into();
    }
    let query = Query::parse(parts.uri.query().unwrap_or_default());
    let answer = match (verb, target.subresource.as_deref()) {
        ("watch", None) => watch::watch(shared, &target, &query),
        ("get", Some("log")) => logs::log(shared, &target, &query),
        ("get" | "create", Some("exec")) => exec::exec(shared, &target, parts),
        _ => {
            let header = |name| {
                let value = parts
                    .headers
                    .get(name)
                    .and_then(|value| value.to_str().ok());
                value.unwrap_or_default().to_owned()
            };
            let call = Call {
                verb,
                target,
                query,
                content_type: header("content-type"),
                user_agent: header("user-agent"),
                body: serde_json::from_slice(body).unwrap_or_default(),
                size: body.len(),
            };
            shared.edit(|state| verbs::answer(state, &call))
        }
    };
    answer.unwrap_or_else(Answer::from)
}

/// Token and rights.
fn allow(state: &State, parts: &Parts, target: &Target, verb: &str) -> Result<(), Refusal> {
    if let Some(token) = &state.token {
        let given = parts.headers.get("authorization");
        let given = given.and_then(|value| value.to_str().ok());
        match given.map(|value| value.trim_start_matches("Bearer ")) {
            None => return Err(Refusal::forbidden("system:anonymous", verb, target)),
            Some(given) if given != token => return Err(Refusal::unauthorized()),
            Some(_) => {}
        }
    }
    // Everybody may ask what they may.
    let about_oneself = target.resource.plural.starts_with("selfsubject");
    if about_oneself || state.may(verb, &target.right()) {
        return Ok(());
    }
    Err(Refusal::forbidden(&state.user, verb, target))
}

/// Paths that are about the server, not about objects.
fn outside(path: &str) -> Answer {
    match path {
        "/version" => answer(
            200,
            &json!({"major": "1", "minor": "36", "gitVersion": "v1.36.2"}),
        ),
        "/readyz" | "/livez" | "/healthz" => crate::answer::whole(200, "text/plain", "ok"),
        _ => Refusal::no_such_path().into(),
    }
}

fn reason(code: u16) -> &'static str {
    match code {
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "NotFound",
        409 => "Conflict",
        410 => "Expired",
        429 => "TooManyRequests",
        500 => "InternalError",
        503 => "ServiceUnavailable",
        504 => "Timeout",
        _ => "",
    }
}

/// Texts of servers in trouble.
fn message(code: u16) -> &'static str {
    match code {
        401 => "Unauthorized",
        429 => "too many requests, please try again later",
        500 => {
            "Internal error occurred: rpc error: code = Unavailable desc = etcdserver: leader changed"
        }
        503 => "apiserver is shutting down",
        504 => "request did not complete within the allotted timeout",
        _ => "the mock was told to answer so",
    }
}

/// The head of an answer, and then nothing for ever.
fn silent(answer: Answer) -> Answer {
    answer.map(|body| {
        let (pipe, receiver) = mpsc::channel(1);
        tokio::spawn(async move {
            // The body is held open, and with it its watch.
            let _body = body;
            pipe.closed().await;
        });
        from_pipe(receiver)
    })
}

/// A body that ends early, in a cut or as if it were whole.
fn shortened(mut body: Body, after: usize, cut: bool) -> Body {
    let (pipe, receiver) = mpsc::channel(8);
    tokio::spawn(async move {
        let mut left = after;
        while left > 0 {
            let frame = tokio::select! {
                frame = body.frame() => frame,
                () = pipe.closed() => return,
            };
            let Some(Ok(frame)) = frame else { break };
            let Ok(mut bytes) = frame.into_data() else {
                break;
            };
            bytes.truncate(left);
            left -= bytes.len();
            if pipe.send(Ok(bytes)).await.is_err() {
                return;
            }
        }
        if cut {
            // hyper sends what it has as soon as there is no more; an error at once would throw that away.
            tokio::time::sleep(Duration::from_millis(5)).await;
            let _ = pipe.send(Err(Cut)).await;
        }
    });
    from_pipe(receiver)
}
