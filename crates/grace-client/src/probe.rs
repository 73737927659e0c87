use std::time::Duration;

use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::{
    client::Client,
    error::RequestError,
    failure::Failure,
    generate::{ChatMessage, GenerateRequest, Generation, Input, Sampling},
    models::{self, ServedModel, ServerKind},
    transport::Transport,
};

/// Something that has no single right continuation.
const OPEN_PROMPT: &str = "Here is a short list of random words:";
const PROBE_TOKENS: u32 = 24;

/// The seeds of the check. The first request warms the server up, so that the
/// two with one seed meet the same caches.
const SEEDS: [u64; 5] = [4002, 1001, 1001, 2003, 3001];

/// What a probe should find out.
#[derive(Debug, Clone)]
pub struct ProbeRequest {
    model: String,
    api: Api,
    check_seed: bool,
}

/// The endpoint that work will go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Api {
    /// `/v1/completions`
    Completions,
    /// `/v1/chat/completions`
    Chat,
}

impl ProbeRequest {
    /// Expects `model` at `api`, and checks seeds.
    pub fn new(model: impl Into<String>, api: Api) -> Self {
        Self {
            model: model.into(),
            api,
            check_seed: true,
        }
    }

    /// Says whether to check seeds: five requests of 24 tokens in place of one.
    #[must_use]
    pub fn with_check_seed(mut self, check: bool) -> Self {
        self.check_seed = check;
        self
    }

    fn generate_request(&self, seed: u64) -> GenerateRequest {
        let input = match self.api {
            Api::Completions => Input::Completion(OPEN_PROMPT.to_owned()),
            Api::Chat => Input::Chat(vec![ChatMessage::user(OPEN_PROMPT)]),
        };
        let sampling = Sampling::new(1.0, PROBE_TOKENS);
        GenerateRequest::new(self.model.as_str(), input, sampling).with_seed(seed)
    }
}

/// What a server is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Probe {
    /// The model that was asked for, as the server lists it.
    pub model: ServedModel,
    /// vLLM's version, or llama.cpp's build.
    pub server_version: Option<String>,
    /// The server's software.
    pub server_kind: ServerKind,
    /// What the server says about its version and settings in every answer.
    pub system_fingerprint: Option<String>,
    /// Whether seeds do what they should.
    pub seed: SeedBehaviour,
}

/// What a server does with `seed` at temperature 1, one request at a time.
///
/// This says nothing about servers under load: where the arithmetic depends on
/// the batch (16-bit floats, several slots of llama.cpp), equal seeds may give
/// different texts there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SeedBehaviour {
    /// The same seed twice gave the same text, other seeds gave others.
    Honoured,
    /// The same seed gave different texts.
    Ignored,
    /// Four different seeds gave the same text.
    Constant,
    /// Nobody asked.
    NotChecked,
}

/// Why a server cannot be used as it is.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProbeError {
    /// The server cannot be asked, or answers badly.
    #[error("server at {url} did not answer `{path}`")]
    #[non_exhaustive]
    Unreachable {
        /// The server's address.
        url: String,
        /// What it was asked.
        path: &'static str,
        /// What happened.
        source: Failure,
    },
    /// The server refuses to answer, for want of the right key as a rule.
    #[error("server at {url} refused to answer `{path}`")]
    #[non_exhaustive]
    Refused {
        /// The server's address.
        url: String,
        /// What it was asked.
        path: &'static str,
        /// Its answer.
        source: Failure,
    },
    /// The server works, but with other models.
    #[error("server at {url} does not serve `{expected}`; it serves {}", list(.served))]
    #[non_exhaustive]
    WrongModel {
        /// The server's address.
        url: String,
        /// The model that was asked for.
        expected: String,
        /// The models that it serves.
        served: Vec<String>,
    },
    /// The server lists the model, but a small request to it failed.
    #[error("model `{model}` of the server at {url} cannot generate")]
    #[non_exhaustive]
    CannotGenerate {
        /// The server's address.
        url: String,
        /// The model that was asked for.
        model: String,
        /// The request's history.
        source: RequestError,
    },
    /// The caller cancelled.
    #[error("probe of the server at {url} was cancelled")]
    #[non_exhaustive]
    Cancelled {
        /// The server's address.
        url: String,
    },
}

impl ProbeError {
    /// Whether the same probe may succeed later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { source, .. } => source.kind().is_transient(),
            Self::CannotGenerate { source, .. } => source.is_transient(),
            Self::Cancelled { .. } => true,
            Self::Refused { .. } | Self::WrongModel { .. } => false,
        }
    }
}

fn list(served: &[String]) -> String {
    if served.is_empty() {
        return "no model".to_owned();
    }
    let quoted: Vec<String> = served.iter().map(|id| format!("`{id}`")).collect();
    quoted.join(", ")
}

pub(crate) async fn probe(
    client: &Client,
    request: &ProbeRequest,
    cancel: &CancellationToken,
) -> Result<Probe, ProbeError> {
    let transport = &client.transport;
    let describe = async {
        let model = models::find(transport, &request.model).await?;
        let server_kind = ServerKind::of(&model);
        let server_version = models::server_version(transport, server_kind).await;
        Ok((model, server_kind, server_version))
    };
    let described = cancel.run_until_cancelled(describe).await;
    let (model, server_kind, server_version) = described.ok_or_else(|| cancelled(transport))??;
    let answers = sample(client, request, cancel).await?;
    Ok(Probe {
        model,
        server_version,
        server_kind,
        system_fingerprint: answers
            .first()
            .and_then(|first| first.system_fingerprint.clone()),
        seed: SeedBehaviour::of(&answers),
    })
}

/// One after the other, because load may change what a seed gives.
async fn sample(
    client: &Client,
    request: &ProbeRequest,
    cancel: &CancellationToken,
) -> Result<Vec<Generation>, ProbeError> {
    let count = if request.check_seed { SEEDS.len() } else { 1 };
    let mut answers = Vec::with_capacity(count);
    for seed in SEEDS.into_iter().take(count) {
        let answer = client
            .generate(&request.generate_request(seed), cancel)
            .await;
        answers.push(answer.map_err(|source| {
            if cancel.is_cancelled() {
                return cancelled(&client.transport);
            }
            ProbeError::CannotGenerate {
                url: client.base_url().to_owned(),
                model: request.model.clone(),
                source,
            }
        })?);
    }
    Ok(answers)
}

impl SeedBehaviour {
    /// Compares thought and answer, since a model that thinks may need all its
    /// tokens for that.
    fn of(answers: &[Generation]) -> Self {
        let texts: Vec<_> = answers
            .iter()
            .map(|answer| (&answer.reasoning, &answer.text))
            .collect();
        match texts.as_slice() {
            [_, first, again, ..] if first != again => Self::Ignored,
            [first, others @ ..] if others.len() + 1 == SEEDS.len() => {
                if others.iter().all(|other| other == first) {
                    Self::Constant
                } else {
                    Self::Honoured
                }
            }
            _ => Self::NotChecked,
        }
    }
}

pub(crate) async fn wait_ready(
    transport: &Transport,
    model: &str,
    poll: Duration,
    cancel: &CancellationToken,
) -> Result<ServedModel, ProbeError> {
    let ready = async {
        loop {
            match models::find_when_healthy(transport, model).await {
                Err(error) if error.is_transient() => tokio::time::sleep(poll).await,
                outcome => return outcome,
            }
        }
    };
    let outcome = cancel.run_until_cancelled(ready).await;
    outcome.unwrap_or_else(|| Err(cancelled(transport)))
}

fn cancelled(transport: &Transport) -> ProbeError {
    ProbeError::Cancelled {
        url: transport.root().to_owned(),
    }
}
