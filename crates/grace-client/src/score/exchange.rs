use serde_json::value::RawValue;
use tokio_util::sync::CancellationToken;

use super::{
    error::ScoreError,
    read::{ReadError, Unusable},
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

/// Sends the requests of a score.
#[derive(Debug)]
pub(crate) struct Scorer<'a> {
    pub(super) transport: &'a Transport,
    pub(super) settings: Settings<'a>,
    pub(super) cancel: &'a CancellationToken,
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
            cancel,
        }
    }

    /// Posts until an answer holds what `read` looks for.
    pub(super) async fn post<T>(
        &self,
        endpoint: Endpoint,
        body: Box<RawValue>,
        read: impl Fn(&RawValue) -> Result<T, ReadError>,
    ) -> Result<(T, ScoreExchange), ScoreError> {
        let strict = |raw: &RawValue| read(raw).map_err(|error| into_failure(error, raw));
        self.exchange(endpoint, body, strict).await
    }

    /// Posts until there is an answer, whether or not it holds what `read` looks for.
    pub(super) async fn try_post<T>(
        &self,
        endpoint: Endpoint,
        body: Box<RawValue>,
        read: impl Fn(&RawValue) -> Result<T, ReadError>,
    ) -> Result<Result<T, Unusable>, ScoreError> {
        let lenient = |raw: &RawValue| match read(raw) {
            Ok(value) => Ok(Ok(value)),
            Err(ReadError::Unusable(unusable)) => Ok(Err(unusable)),
            Err(ReadError::Failure(failure)) => Err(failure),
        };
        let (value, _) = self.exchange(endpoint, body, lenient).await?;
        Ok(value)
    }

    async fn exchange<T>(
        &self,
        endpoint: Endpoint,
        body: Box<RawValue>,
        read: impl Fn(&RawValue) -> Result<T, Failure>,
    ) -> Result<(T, ScoreExchange), ScoreError> {
        let posted = self.transport.post(endpoint, &body, self.cancel, read);
        let Exchange {
            value,
            response,
            attempts,
        } = posted.await?;
        let exchange = ScoreExchange {
            path: endpoint.path(),
            request: body,
            response,
            attempts,
        };
        Ok((value, exchange))
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
