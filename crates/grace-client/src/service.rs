use std::{
    pin::Pin,
    task::{Context, Poll},
    time::SystemTime,
};

use async_openai::{error::OpenAIError, middleware::HttpRequestFactory};
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, StatusCode, header::CONTENT_TYPE};
use reqwest::{Response, ResponseBuilderExt, Url};
use serde_json::value::RawValue;

use crate::{
    config::ClientConfig,
    failure::{BODY_KEPT_BYTES, Failure, FailureKind},
    retry::retry_after,
};

/// The service under `async-openai`: one request, one answer, no retry. It
/// takes the place of the built-in one, which retries by itself and keeps
/// neither headers nor body of a failed answer.
#[derive(Clone, Debug)]
pub(crate) struct OneAttempt {
    http: reqwest::Client,
    url: Url,
    max_body_bytes: usize,
    clock: fn() -> SystemTime,
}

impl tower::Service<HttpRequestFactory> for OneAttempt {
    type Response = Response;
    type Error = OpenAIError;
    type Future = Pin<Box<dyn Future<Output = Result<Response, OpenAIError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), OpenAIError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, factory: HttpRequestFactory) -> Self::Future {
        let service = self.clone();
        Box::pin(async move {
            let request = factory.build().await?;
            let body = service.exchange(request).await;
            let body = body.and_then(check_json).map_err(boxed)?;
            let answer = http::Response::builder().url(service.url).body(body);
            Ok(answer.map_err(boxed)?.into())
        })
    }
}

/// [`OneAttempt`] fails with nothing but a boxed [`Failure`]; the other arms
/// are what `async-openai` adds around it.
pub(crate) fn into_failure(error: OpenAIError) -> Failure {
    match error {
        OpenAIError::Boxed(cause) => match cause.downcast::<Failure>() {
            Ok(failure) => *failure,
            Err(cause) => Failure::new(FailureKind::Reset, cause.to_string()),
        },
        OpenAIError::Reqwest(error) => Failure::from_send(&error),
        OpenAIError::JSONDeserialize(error, body) => {
            Failure::not_json(&error, StatusCode::OK, body.as_bytes())
        }
        other => Failure::new(FailureKind::BrokenBody, other.to_string()),
    }
}

fn boxed(error: impl std::error::Error + Send + Sync + 'static) -> OpenAIError {
    OpenAIError::Boxed(Box::new(error))
}

/// Checked here because `async-openai` logs a body that it cannot parse.
fn check_json(body: Bytes) -> Result<Bytes, Failure> {
    match serde_json::from_slice::<&RawValue>(&body) {
        Ok(_) => Ok(body),
        Err(error) => Err(Failure::not_json(&error, StatusCode::OK, &body)),
    }
}

impl OneAttempt {
    pub(crate) fn new(http: reqwest::Client, config: &ClientConfig) -> Self {
        Self {
            http,
            url: Url::parse(&config.root).expect("the root was cut from a parsed URL"),
            max_body_bytes: config.max_body_bytes,
            clock: config.clock,
        }
    }

    pub(crate) async fn get(&self, url: &str, headers: HeaderMap) -> Result<Bytes, Failure> {
        let request = self.http.get(url).headers(headers).build();
        let request = request.map_err(|error| Failure::from_send(&error))?;
        self.exchange(request).await
    }

    /// Posts JSON and gives the JSON that comes back.
    pub(crate) async fn post(
        &self,
        url: &str,
        headers: HeaderMap,
        body: &RawValue,
    ) -> Result<Box<RawValue>, Failure> {
        let request = self.http.post(url).headers(headers);
        let request = request
            .header(CONTENT_TYPE, "application/json")
            .body(body.get().to_owned())
            .build();
        let request = request.map_err(|error| Failure::from_send(&error))?;
        let answer = self.exchange(request).await?;
        serde_json::from_slice(&answer)
            .map_err(|error| Failure::not_json(&error, StatusCode::OK, &answer))
    }

    async fn exchange(&self, request: reqwest::Request) -> Result<Bytes, Failure> {
        let sent = self.http.execute(request).await;
        let mut response = sent.map_err(|error| Failure::from_send(&error))?;
        let status = response.status();
        if status == StatusCode::OK {
            return read_body(&mut response, self.max_body_bytes).await;
        }
        let wait = retry_after(response.headers(), self.clock);
        let body = read_error_body(&mut response).await;
        Err(Failure::from_answer(status, &body).with_retry_after(wait))
    }
}

async fn read_body(response: &mut Response, limit: usize) -> Result<Bytes, Failure> {
    let status = response.status();
    let broken = |error: reqwest::Error, so_far: &[u8]| Failure::from_read(&error, status, so_far);
    let Some(first) = response.chunk().await.map_err(|error| broken(error, b""))? else {
        return Ok(Bytes::new());
    };
    if first.len() > limit {
        return Err(Failure::too_large(status, limit, &first));
    }
    let Some(second) = response
        .chunk()
        .await
        .map_err(|error| broken(error, &first))?
    else {
        return Ok(first);
    };
    let mut body = BytesMut::from(first);
    let mut next = Some(second);
    while let Some(chunk) = next {
        if body.len() + chunk.len() > limit {
            return Err(Failure::too_large(status, limit, &body));
        }
        body.extend_from_slice(&chunk);
        next = response
            .chunk()
            .await
            .map_err(|error| broken(error, &body))?;
    }
    Ok(body.freeze())
}

/// Reads what an error text needs; a body that breaks off or goes on for ever
/// does not change what the status says.
async fn read_error_body(response: &mut Response) -> BytesMut {
    let mut body = BytesMut::new();
    while body.len() < BODY_KEPT_BYTES
        && let Ok(Some(chunk)) = response.chunk().await
    {
        body.extend_from_slice(&chunk);
    }
    body
}
