use std::time::Duration;

use serde_json::value::RawValue;
use tokio_util::sync::CancellationToken;

use crate::{
    config::{ClientConfig, ConfigError},
    error::RequestError,
    generate::{self, GenerateRequest, Generation},
    models::ServedModel,
    probe::{self, Api, Probe, ProbeError, ProbeRequest},
    reasoning::ReasoningMarkers,
    transport::{Endpoint, Transport},
};

/// One OpenAI-compatible server.
///
/// Clones are cheap and share connections and their limit. Every future made
/// here stops its work when it is dropped; no task runs in the background
/// except those of idle connections.
#[derive(Clone, Debug)]
pub struct Client {
    pub(crate) transport: Transport,
}

impl Client {
    /// Makes a client; nothing is sent yet.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Setup`] if the HTTP client cannot be set up.
    pub fn new(config: ClientConfig) -> Result<Self, ConfigError> {
        let transport = Transport::new(config)?;
        Ok(Self { transport })
    }

    /// The server's address, without `/v1`.
    pub fn base_url(&self) -> &str {
        self.transport.root()
    }

    /// Sends one prompt and gives the text that the model made of it.
    ///
    /// Failed attempts are made again as the [`RetryPolicy`](crate::RetryPolicy)
    /// says. An answer that comes after its attempt was given up is never used.
    ///
    /// # Errors
    ///
    /// A [`RequestError`] with the history of all attempts. An answer that was
    /// cut at `max_tokens` is *not* an error: see [`Generation::finish`] and
    /// [`Generation::is_truncated_thought`].
    pub async fn generate(
        &self,
        request: &GenerateRequest,
        cancel: &CancellationToken,
    ) -> Result<Generation, RequestError> {
        generate::generate(&self.transport, request, cancel).await
    }

    /// Sends the body of an earlier request again, byte for byte, and reads the answer like that of
    /// [`generate`](Self::generate).
    ///
    /// # Errors
    ///
    /// As [`generate`](Self::generate).
    pub async fn resend(
        &self,
        api: Api,
        body: &RawValue,
        markers: Option<&ReasoningMarkers>,
        cancel: &CancellationToken,
    ) -> Result<Generation, RequestError> {
        let endpoint = match api {
            Api::Completions => Endpoint::Completions,
            Api::Chat => Endpoint::Chat,
        };
        generate::exchange(&self.transport, endpoint, body.to_owned(), markers, cancel).await
    }

    /// Finds out what the server is, and whether it honours seeds.
    ///
    /// The server should be ready: this waits for nothing, though its few
    /// small requests are retried like all others.
    ///
    /// # Errors
    ///
    /// A [`ProbeError`] if the server cannot be reached, serves other models
    /// or cannot generate. Ignoring seeds is *not* an error; see
    /// [`SeedBehaviour`](crate::SeedBehaviour).
    pub async fn probe(
        &self,
        request: &ProbeRequest,
        cancel: &CancellationToken,
    ) -> Result<Probe, ProbeError> {
        probe::probe(self, request, cancel).await
    }

    /// Waits until the server is healthy, and checks that it serves `model`.
    ///
    /// Asks every `poll` and has no deadline of its own:
    ///
    /// ```no_run
    /// # use std::time::Duration;
    /// # async fn wait(client: grace_client::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// # let cancel = tokio_util::sync::CancellationToken::new();
    /// let ready = client.wait_ready("gemma-2b", Duration::from_secs(1), &cancel);
    /// let model = tokio::time::timeout(Duration::from_secs(600), ready).await??;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`ProbeError::WrongModel`] as soon as the server is healthy but serves
    /// other models; [`ProbeError::Refused`] if it wants another key;
    /// [`ProbeError::Cancelled`]. A server that is away, loading or failing is
    /// *not* an error, it is waited for.
    pub async fn wait_ready(
        &self,
        model: &str,
        poll: Duration,
        cancel: &CancellationToken,
    ) -> Result<ServedModel, ProbeError> {
        probe::wait_ready(&self.transport, model, poll, cancel).await
    }
}
