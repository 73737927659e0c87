//! The plan of a replication: which trials in which order, under which seeds, and a
//! fingerprint of everything that decides the results.

use std::collections::BTreeMap;
use std::fmt::Display;

use grace_seed::{
    ExperimentSeed, OrderAlgorithm, OrderError, RequestKey, RequestSeed, SeedBits, request_seed,
    trial_order,
};
use serde::{Deserialize, Serialize};

use crate::digest::{Digest, Hasher};
use crate::experiment::{Experiment, GenerateQuery, Query, Sampling};
use crate::id::QueryId;
use crate::model::{Model, ServerSettings};
use crate::reuse::Reuse;
use crate::scoring::ScoringSettings;
use crate::server::{ArgumentTemplate, StartSettings, names_secret};
use crate::settings::{RequestSeeds, ScoringServer};
use crate::stimuli::StimuliIndex;

/// How seeds and orders are made; the same for all experiments of a replication.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeedRules {
    /// How trials are put in order.
    pub order: OrderAlgorithm,
    /// How request seeds are made.
    pub request_seeds: RequestSeeds,
    /// How large request seeds may be.
    pub bits: SeedBits,
}

/// One experiment within a replication: its trials in order, and a seed for each request.
#[derive(Debug)]
#[non_exhaustive]
pub struct ExperimentPlan {
    /// What is asked.
    pub experiment: Experiment,
    /// The stimuli, cut to the limit if there is one.
    pub stimuli: StimuliIndex,
    /// The seed of this experiment in this replication.
    pub seed: ExperimentSeed,
    /// How seeds and orders are made.
    pub rules: SeedRules,
    /// The rows in the order in which they are shown.
    pub order: Vec<u32>,
    /// The number of rows that the user allowed, if any.
    pub limit: Option<u32>,
    /// How options are scored.
    pub scoring: ScoringSettings,
    /// Which queries are not asked because an equal one is.
    pub reuse: Reuse,
    model_name: String,
}

impl ExperimentPlan {
    /// Plans `experiment` on `stimuli` for `model_name`.
    ///
    /// A `limit` keeps the first rows of the file; the order is that of the rows kept.
    ///
    /// # Errors
    ///
    /// Returns [`OrderError`] if the seed does not fit the order's algorithm.
    pub fn new(
        experiment: Experiment,
        stimuli: StimuliIndex,
        seed: ExperimentSeed,
        rules: SeedRules,
        model_name: impl Into<String>,
    ) -> Result<Self, OrderError> {
        let order = trial_order(rules.order, seed.0, stimuli.len())?;
        Ok(Self {
            experiment,
            stimuli,
            seed,
            rules,
            order,
            limit: None,
            scoring: ScoringSettings::default(),
            reuse: Reuse::none(),
            model_name: model_name.into(),
        })
    }

    /// Notes that the stimuli were cut to their first `limit` rows.
    #[must_use]
    pub fn with_limit(mut self, limit: Option<u32>) -> Self {
        self.limit = limit;
        self
    }

    /// Says how options are scored.
    #[must_use]
    pub fn with_scoring(mut self, scoring: ScoringSettings) -> Self {
        self.scoring = scoring;
        self
    }

    /// The seed of the request that puts `query` about row `trial_id`.
    pub fn request_seed(&self, query: &QueryId, trial_id: u32) -> RequestSeed {
        match self.rules.request_seeds {
            RequestSeeds::Shared => RequestSeed(self.seed.0),
            RequestSeeds::PerRequest => request_seed(
                &RequestKey {
                    model: &self.model_name,
                    experiment: self.experiment.id.as_str(),
                    experiment_seed: self.seed,
                    trial_id: u64::from(trial_id),
                    query: query.as_str(),
                    draw: 0,
                },
                self.rules.bits,
            ),
        }
    }

    /// The number of trials.
    pub fn trials(&self) -> u32 {
        self.stimuli.len()
    }

    /// The number of queries: trials times the queries of a trial.
    pub fn queries(&self) -> u64 {
        u64::from(self.trials()) * self.experiment.queries.len() as u64
    }

    /// The number of queries that are asked: all but those that take the answer of an equal one.
    pub fn requests(&self) -> u64 {
        self.queries() - self.reuse.reused()
    }
}

/// How a query is put to a particular model: the query's own settings and the model's together.
#[derive(Debug, Clone, PartialEq)]
pub struct RequestSettings {
    /// How text is sampled; with room for the thought if the model reasons.
    pub sampling: Sampling,
    /// Strings that end the answer.
    pub stop: Vec<String>,
}

impl RequestSettings {
    /// The settings of `query` for `model`.
    ///
    /// A model that reasons gets tokens for its thought on top of the answer's and none of the query's
    /// stop strings, which would end the thought.
    pub fn new(query: &GenerateQuery, model: &Model) -> Self {
        let mut sampling = query.sampling.clone();
        let mut stop = Vec::new();
        match &model.reasoning {
            Some(reasoning) => {
                sampling.max_tokens = sampling.max_tokens.saturating_add(reasoning.max_tokens);
            }
            None => stop.extend(query.stop.iter().cloned()),
        }
        for text in &model.stop {
            if !stop.contains(text) {
                stop.push(text.clone());
            }
        }
        Self { sampling, stop }
    }
}

/// Everything that decides the results of a replication, by name.
///
/// Two attempts may share a folder only if their inputs are equal.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Inputs(BTreeMap<String, String>);

/// An input that is not what was recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The name of the input, such as `study1_exp1.stimuli_sha256`.
    pub key: String,
    /// The recorded value; `None` if it was not there.
    pub recorded: Option<String>,
    /// The value now; `None` if it is gone.
    pub now: Option<String>,
}

impl Inputs {
    /// The inputs that all experiments of a replication share.
    pub fn of_model(model: &Model, replication: u32) -> Self {
        let mut inputs = Self::default();
        inputs.put("model_key", model.key.as_str());
        inputs.put("model_name", &model.name);
        inputs.put("replication_index", replication);
        inputs.put("api", model.api.as_str());
        inputs.put("served_name", &model.served_name);
        inputs.put_server(&model.server);
        inputs.put_start(&model.start);
        if let Some(revision) = &model.revision {
            inputs.put("revision", revision);
        }
        if let Some(reasoning) = &model.reasoning {
            inputs.put("reasoning_start", &reasoning.start);
            inputs.put("reasoning_end", &reasoning.end);
        }
        inputs
    }

    /// Adds one experiment; `prompts` is the digest of all its prompts.
    pub fn add_experiment(&mut self, plan: &ExperimentPlan, model: &Model, prompts: Digest) {
        let id = plan.experiment.id.as_str();
        let mut put = |key: &str, value: String| self.put(&format!("{id}.{key}"), value);
        put("experiment_sha256", plan.experiment.digest.to_string());
        put("stimuli_sha256", plan.stimuli.digest().to_string());
        put("prompts_sha256", prompts.to_string());
        put("trials", plan.trials().to_string());
        put("seed", plan.seed.0.to_string());
        put("order_algorithm", plan.rules.order.to_string());
        put(
            "request_seeds",
            plan.rules.request_seeds.as_str().to_owned(),
        );
        put("seed_bits", plan.rules.bits.to_string());
        if plan.experiment.scores() {
            put("scoring_method", plan.scoring.method.as_str().to_owned());
            put("reuse", plan.scoring.reuse.to_string());
        }
        for query in &plan.experiment.queries {
            if let Some(generate) = query.kind.generate() {
                let settings = RequestSettings::new(generate, model);
                put_settings(&settings, |key, value| {
                    put(&format!("{}.{key}", query.id), value);
                });
            }
        }
    }

    /// Adds which server measures probabilities, where the two differ: if there are further arguments for a separate one.
    pub fn add_scoring_server(&mut self, server: ScoringServer, model: &Model) {
        if !model.start.scoring_args.is_empty() {
            self.put("scoring_server", server.as_str());
        }
    }

    /// Names and values, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let entries = self.0.iter();
        entries.map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// What differs from `recorded`, by name.
    pub fn differences(&self, recorded: &Self) -> Vec<Difference> {
        let keys: std::collections::BTreeSet<&String> =
            self.0.keys().chain(recorded.0.keys()).collect();
        keys.into_iter()
            .filter(|key| self.0.get(*key) != recorded.0.get(*key))
            .map(|key| Difference {
                key: key.clone(),
                recorded: recorded.0.get(key).cloned(),
                now: self.0.get(key).cloned(),
            })
            .collect()
    }

    /// A digest of all inputs.
    pub fn fingerprint(&self) -> Digest {
        let mut hasher = Hasher::new();
        for (key, value) in &self.0 {
            hasher.field(key.as_bytes());
            hasher.field(value.as_bytes());
        }
        hasher.finish()
    }

    /// The value of an input.
    pub fn value(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    fn put_server(&mut self, server: &ServerSettings) {
        if let Some(size) = server.tensor_parallel_size {
            self.put("tensor_parallel_size", size);
        }
        if let Some(dtype) = &server.dtype {
            self.put("dtype", dtype);
        }
        if let Some(length) = server.max_model_len {
            self.put("max_model_len", length);
        }
        if !server.extra_args.is_empty() {
            self.put("extra_args", format!("{:?}", server.extra_args));
        }
    }

    /// What the server is made to do, not where: neither port nor the path of the weights. Of variables a digest, so that
    /// no value is shown.
    fn put_start(&mut self, start: &StartSettings) {
        let texts = |arguments: &[ArgumentTemplate]| {
            let texts: Vec<&str> = arguments.iter().map(ArgumentTemplate::as_str).collect();
            format!("{texts:?}")
        };
        if let Some(command) = &start.command {
            self.put("server_command", texts(command));
        }
        if !start.scoring_args.is_empty() {
            self.put("scoring_args", texts(&start.scoring_args));
        }
        for (name, value) in &start.env {
            // Values may be private without being secret; keys may be changed at any time. Which GPU it is may differ.
            let is_place = name.ends_with("_VISIBLE_DEVICES");
            if !names_secret(name) && !is_place {
                let digest = Digest::of(value.as_bytes());
                self.put(&format!("server_env.{name}"), digest);
            }
        }
    }

    fn put(&mut self, key: &str, value: impl Display) {
        self.0.insert(key.to_owned(), value.to_string());
    }
}

fn put_settings(settings: &RequestSettings, mut put: impl FnMut(&str, String)) {
    let sampling = &settings.sampling;
    put("temperature", sampling.temperature.to_string());
    put("top_p", sampling.top_p.to_string());
    put("top_k", sampling.top_k.to_string());
    put("min_p", sampling.min_p.to_string());
    put("presence_penalty", sampling.presence_penalty.to_string());
    put("frequency_penalty", sampling.frequency_penalty.to_string());
    put(
        "repetition_penalty",
        sampling.repetition_penalty.to_string(),
    );
    put("max_tokens", sampling.max_tokens.to_string());
    put("stop", format!("{:?}", settings.stop));
}

impl Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shown =
            |value: &Option<String>| value.clone().unwrap_or_else(|| String::from("absent"));
        let (recorded, now) = (shown(&self.recorded), shown(&self.now));
        write!(f, "`{}` was {recorded}, is now {now}", self.key)
    }
}

/// Digests the prompts of an experiment: feed every prompt, trial by trial in the file's order.
#[derive(Debug, Clone, Default)]
pub struct PromptDigest(Hasher);

impl PromptDigest {
    /// No prompt yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the prompt of `query` for the next trial.
    pub fn add(&mut self, query: &Query, prompt: &str) {
        self.0.field(query.id.as_str().as_bytes());
        self.0.field(prompt.as_bytes());
    }

    /// The digest of the whole prompt set.
    pub fn finish(self) -> Digest {
        self.0.finish()
    }
}
