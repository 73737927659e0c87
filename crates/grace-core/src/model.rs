//! The model catalogue: what `models.yaml` says about each model.

use crate::id::ModelKey;
use crate::problem::Problems;
use crate::server::{self, StartSettings};
use crate::yaml::{Document, Field};

/// The models of a `models.yaml`.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ModelCatalog {
    /// The models, in the order of the file.
    pub models: Vec<Model>,
}

/// What asking a model needs to know about it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Model {
    /// Its name in paths, Job names and labels.
    pub key: ModelKey,
    /// Its full name, such as `google/gemma-2-2b-it`; request seeds depend on it.
    pub name: String,
    /// The name under which the server serves it.
    pub served_name: String,
    /// The revision of the weights, if pinned.
    pub revision: Option<String>,
    /// Whether prompts go to the completions or the chat endpoint.
    pub api: Api,
    /// Strings that end an answer, besides those of the query.
    pub stop: Vec<String>,
    /// How the model thinks aloud, if it does.
    pub reasoning: Option<Reasoning>,
    /// Whether the model wants a beginning-of-sequence token before every prompt; `None` if nobody said.
    pub bos: Option<bool>,
    /// The model server's settings, as recorded with the results.
    pub server: ServerSettings,
    /// How the server is started.
    pub start: StartSettings,
}

/// The endpoint that prompts go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Api {
    /// `/v1/completions`: the prompt as it is.
    #[default]
    Completions,
    /// `/v1/chat/completions`: the prompt as the user's message, in the model's own template.
    Chat,
}

/// How a model thinks aloud before it answers.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reasoning {
    /// The marker before the thought.
    pub start: String,
    /// The marker behind it.
    pub end: String,
    /// Tokens for the thought, besides those of the answer.
    pub max_tokens: u32,
}

/// Settings of the model server, as `models.yaml` gives them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ServerSettings {
    /// GPUs that share each layer.
    pub tensor_parallel_size: Option<u32>,
    /// The number format of the weights.
    pub dtype: Option<String>,
    /// The longest prompt plus answer, in tokens.
    pub max_model_len: Option<u32>,
    /// Further arguments of the server.
    pub extra_args: Vec<String>,
}

impl Reasoning {
    /// Thoughts between `start` and `end`, of at most `max_tokens` tokens.
    pub fn new(start: impl Into<String>, end: impl Into<String>, max_tokens: u32) -> Self {
        Self {
            start: start.into(),
            end: end.into(),
            max_tokens,
        }
    }
}

impl Api {
    /// `completions` or `chat`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Completions => "completions",
            Self::Chat => "chat",
        }
    }
}

impl std::str::FromStr for Api {
    type Err = ApiError;

    fn from_str(text: &str) -> Result<Self, ApiError> {
        match text {
            "completions" => Ok(Self::Completions),
            "chat" => Ok(Self::Chat),
            _ => Err(ApiError(text.to_owned())),
        }
    }
}

/// A name that is no endpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no endpoint, expected `completions` or `chat`")]
pub struct ApiError(String);

impl Model {
    /// A model of which no more is known than its key and name.
    pub fn named(key: ModelKey, name: impl Into<String>) -> Self {
        let name = name.into();
        Self {
            key,
            served_name: name.clone(),
            name,
            revision: None,
            api: Api::default(),
            stop: Vec::new(),
            reasoning: None,
            bos: None,
            server: ServerSettings::default(),
            start: StartSettings::default(),
        }
    }
}

impl ModelCatalog {
    /// Reads the text of a `models.yaml`; `file` names it in messages.
    ///
    /// The keys that only manifests use (`gpu`, `resources`, `cluster`, …) are known here but not read; see
    /// [`crate::cluster::ClusterConfig`].
    ///
    /// # Errors
    ///
    /// Returns every mistake in the file, with line and key.
    ///
    /// # Examples
    ///
    /// ```
    /// use grace_core::model::ModelCatalog;
    ///
    /// let text = "models:\n  tiny:\n    huggingface_name: lab/tiny\n    api: chat\n";
    /// let catalog = ModelCatalog::parse("models.yaml", text)?;
    /// assert_eq!(catalog.models[0].name, "lab/tiny");
    /// # Ok::<(), grace_core::Problems>(())
    /// ```
    pub fn parse(file: &str, text: &str) -> Result<Self, Problems> {
        let document = Document::parse(file, text)?;
        let models = catalog(&document.root());
        document.finish(models.map(|models| Self { models }))
    }

    /// The model with this key.
    pub fn model(&self, key: &ModelKey) -> Option<&Model> {
        self.models.iter().find(|model| model.key == *key)
    }
}

fn catalog(root: &Field<'_>) -> Option<Vec<Model>> {
    let map = root.mapping(&["models", "cluster"])?;
    let field = map.required("models")?;
    let models = field.any_mapping()?;
    let models: Vec<Option<Model>> = models
        .entries()
        .map(|(key, field)| model(key, field))
        .collect();
    if models.is_empty() {
        field.problem("lists no model, expected at least one");
    }
    models.into_iter().collect()
}

/// Reads the model that `field` describes.
pub(crate) fn model(key: &str, field: &Field<'_>) -> Option<Model> {
    let map = field.mapping(&[
        "display_name",
        "huggingface_name",
        "served_name",
        "revision",
        "gpu",
        "vllm",
        "server",
        "resources",
        "replication_parallelism",
        "model_cache_pvc",
        "estimate",
        "reasoning",
        "bos",
        "stop",
        "api",
    ])?;
    let key = key
        .parse()
        .map_err(|error: crate::id::IdError| field.problem(format!("names a model: {error}")))
        .ok();
    let name = map.required("huggingface_name").and_then(Field::text);
    let served_name = map.optional("served_name").and_then(Field::text);
    let api = map.optional("api").map_or(Some(Api::default()), |field| {
        field.parsed("`completions` or `chat`", |text| text.parse().ok())
    });
    let stop = map
        .optional("stop")
        .map_or_else(|| Some(Vec::new()), Field::texts);
    let reasoning = map.optional("reasoning").map(reasoning);
    let server = map
        .optional("vllm")
        .map_or_else(|| Some(ServerSettings::default()), vllm);
    let start = map
        .optional("server")
        .map_or_else(|| Some(StartSettings::default()), server::read);
    let bos = map
        .optional("bos")
        .map(|field| field.parsed("`true` or `false`", |text| text.parse().ok()));
    let name = name?;
    Some(Model {
        key: key?,
        served_name: served_name.unwrap_or_else(|| name.clone()),
        name,
        revision: map.optional("revision").and_then(Field::text),
        api: api?,
        stop: stop?,
        reasoning: reasoning.flatten(),
        bos: bos.flatten(),
        server: server?,
        start: start?,
    })
}

fn reasoning(field: &Field<'_>) -> Option<Reasoning> {
    const DEFAULT_MAX_TOKENS: i64 = 2048;
    let map = field.mapping(&["start", "end", "max_tokens"])?;
    let start = map.required("start").and_then(Field::text);
    let end = map.required("end").and_then(Field::text);
    let max_tokens = map
        .optional("max_tokens")
        .map_or(Some(DEFAULT_MAX_TOKENS), |field| {
            field.integer(1, 1_000_000)
        });
    Some(Reasoning {
        start: start?,
        end: end?,
        max_tokens: u32::try_from(max_tokens?).ok()?,
    })
}

fn vllm(field: &Field<'_>) -> Option<ServerSettings> {
    let map = field.mapping(&[
        "tensor_parallel_size",
        "dtype",
        "max_model_len",
        "extra_args",
    ])?;
    let count = |key: &str| {
        map.optional(key).map_or(Some(None), |field| {
            let value = field.integer(1, i64::from(u32::MAX))?;
            u32::try_from(value).ok().map(Some)
        })
    };
    let tensor_parallel_size = count("tensor_parallel_size");
    let max_model_len = count("max_model_len");
    let extra_args = map
        .optional("extra_args")
        .map_or_else(|| Some(Vec::new()), Field::texts);
    Some(ServerSettings {
        tensor_parallel_size: tensor_parallel_size?,
        dtype: map.optional("dtype").and_then(Field::text),
        max_model_len: max_model_len?,
        extra_args: extra_args?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mistake_is_reported_with_its_line() {
        let text = "models:\n  a b:\n    huggingface_name: x/y\n  ok:\n    api: soap\n    gpus: 2\n    vllm: {max_model_len: -1}\n";
        let error = ModelCatalog::parse("models.yaml", text)
            .unwrap_err()
            .to_string();
        for part in [
            "models.yaml:2: `models.a b` names a model",
            "models.yaml:4: `models.ok` has no `huggingface_name`",
            "models.yaml:5: `models.ok.api` is `soap`, expected `completions` or `chat`",
            "models.yaml:6: `models.ok.gpus` is not a known key",
            "models.yaml:7: `models.ok.vllm.max_model_len` is `-1`, expected a whole number from 1",
        ] {
            assert!(error.contains(part), "{part}\n{error}");
        }
    }

    #[test]
    fn reasoning_markers_and_defaults_are_read() {
        let text = "models:\n  r1:\n    huggingface_name: d/r1\n    reasoning: {start: <think>, end: </think>}\n    gpu: {count: 8}\n";
        let catalog = ModelCatalog::parse("models.yaml", text).unwrap();
        let model = &catalog.models[0];
        assert_eq!(model.served_name, "d/r1");
        assert_eq!(model.reasoning.as_ref().unwrap().max_tokens, 2048);
        assert_eq!(model.api, Api::Completions);
    }
}
