use std::{fmt, time::Duration};

use serde_json::value::RawValue;

use crate::failure::{Failure, FailureKind};

/// One attempt to get an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Attempt {
    /// Time between the call and the moment the attempt was sent.
    pub started_after: Duration,
    /// Time from sending until the answer was read, or until it failed.
    pub took: Duration,
    /// HTTP status of the answer; `None` if none came, or if the attempt was
    /// given up before its end.
    pub status: Option<u16>,
    /// What went wrong, in words; `None` if this attempt succeeded.
    pub failure: Option<String>,
    /// What went wrong, in kind; `None` if this attempt succeeded.
    pub kind: Option<FailureKind>,
    /// Time waited just before: back-off, and for a free connection slot.
    pub waited_before: Duration,
}

/// A request that got no usable answer, with its history.
///
/// It prints as ``request to http://… failed after 5 attempts in 31.4 s``; its
/// source is the [`Failure`] of the last attempt.
#[derive(Debug)]
pub struct RequestError(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: RequestErrorKind,
    url: String,
    request: Box<RawValue>,
    attempts: Vec<Attempt>,
    elapsed: Duration,
    cause: Option<Failure>,
}

/// Why a request has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequestErrorKind {
    /// The server will not take this request.
    #[non_exhaustive]
    Refused {
        /// HTTP status of its answer.
        status: u16,
    },
    /// The prompt does not fit the model's context.
    OverContext,
    /// The answer is longer than the configured limit.
    TooLarge,
    /// No secure connection is possible with this server.
    Untrusted,
    /// A sampling parameter is not a finite number, so nothing was sent.
    Unsendable,
    /// Every attempt that found the server ended in a whole answer without the numbers that were asked for.
    Unusable,
    /// Attempts or time ran out while the server answered badly or not at all.
    GaveUp,
    /// Time ran out while the server was away, loading or full.
    Unavailable,
    /// The caller cancelled.
    Cancelled,
}

impl RequestErrorKind {
    /// What `attempts` come to, of which the last ended in `failure`.
    pub(crate) fn after(failure: &Failure, attempts: &[Attempt]) -> Self {
        match failure.kind() {
            FailureKind::Unusable if all_unusable(attempts) => Self::Unusable,
            FailureKind::OverContext => Self::OverContext,
            FailureKind::TooLarge => Self::TooLarge,
            FailureKind::Tls => Self::Untrusted,
            FailureKind::Refused => Self::Refused {
                status: failure.status().unwrap_or_default(),
            },
            FailureKind::Cancelled => Self::Cancelled,
            kind if kind.is_away() => Self::Unavailable,
            _ => Self::GaveUp,
        }
    }
}

/// Whether all attempts that found the server ended in a whole answer: asking once more would bring the same.
fn all_unusable(attempts: &[Attempt]) -> bool {
    let mut kinds = attempts.iter().filter_map(|attempt| attempt.kind);
    kinds.all(|kind| kind == FailureKind::Unusable || kind.is_away())
}

impl RequestError {
    pub(crate) fn new(
        kind: RequestErrorKind,
        url: String,
        request: Box<RawValue>,
        history: (Vec<Attempt>, Duration),
        cause: Option<Failure>,
    ) -> Self {
        let (attempts, elapsed) = history;
        Self(Box::new(Inner {
            kind,
            url,
            request,
            attempts,
            elapsed,
            cause,
        }))
    }

    /// Why there is no answer.
    pub fn kind(&self) -> RequestErrorKind {
        self.0.kind
    }

    /// Every attempt that was made, in order.
    pub fn attempts(&self) -> &[Attempt] {
        &self.0.attempts
    }

    /// The time since the call.
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed
    }

    /// The address that was asked.
    pub fn url(&self) -> &str {
        &self.0.url
    }

    /// The JSON body that was sent.
    pub fn request(&self) -> &RawValue {
        &self.0.request
    }

    /// What the server answered last, at most 64 KiB of it.
    pub fn last_body(&self) -> Option<&str> {
        self.0.cause.as_ref().and_then(Failure::body)
    }

    /// Whether the same request, sent later, may succeed.
    pub fn is_transient(&self) -> bool {
        use RequestErrorKind::{Cancelled, GaveUp, Unavailable};
        matches!(self.0.kind, GaveUp | Unavailable | Cancelled)
    }
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { url, kind, .. } = &*self.0;
        let outcome = match kind {
            RequestErrorKind::Cancelled => "was cancelled",
            RequestErrorKind::Unsendable => "was not sent",
            _ => "failed",
        };
        let attempts = match self.0.attempts.len() {
            1 => "1 attempt".to_owned(),
            count => format!("{count} attempts"),
        };
        let seconds = self.0.elapsed.as_secs_f64();
        write!(
            f,
            "request to {url} {outcome} after {attempts} in {seconds:.1} s"
        )
    }
}

impl std::error::Error for RequestError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.cause.as_ref().map(|cause| cause as _)
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use super::*;

    #[test]
    fn a_failed_request_tells_its_history() {
        let attempt = Attempt {
            started_after: Duration::ZERO,
            took: Duration::ZERO,
            status: Some(503),
            failure: None,
            kind: None,
            waited_before: Duration::ZERO,
        };
        let failure = Failure::new(FailureKind::Unavailable503, "server answered 503");
        let error = RequestError::new(
            RequestErrorKind::after(&failure, &[]),
            "http://h/v1/completions".to_owned(),
            RawValue::NULL.to_owned(),
            (vec![attempt; 5], Duration::from_millis(31_449)),
            Some(failure),
        );
        assert_eq!(
            error.to_string(),
            "request to http://h/v1/completions failed after 5 attempts in 31.4 s"
        );
        assert_eq!(error.source().unwrap().to_string(), "server answered 503");
        assert_eq!(error.kind(), RequestErrorKind::Unavailable);
        assert!(error.is_transient());
    }
}
