use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    failure::{Failure, FailureKind},
    probe::ProbeError,
    transport::Transport,
};

/// How long the small questions to a server may take.
const ASK_LIMIT: Duration = Duration::from_secs(10);

/// An entry of `/v1/models`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ServedModel {
    /// The name to send.
    pub id: String,
    /// vLLM: the path or repository of the weights.
    pub root: Option<String>,
    /// Tokens of the context, prompt and answer together. llama.cpp: of one
    /// slot.
    pub max_model_len: Option<u64>,
    /// What the server says of itself: `vllm`, `llamacpp` …
    pub owned_by: Option<String>,
}

/// A server's software, told by `owned_by`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub enum ServerKind {
    /// vLLM
    #[serde(rename = "vLLM")]
    Vllm,
    /// llama.cpp
    #[serde(rename = "llama.cpp")]
    LlamaCpp,
    /// Anything else.
    #[serde(rename = "other")]
    Other,
}

impl ServerKind {
    pub(crate) fn of(model: &ServedModel) -> Self {
        match model.owned_by.as_deref() {
            Some("vllm") => Self::Vllm,
            Some("llamacpp") => Self::LlamaCpp,
            _ => Self::Other,
        }
    }
}

/// A server without `/health` shows by its list of models that it is ready.
pub(crate) async fn find_when_healthy(
    transport: &Transport,
    model: &str,
) -> Result<ServedModel, ProbeError> {
    match transport.get("/health", ASK_LIMIT).await {
        Err(failure) if !matches!(failure.status(), Some(404 | 405)) => {
            Err(unanswered(transport, "/health", failure))
        }
        _ => find(transport, model).await,
    }
}

#[derive(Deserialize)]
struct WireModels {
    data: Vec<WireModel>,
}

#[derive(Deserialize)]
struct WireModel {
    id: String,
    root: Option<String>,
    max_model_len: Option<u64>,
    owned_by: Option<String>,
    /// llama.cpp
    meta: Option<WireMeta>,
}

#[derive(Deserialize)]
struct WireMeta {
    n_ctx: Option<u64>,
}

/// llama.cpp answers under any name, so the list of models is what counts.
pub(crate) async fn find(transport: &Transport, expected: &str) -> Result<ServedModel, ProbeError> {
    const PATH: &str = "/v1/models";
    let body = transport.get(PATH, ASK_LIMIT).await;
    let body = body.map_err(|failure| unanswered(transport, PATH, failure))?;
    let models: WireModels = serde_json::from_slice(&body).map_err(|error| {
        let failure = Failure::not_json(&error, http::StatusCode::OK, &body);
        unanswered(transport, PATH, failure)
    })?;
    let served = models.data.iter().map(|model| model.id.clone()).collect();
    let found = models.data.into_iter().find(|model| model.id == expected);
    found
        .map(WireModel::into_served)
        .ok_or_else(|| ProbeError::WrongModel {
            url: transport.root().to_owned(),
            expected: expected.to_owned(),
            served,
        })
}

fn unanswered(transport: &Transport, path: &'static str, source: Failure) -> ProbeError {
    let url = transport.root().to_owned();
    if source.kind() == FailureKind::Refused {
        ProbeError::Refused { url, path, source }
    } else {
        ProbeError::Unreachable { url, path, source }
    }
}

impl WireModel {
    fn into_served(self) -> ServedModel {
        ServedModel {
            id: self.id,
            root: self.root,
            max_model_len: self.max_model_len.or_else(|| self.meta?.n_ctx),
            owned_by: self.owned_by,
        }
    }
}

#[derive(Deserialize)]
struct WireVersion {
    version: Option<String>,
    build_info: Option<String>,
}

/// A server that does not tell its version can be used all the same.
pub(crate) async fn server_version(transport: &Transport, kind: ServerKind) -> Option<String> {
    let path = match kind {
        ServerKind::LlamaCpp => "/props",
        ServerKind::Vllm | ServerKind::Other => "/version",
    };
    let body = transport.get(path, ASK_LIMIT).await.ok()?;
    let said: WireVersion = serde_json::from_slice(&body).ok()?;
    said.version.or(said.build_info)
}
