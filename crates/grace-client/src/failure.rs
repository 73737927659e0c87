use std::{error::Error, fmt, time::Duration};

use http::StatusCode;
use serde_json::Value;

/// Bytes of a server's answer that an error keeps.
pub(crate) const BODY_KEPT_BYTES: usize = 64 << 10;

/// Characters of a server's message that an error text repeats.
const MESSAGE_CHARS: usize = 300;

/// What went wrong in one attempt.
///
/// It prints as one whole sentence fragment; there is no further cause in its
/// chain.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    kind: FailureKind,
    status: Option<u16>,
    message: String,
    retry_after: Option<Duration>,
    body: Option<String>,
}

/// The kinds of failure of one attempt; prints as `connect`, `rate-limited` …
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FailureKind {
    /// No connection could be made: refused, unknown host, or too slow. The
    /// server is away.
    Connect,
    /// The server's certificate or TLS version is not acceptable.
    Tls,
    /// The connection ended before an answer came.
    Reset,
    /// No whole answer within the attempt's time limit.
    Timeout,
    /// Status 503: the server is loading or full.
    Unavailable503,
    /// Status 429.
    RateLimited,
    /// Status 408, 409 or 425: the same request may pass later.
    TryLater,
    /// Another status from 500 up, or an error object under status 200.
    ServerError,
    /// An answer that ended early, is not JSON, or lacks what it must have.
    BrokenBody,
    /// A whole answer without the numbers that were asked for.
    Unusable,
    /// An answer with an empty list of choices.
    EmptyChoices,
    /// An answer longer than the configured limit.
    TooLarge,
    /// Any other status: the server will not take this request.
    Refused,
    /// The prompt does not fit the model's context.
    OverContext,
    /// The caller cancelled while the attempt was under way.
    Cancelled,
}

impl FailureKind {
    /// Whether the same request may succeed if it is sent again.
    pub fn is_transient(self) -> bool {
        !matches!(
            self,
            Self::Tls | Self::TooLarge | Self::Refused | Self::OverContext | Self::Cancelled
        )
    }

    /// Whether there is no working server at the moment: it is starting,
    /// loading or full. Such attempts cost time but count against no limit.
    pub fn is_away(self) -> bool {
        matches!(self, Self::Connect | Self::Unavailable503)
    }
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Reset => "reset",
            Self::Timeout => "timeout",
            Self::Unavailable503 => "unavailable-503",
            Self::RateLimited => "rate-limited",
            Self::TryLater => "try-later",
            Self::ServerError => "server-error",
            Self::BrokenBody => "broken-body",
            Self::Unusable => "unusable",
            Self::EmptyChoices => "empty-choices",
            Self::TooLarge => "too-large",
            Self::Refused => "refused",
            Self::OverContext => "over-context",
            Self::Cancelled => "cancelled",
        })
    }
}

impl Failure {
    /// A failure of this kind, told in `message`.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            status: None,
            message: message.into(),
            retry_after: None,
            body: None,
        }
    }

    pub(crate) fn cancelled() -> Self {
        Self::new(FailureKind::Cancelled, "cancelled before an answer came")
    }

    /// Adds the wait that the server asked for.
    #[must_use]
    pub fn with_retry_after(mut self, wait: Option<Duration>) -> Self {
        self.retry_after = wait;
        self
    }

    pub(crate) fn with_answer(mut self, status: StatusCode, body: &[u8]) -> Self {
        self.status = Some(status.as_u16());
        let kept = body.get(..BODY_KEPT_BYTES).unwrap_or(body);
        self.body = Some(String::from_utf8_lossy(kept).into_owned());
        self
    }

    /// The kind of failure.
    pub fn kind(&self) -> FailureKind {
        self.kind
    }

    /// The HTTP status, if an answer began.
    pub fn status(&self) -> Option<u16> {
        self.status
    }

    /// The wait that the server asked for with `Retry-After`.
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// The server's answer, at most 64 KiB of it, if one came.
    pub fn body(&self) -> Option<&str> {
        self.body.as_deref()
    }

    /// Rewrites every text in it, to take a secret out.
    pub(crate) fn map_text(mut self, rewrite: impl Fn(&str) -> Option<String>) -> Self {
        if let Some(message) = rewrite(&self.message) {
            self.message = message;
        }
        if let Some(body) = self.body.as_deref().and_then(rewrite) {
            self.body = Some(body);
        }
        self
    }

    /// The failure that an answer with a status other than 200 means.
    pub(crate) fn from_answer(status: StatusCode, body: &[u8]) -> Self {
        let said = ServerSaid::parse(body);
        let kind = match status.as_u16() {
            201..=299 => FailureKind::BrokenBody,
            408 | 409 | 425 => FailureKind::TryLater,
            429 => FailureKind::RateLimited,
            503 => FailureKind::Unavailable503,
            500.. => FailureKind::ServerError,
            400 | 413 if said.is_over_context() => FailureKind::OverContext,
            _ => FailureKind::Refused,
        };
        let message = if said.message.is_empty() {
            format!("server answered {status}")
        } else {
            format!("server answered {status}: {}", said.message)
        };
        Self::new(kind, message).with_answer(status, body)
    }

    /// The failure of a request that got no status.
    pub(crate) fn from_send(error: &reqwest::Error) -> Self {
        let cause = innermost(error);
        if is_tls(error) {
            Self::new(FailureKind::Tls, format!("no secure connection: {cause}"))
        } else if error.is_connect() {
            Self::new(FailureKind::Connect, format!("could not connect: {cause}"))
        } else if error.is_timeout() {
            Self::new(FailureKind::Timeout, "no answer in time")
        } else {
            let message = format!("connection ended without an answer: {cause}");
            Self::new(FailureKind::Reset, message)
        }
    }

    /// The failure of an answer whose body ended early.
    pub(crate) fn from_read(error: &reqwest::Error, status: StatusCode, so_far: &[u8]) -> Self {
        let message = format!(
            "server answered {status} but the answer ended after {} bytes: {}",
            so_far.len(),
            innermost(error)
        );
        Self::new(FailureKind::BrokenBody, message).with_answer(status, so_far)
    }

    /// The failure of an answer that is not JSON.
    pub(crate) fn not_json(error: &serde_json::Error, status: StatusCode, body: &[u8]) -> Self {
        let message = format!("server answered {status} with a body that is not JSON: {error}");
        Self::new(FailureKind::BrokenBody, message).with_answer(status, body)
    }

    /// The failure of an answer that would not end.
    pub(crate) fn too_large(status: StatusCode, limit: usize, so_far: &[u8]) -> Self {
        let message = format!("server answered {status} with more than {limit} bytes");
        Self::new(FailureKind::TooLarge, message).with_answer(status, so_far)
    }
}

/// The text of the last error in the chain, which says the most.
fn innermost(error: &(dyn Error + 'static)) -> String {
    let last = causes(error).last().unwrap_or(error);
    last.to_string()
}

#[cfg(feature = "tls")]
fn is_tls(error: &(dyn Error + 'static)) -> bool {
    causes(error).any(<dyn Error>::is::<rustls::Error>)
}

#[cfg(not(feature = "tls"))]
fn is_tls(_: &(dyn Error + 'static)) -> bool {
    false
}

/// The error and all below it. An `io::Error` gives as its source that of what
/// it wraps, so it is asked for that itself.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| {
        let io = error.downcast_ref::<std::io::Error>();
        match io.and_then(std::io::Error::get_ref) {
            Some(wrapped) => Some(wrapped as _),
            None => error.source(),
        }
    })
}

/// What a server says about an error, in any of the shapes that are in use.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct ServerSaid {
    /// One line, cut to a readable length; empty if there is nothing to read.
    pub(crate) message: String,
    kind: String,
    param: String,
    code: String,
}

impl ServerSaid {
    pub(crate) fn parse(body: &[u8]) -> Self {
        match serde_json::from_slice::<Value>(body) {
            Ok(value) => Self::from_json(&value),
            Err(_) => Self::from_text(&String::from_utf8_lossy(body)),
        }
    }

    fn from_json(value: &Value) -> Self {
        let error = value.get("error").unwrap_or(value);
        if let Some(text) = error.as_str() {
            return Self::from_text(text);
        }
        let text = |name: &str| match error.get(name) {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Null) | None => String::new(),
            Some(other) => other.to_string(),
        };
        let message = [text("message"), text("detail")].concat();
        Self {
            message: one_line(&message),
            kind: text("type"),
            param: text("param"),
            code: text("code"),
        }
    }

    fn from_text(text: &str) -> Self {
        let is_html = text.trim_start().starts_with('<');
        Self {
            message: if is_html {
                String::new()
            } else {
                one_line(text)
            },
            ..Self::default()
        }
    }

    /// vLLM names the parameter, llama.cpp the type, OpenAI the code. A prompt
    /// of exactly the context's length leaves vLLM no room for an answer,
    /// which it blames on `max_tokens`; this crate never sends 0.
    fn is_over_context(&self) -> bool {
        self.kind == "exceed_context_size_error"
            || self.code == "context_length_exceeded"
            || self.param == "input_tokens"
            || self.message.contains("maximum context length")
            || self
                .message
                .starts_with("max_tokens must be at least 1, got 0")
    }
}

fn one_line(text: &str) -> String {
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if let Some((end, _)) = line.char_indices().nth(MESSAGE_CHARS) {
        line.truncate(end);
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(status: u16, body: &str, kind: FailureKind, expected: &str) {
        let status = StatusCode::from_u16(status).unwrap();
        let failure = Failure::from_answer(status, body.as_bytes());
        assert_eq!(failure.kind(), kind);
        assert_eq!(failure.to_string(), expected);
        assert_eq!(failure.body(), Some(body));
        assert_eq!(failure.status(), Some(status.as_u16()));
    }

    #[test]
    fn every_shape_of_error_body_is_read() {
        check(
            503,
            r#"{"error":{"message":"Loading model","type":"unavailable_error","code":503}}"#,
            FailureKind::Unavailable503,
            "server answered 503 Service Unavailable: Loading model",
        );
        check(
            401,
            r#"{"error":"Unauthorized"}"#,
            FailureKind::Refused,
            "server answered 401 Unauthorized: Unauthorized",
        );
        check(
            404,
            r#"{"detail":"Not Found"}"#,
            FailureKind::Refused,
            "server answered 404 Not Found: Not Found",
        );
        check(
            422,
            r#"{"detail":[{"loc":["body"]}]}"#,
            FailureKind::Refused,
            r#"server answered 422 Unprocessable Entity: [{"loc":["body"]}]"#,
        );
        check(
            502,
            "<html><h1>Bad Gateway</h1></html>",
            FailureKind::ServerError,
            "server answered 502 Bad Gateway",
        );
        check(
            500,
            "",
            FailureKind::ServerError,
            "server answered 500 Internal Server Error",
        );
        check(
            429,
            "slow\n down ",
            FailureKind::RateLimited,
            "server answered 429 Too Many Requests: slow down",
        );
        check(
            400,
            "[1]",
            FailureKind::Refused,
            "server answered 400 Bad Request",
        );
    }

    #[test]
    fn every_status_has_its_kind() {
        for (status, kind) in [
            (204, FailureKind::BrokenBody),
            (302, FailureKind::Refused),
            (403, FailureKind::Refused),
            (405, FailureKind::Refused),
            (408, FailureKind::TryLater),
            (409, FailureKind::TryLater),
            (413, FailureKind::Refused),
            (425, FailureKind::TryLater),
            (504, FailureKind::ServerError),
            (599, FailureKind::ServerError),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(Failure::from_answer(status, b"").kind(), kind, "{status}");
        }
    }

    #[test]
    fn a_long_message_is_cut_between_characters() {
        let said = ServerSaid::parse("é".repeat(1000).as_bytes());
        assert_eq!(said.message.chars().count(), MESSAGE_CHARS + 1);
        assert!(said.message.ends_with('…'));
    }

    #[test]
    fn a_long_body_is_cut() {
        let body = vec![b'x'; BODY_KEPT_BYTES + 1];
        let failure = Failure::from_answer(StatusCode::BAD_REQUEST, &body);
        assert_eq!(failure.body().unwrap().len(), BODY_KEPT_BYTES);
    }
}
