use std::{sync::OnceLock, time::Duration};

use futures_util::future::join_all;
use serde_json::value::RawValue;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{
    error::{ScoreError, ScoreProblem},
    read::{ReadError, Unusable},
    record::Exchanges,
    scores::ScoreExchange,
};
use crate::{
    failure::{Failure, FailureKind},
    transport::{Endpoint, Exchange, Transport},
};

/// What every request of a score carries.
#[derive(Debug, Clone, Copy)]
pub(super) struct Settings<'a> {
    pub(super) model: &'a str,
    pub(super) seed: u64,
    /// 1, or 0 where the likeliest token is wanted.
    pub(super) temperature: f64,
}

/// Sends the requests of a score, and keeps what was sent and received.
#[derive(Debug)]
pub(crate) struct Scorer<'a> {
    transport: &'a Transport,
    pub(super) settings: Settings<'a>,
    /// Of this score alone.
    cancel: CancellationToken,
    called: Instant,
    exchanges: Exchanges,
}

impl<'a> Scorer<'a> {
    pub(super) fn new(
        transport: &'a Transport,
        settings: Settings<'a>,
        cancel: &'a CancellationToken,
    ) -> Self {
        Self {
            transport,
            settings,
            cancel: cancel.child_token(),
            called: Instant::now(),
            exchanges: Exchanges::default(),
        }
    }

    /// What came of the score, with all that was sent and received and the time it took, if it failed as well.
    pub(super) fn finish<T>(
        self,
        outcome: Result<T, ScoreProblem>,
    ) -> Result<(T, Vec<ScoreExchange>, Duration), ScoreError> {
        let (exchanges, elapsed) = (self.exchanges.into_vec(), self.called.elapsed());
        match outcome {
            Ok(value) => Ok((value, exchanges, elapsed)),
            Err(problem) => Err(ScoreError::new(problem, exchanges, elapsed)),
        }
    }

    /// What all of `asks` give. The first that fails cancels the others, whose attempts are kept.
    pub(super) async fn together<T>(
        &self,
        asks: impl Iterator<Item = impl Future<Output = Result<T, ScoreProblem>>>,
    ) -> Result<Vec<T>, ScoreProblem> {
        let failed = OnceLock::new();
        let first = &failed;
        let asks = asks.map(|ask| async move {
            let problem = match ask.await {
                Ok(value) => return Some(value),
                Err(problem) => problem,
            };
            // Those that fail after the first do so because of it, or do not matter any more.
            let _ = first.set(problem);
            self.cancel.cancel();
            None
        });
        let values = join_all(asks).await;
        match failed.into_inner() {
            Some(problem) => Err(problem),
            None => Ok(values.into_iter().flatten().collect()),
        }
    }

    /// Posts until an answer holds what `read` looks for.
    pub(super) async fn post<T>(
        &self,
        endpoint: Endpoint,
        body: Box<RawValue>,
        read: impl Fn(&RawValue) -> Result<T, ReadError>,
    ) -> Result<T, ScoreProblem> {
        let strict = |raw: &RawValue| read(raw).map_err(|error| into_failure(error, raw));
        self.exchange(endpoint, body, strict).await
    }

    /// Posts until there is an answer, whether or not it holds what `read` looks for.
    pub(super) async fn try_post<T>(
        &self,
        endpoint: Endpoint,
        body: Box<RawValue>,
        read: impl Fn(&RawValue) -> Result<T, ReadError>,
    ) -> Result<Result<T, Unusable>, ScoreProblem> {
        let lenient = |raw: &RawValue| match read(raw) {
            Ok(value) => Ok(Ok(value)),
            Err(ReadError::Unusable(unusable)) => Ok(Err(unusable)),
            Err(ReadError::Failure(failure)) => Err(failure),
        };
        self.exchange(endpoint, body, lenient).await
    }

    async fn exchange<T>(
        &self,
        endpoint: Endpoint,
        body: Box<RawValue>,
        read: impl Fn(&RawValue) -> Result<T, Failure>,
    ) -> Result<T, ScoreProblem> {
        let place = self.exchanges.place();
        let posted = self.transport.post(endpoint, &body, &self.cancel, read);
        let (outcome, response, attempts) = match posted.await {
            Ok(Exchange {
                value,
                response,
                attempts,
            }) => (Ok(value), Some(response), attempts),
            Err(error) => {
                let attempts = error.attempts().to_vec();
                (Err(error.into()), None, attempts)
            }
        };
        let exchange = ScoreExchange {
            path: endpoint.path(),
            request: body,
            response,
            attempts,
        };
        self.exchanges.put(place, exchange);
        outcome
    }
}

/// An answer without the numbers is asked for again, and never filled in.
fn into_failure(error: ReadError, raw: &RawValue) -> Failure {
    match error {
        ReadError::Failure(failure) => failure,
        ReadError::Unusable(unusable) => {
            let message = format!("server answered 200 OK, but {unusable}");
            Failure::new(FailureKind::Unusable, message)
                .with_answer(http::StatusCode::OK, raw.get().as_bytes())
        }
    }
}
