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
    score::{
        self, OptionScores, RecordedScore, ScoreError, ScoreRequest, ScoringProbe,
        ScoringProbeError, ScoringProbeRequest,
    },
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

    /// Gives the log-probability of each option as a continuation of a prompt.
    ///
    /// Computed on token ids of the joint text, as the server tokenises it; see
    /// [`BorderRule`](crate::BorderRule) for options that merge with their prompt. What is
    /// returned is what the server computed at temperature 1, token by token,
    /// not normalised over the options.
    ///
    /// # Errors
    ///
    /// A [`ScoreError`] with all that was sent and received:
    /// [`ScoreProblem::Options`](crate::ScoreProblem::Options) if the options are
    /// no distinct events in the tokens of the model, and
    /// [`ScoreProblem::Request`](crate::ScoreProblem::Request) if a request
    /// fails. An answer without a number for every token of every option is a
    /// failed request: nothing is filled in.
    pub async fn score_options(
        &self,
        request: &ScoreRequest,
        cancel: &CancellationToken,
    ) -> Result<OptionScores, ScoreError> {
        score::score(&self.transport, request, cancel).await
    }

    /// Sends the requests of an earlier score again, byte for byte: the
    /// log-probabilities of the tokens of each option as they are now.
    ///
    /// # Errors
    ///
    /// As [`score_options`](Self::score_options).
    pub async fn rescore(
        &self,
        recorded: &RecordedScore<'_>,
        cancel: &CancellationToken,
    ) -> Result<Vec<Vec<f64>>, ScoreError> {
        score::rescore(&self.transport, recorded, cancel).await
    }

    /// Finds out how the server can score, and whether its numbers hold.
    ///
    /// Tries the methods by what their answers contain, audits the options of
    /// the samples, and makes the checks of [`CheckName`](crate::CheckName).
    ///
    /// # Errors
    ///
    /// A [`ScoringProbeError`] that names the check that failed, or every
    /// method that was tried.
    pub async fn probe_scoring(
        &self,
        request: &ScoringProbeRequest,
        cancel: &CancellationToken,
    ) -> Result<ScoringProbe, ScoringProbeError> {
        score::probe(&self.transport, request, cancel).await
    }

    /// Audits the options of the samples in the tokens of the server's model, which need not be able to score them: whether
    /// each has a token, none begins another, and a beginning-of-sequence token comes once.
    ///
    /// # Errors
    ///
    /// As [`probe_scoring`](Self::probe_scoring); [`ScoringProbeError::Unanswered`] by a server without `/tokenize`.
    pub async fn audit_options(
        &self,
        request: &ScoringProbeRequest,
        cancel: &CancellationToken,
    ) -> Result<(), ScoringProbeError> {
        score::audit(&self.transport, request, cancel).await
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
