use std::{pin::pin, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, header};
use secrecy::SecretString;
use serde_json::value::RawValue;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::{
    attempts::Attempts,
    config::{ClientConfig, ConfigError},
    error::{Attempt, RequestError, RequestErrorKind},
    failure::{Failure, FailureKind},
    retry::{Jitter, RetryPolicy},
    secret::ApiKey,
    service::{OneAttempt, into_failure},
};

/// The only place that does HTTP: a JSON body goes to an endpoint and is
/// sent again until an answer is usable.
#[derive(Clone, Debug)]
pub(crate) struct Transport(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    openai: async_openai::Client<Connection>,
    connection: Connection,
    service: OneAttempt,
    permits: Semaphore,
    retry: RetryPolicy,
    attempt_timeout: Duration,
    jitter: Jitter,
    api_key: Option<ApiKey>,
}

/// Where a body is posted.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Endpoint {
    Completions,
    Chat,
    /// From text to token ids; outside `/v1` on vLLM and llama.cpp alike.
    Tokenize,
    /// llama.cpp: from a conversation to text.
    ApplyTemplate,
}

impl Endpoint {
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Completions => "/v1/completions",
            Self::Chat => "/v1/chat/completions",
            Self::Tokenize => "/tokenize",
            Self::ApplyTemplate => "/apply-template",
        }
    }
}

/// An answer that was read, and what it took to get it.
pub(crate) struct Exchange<T> {
    pub(crate) value: T,
    pub(crate) response: Box<RawValue>,
    pub(crate) attempts: Vec<Attempt>,
}

impl Transport {
    pub(crate) fn new(config: ClientConfig) -> Result<Self, ConfigError> {
        let http = build_http(&config)?;
        let connection = Connection::new(&config);
        let service = OneAttempt::new(http.clone(), &config);
        let openai = async_openai::Client::build(http, connection.clone())
            .with_http_service(service.clone());
        Ok(Self(Arc::new(Inner {
            openai,
            connection,
            service,
            permits: Semaphore::new(config.max_connections.get().min(Semaphore::MAX_PERMITS)),
            retry: config.retry,
            attempt_timeout: config.attempt_timeout,
            jitter: Jitter::new(config.jitter_seed),
            api_key: config.api_key,
        })))
    }

    /// The server's address, without `/v1`.
    pub(crate) fn root(&self) -> &str {
        &self.0.connection.0.root
    }

    pub(crate) fn url(&self, endpoint: Endpoint) -> String {
        format!("{}{}", self.root(), endpoint.path())
    }

    /// Posts `body` until `read` accepts the answer, or gives up.
    pub(crate) async fn post<T>(
        &self,
        endpoint: Endpoint,
        body: &RawValue,
        cancel: &CancellationToken,
        read: impl Fn(&RawValue) -> Result<T, Failure>,
    ) -> Result<Exchange<T>, RequestError> {
        let mut attempts = Attempts::start();
        let outcome = {
            // Pinned where it stands: wrappers would move its kilobytes about.
            let work = pin!(self.post_until_read(endpoint, body, cancel, read, &mut attempts));
            cancel.run_until_cancelled(work).await
        };
        let cause = match outcome {
            Some(Ok((value, response))) => {
                return Ok(Exchange {
                    value,
                    response,
                    attempts: attempts.finish().0,
                });
            }
            Some(Err(failure)) => Some(failure),
            None => attempts.abandon(),
        };
        let history = attempts.finish();
        let kind = cause.as_ref().map_or(RequestErrorKind::Cancelled, |cause| {
            RequestErrorKind::after(cause, &history.0)
        });
        let url = self.url(endpoint);
        Err(RequestError::new(
            kind,
            url,
            body.to_owned(),
            history,
            cause,
        ))
    }

    async fn post_until_read<T>(
        &self,
        endpoint: Endpoint,
        body: &RawValue,
        cancel: &CancellationToken,
        read: impl Fn(&RawValue) -> Result<T, Failure>,
        attempts: &mut Attempts,
    ) -> Result<(T, Box<RawValue>), Failure> {
        let inner = &*self.0;
        loop {
            let permit = inner.permits.acquire().await.expect("never closed");
            // A slot that came free together with the cancel is not used.
            if cancel.is_cancelled() {
                return Err(Failure::cancelled());
            }
            let left = inner.retry.total_time().saturating_sub(attempts.begin());
            let limit = inner.attempt_timeout.min(left);
            let answer = pin!(inner.post_once(endpoint, body));
            let outcome = tokio::time::timeout(limit, answer).await;
            drop(permit);
            let outcome = match outcome {
                Ok(answer) => answer.and_then(|raw| Ok((read(&raw)?, raw))),
                Err(_) => Err(timed_out(limit)),
            };
            let failure = match outcome {
                Ok(answer) => {
                    attempts.succeed();
                    return Ok(answer);
                }
                Err(failure) => inner.redact(failure),
            };
            let (count, elapsed) = attempts.fail(&failure);
            let jitter = inner.jitter.draw();
            match inner.retry.next_delay(count, &failure, elapsed, jitter) {
                Some(delay) => tokio::time::sleep(delay).await,
                None => return Err(failure),
            }
        }
    }

    /// Asks for `path` once, for at most `limit`; status 200 only.
    pub(crate) async fn get(&self, path: &str, limit: Duration) -> Result<Bytes, Failure> {
        let inner = &*self.0;
        let limit = limit.min(inner.attempt_timeout);
        let ask = async {
            let url = format!("{}{path}", self.root());
            let headers = inner.connection.0.headers.clone();
            inner.service.get(&url, headers).await
        };
        match tokio::time::timeout(limit, ask).await {
            Ok(answer) => answer.map_err(|failure| inner.redact(failure)),
            Err(_) => Err(timed_out(limit)),
        }
    }
}

impl Inner {
    async fn post_once(
        &self,
        endpoint: Endpoint,
        body: &RawValue,
    ) -> Result<Box<RawValue>, Failure> {
        let answer = match endpoint {
            Endpoint::Completions => self.openai.completions().create_byot(body).await,
            Endpoint::Chat => self.openai.chat().create_byot(body).await,
            // No part of OpenAI's API, so not of its client.
            Endpoint::Tokenize | Endpoint::ApplyTemplate => {
                let url = format!("{}{}", self.connection.0.root, endpoint.path());
                let headers = self.connection.0.headers.clone();
                return self.service.post(&url, headers, body).await;
            }
        };
        answer.map_err(into_failure)
    }

    fn redact(&self, failure: Failure) -> Failure {
        match &self.api_key {
            Some(key) => failure.map_text(|text| key.redact(text)),
            None => failure,
        }
    }
}

fn timed_out(limit: Duration) -> Failure {
    let message = format!("no whole answer within {:.1} s", limit.as_secs_f64());
    Failure::new(FailureKind::Timeout, message)
}

/// Address and headers, made once.
#[derive(Clone, Debug)]
struct Connection(Arc<ConnectionParts>);

#[derive(Debug)]
struct ConnectionParts {
    root: String,
    api_base: String,
    headers: HeaderMap,
    no_key: SecretString,
}

impl Connection {
    fn new(config: &ClientConfig) -> Self {
        let mut headers = HeaderMap::new();
        if let Some(key) = &config.api_key {
            headers.insert(header::AUTHORIZATION, key.header());
        }
        Self(Arc::new(ConnectionParts {
            root: config.root.clone(),
            api_base: format!("{}/v1", config.root),
            headers,
            no_key: SecretString::default(),
        }))
    }
}

impl async_openai::config::Config for Connection {
    fn headers(&self) -> HeaderMap {
        self.0.headers.clone()
    }

    fn url(&self, path: &str) -> String {
        [&self.0.api_base, path].concat()
    }

    fn query(&self) -> Vec<(&str, &str)> {
        Vec::new()
    }

    fn api_base(&self) -> &str {
        &self.0.api_base
    }

    /// Only API groups that are not used here ask for it.
    fn api_key(&self) -> &SecretString {
        &self.0.no_key
    }
}

/// Idle connections are dropped after 3 s, since vLLM and llama.cpp close them
/// after 5.
fn build_http(config: &ClientConfig) -> Result<reqwest::Client, ConfigError> {
    let builder = reqwest::Client::builder()
        .user_agent(concat!("grace-client/", env!("CARGO_PKG_VERSION")))
        .http1_only()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .tcp_nodelay(true)
        .connect_timeout(config.connect_timeout)
        .pool_idle_timeout(Duration::from_secs(3))
        .pool_max_idle_per_host(config.max_connections.get());
    #[cfg(feature = "tls")]
    let builder = {
        let is_https = config.root.starts_with("https:");
        builder.tls_backend_preconfigured(crate::tls::client_config(is_https)?)
    };
    builder.build().map_err(|error| ConfigError::Setup {
        source: error.into(),
    })
}
