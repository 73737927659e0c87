//! Answers on their way out.

use bytes::Bytes;
use futures_util::stream;
use http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use http::{Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::Frame;
use serde_json::Value;
use tokio::sync::mpsc;

use crate::status::Refusal;

/// The connection ends in the middle of a body.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cut;

impl std::fmt::Display for Cut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the connection is cut by a fault")
    }
}

impl std::error::Error for Cut {}

pub(crate) type Body = UnsyncBoxBody<Bytes, Cut>;
pub(crate) type Answer = Response<Body>;
/// Where a body that goes on is written to.
pub(crate) type Pipe = mpsc::Sender<Result<Bytes, Cut>>;

pub(crate) fn whole(code: u16, content_type: &'static str, bytes: impl Into<Bytes>) -> Answer {
    let body = Full::new(bytes.into()).map_err(|never| match never {});
    with_body(code, content_type, body.boxed_unsync())
}

pub(crate) fn json(code: u16, value: &Value) -> Answer {
    whole(code, "application/json", value.to_string())
}

/// A body that is written bit by bit.
pub(crate) fn piped(content_type: &'static str) -> (Pipe, Answer) {
    let (pipe, answer) = mpsc::channel(64);
    (pipe, with_body(200, content_type, from_pipe(answer)))
}

pub(crate) fn from_pipe(receiver: mpsc::Receiver<Result<Bytes, Cut>>) -> Body {
    let frames = stream::unfold(receiver, |mut receiver| async {
        let item = receiver.recv().await?;
        Some((item.map(Frame::data), receiver))
    });
    StreamBody::new(frames).boxed_unsync()
}

fn with_body(code: u16, content_type: &'static str, body: Body) -> Answer {
    let mut answer = Response::new(body);
    *answer.status_mut() = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        let mut answer = json(refusal.code, &refusal.body);
        if let Some(seconds) = refusal.retry_after {
            answer.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        answer
    }
}
