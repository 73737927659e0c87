//! Making and reading `metadata.json`.

use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;

use grace_client::{Probe, ScoringProbe, SeedBehaviour};
use grace_core::ExperimentId;
use grace_core::experiment::{Query, QueryKind};
use grace_core::layout::ReplicationLayout;
use grace_core::metadata::{Metadata, Ordered, SCHEMA, Status};
use grace_core::model::Model;
use grace_core::plan::{Difference, Inputs, RequestSettings};
use serde_json::{Value, json};

use crate::attempt::listed;
use crate::clock::Timestamp;
use crate::durable::FileError;
use crate::job::{Job, Prepared};
use crate::score::options;

/// A `metadata.json` that cannot be gone on with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MetadataError {
    /// The file could not be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file is not what grace wrote.
    #[error("{} cannot be read as the description of a replication", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The file was written in another format.
    #[error("{} has the format `{found}`, expected `{SCHEMA}`; use the version of grace that wrote it", .path.display())]
    OtherFormat {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: String,
    },
    /// The folder holds results of another plan.
    #[error("{} holds results of other inputs:\n  {}", .path.display(), listed(.differences))]
    OtherInputs {
        /// The folder.
        path: PathBuf,
        /// What differs.
        differences: Vec<Difference>,
    },
}

/// Reads the metadata of a replication; `None` if it never began.
pub(crate) fn load(layout: &ReplicationLayout) -> Result<Option<Metadata>, MetadataError> {
    let path = layout.metadata();
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(FileError::new("reading", &path, error).into()),
    };
    let metadata: Metadata = match serde_json::from_slice(&bytes) {
        Ok(metadata) => metadata,
        Err(source) => return Err(MetadataError::Damaged { path, source }),
    };
    if metadata.schema != SCHEMA {
        let found = metadata.schema;
        return Err(MetadataError::OtherFormat { path, found });
    }
    Ok(Some(metadata))
}

/// The seed with which an experiment was begun in this folder, if it was.
///
/// # Errors
///
/// Returns [`MetadataError`] if there is a `metadata.json` that cannot be read.
pub fn recorded_seed(
    layout: &ReplicationLayout,
    experiment: &ExperimentId,
) -> Result<Option<u64>, MetadataError> {
    let seed = |metadata: Metadata| {
        metadata
            .seeds
            .value(&format!("{experiment}_seed"))?
            .as_u64()
    };
    Ok(load(layout)?.and_then(seed))
}

/// Refuses recorded inputs that are not those of now.
pub(crate) fn check_inputs(
    layout: &ReplicationLayout,
    recorded: &Metadata,
    now: &Inputs,
) -> Result<(), MetadataError> {
    let differences = now.differences(&recorded.inputs);
    if differences.is_empty() {
        return Ok(());
    }
    Err(MetadataError::OtherInputs {
        path: layout.folder().to_owned(),
        differences,
    })
}

/// The metadata of a replication that begins now, or goes on from `recorded`.
pub(crate) fn begin(
    job: &Job,
    prepared: &Prepared,
    recorded: Option<Metadata>,
    start: Timestamp,
) -> Metadata {
    let mut metadata = recorded.unwrap_or_else(|| Metadata {
        schema: SCHEMA.to_owned(),
        status: Status::Running,
        model_key: job.model.key.to_string(),
        model_name: job.model.name.clone(),
        replication_index: job.replication,
        replication_id: format!(
            "{}-rep{}-{}",
            job.model.key,
            job.replication,
            start.compact()
        ),
        seeds: seeds(job, prepared),
        timestamps: Ordered::default(),
        deployment_info: Ordered::default(),
        configuration: Value::Null,
        probe: Value::Null,
        inputs: prepared.inputs.clone(),
        counts: Ordered::default(),
        attempts: Vec::new(),
    });
    metadata.status = Status::Running;
    // These are of the last attempt.
    for key in ["server_ready", "vllm_killed", "scoring_server_ready", "end"] {
        metadata.timestamps.remove(key);
    }
    if metadata.timestamps.value("start").is_none() {
        metadata.timestamps.set("start", start.to_string());
    }
    metadata.configuration = configuration(job, prepared);
    metadata
}

fn seeds(job: &Job, prepared: &Prepared) -> Ordered<Value> {
    let mut seeds = Ordered::default();
    if let Some(base_seed) = job.base_seed {
        seeds.set("base_seed", json!(base_seed));
    }
    for experiment in &prepared.experiments {
        let plan = &experiment.plan;
        seeds.set(format!("{}_seed", plan.experiment.id), json!(plan.seed.0));
    }
    seeds.set("request_seeds", json!(job.rules.request_seeds.as_str()));
    seeds.set("seed_bits", json!(job.rules.bits.as_u32()));
    seeds.set("order_algorithm", json!(job.rules.order.to_string()));
    seeds
}

fn configuration(job: &Job, prepared: &Prepared) -> Value {
    let model = &job.model;
    let mut queries = serde_json::Map::new();
    for experiment in &prepared.experiments {
        for query in &experiment.plan.experiment.queries {
            let name = format!("{}.{}", experiment.plan.experiment.id, query.id);
            queries.insert(name, query_settings(query, model));
        }
    }
    let reasoning = model.reasoning.as_ref();
    json!({
        "api": model.api.as_str(),
        "served_name": model.served_name,
        "revision": model.revision,
        "reasoning": reasoning.map(|markers| json!({
            "start": markers.start,
            "end": markers.end,
            "max_tokens": markers.max_tokens,
        })),
        "max_model_len": model.server.max_model_len,
        "tensor_parallel_size": model.server.tensor_parallel_size,
        "dtype": model.server.dtype,
        "extra_args": model.server.extra_args,
        "max_connections": job.options.max_connections,
        "fail_on_error": job.options.fail_on_error,
        "scoring": { "method": job.scoring.method, "reuse": job.scoring.reuse },
        "queries": queries,
    })
}

fn query_settings(query: &Query, model: &Model) -> Value {
    match &query.kind {
        QueryKind::Generate(generate) => {
            let settings = RequestSettings::new(generate, model);
            json!({ "sampling": settings.sampling, "stop": settings.stop })
        }
        QueryKind::Score(score) => json!({ "options": options(score) }),
        _ => Value::Null,
    }
}

/// Writes down what the server said of itself.
pub(crate) fn record_probe(metadata: &mut Metadata, probe: &Probe) {
    let scoring = metadata.probe["scoring"].take();
    metadata.probe = serde_json::to_value(probe).unwrap_or(Value::Null);
    // Until this attempt has checked the server, that of an earlier one tells how scores were had.
    if let Some(probe) = metadata
        .probe
        .as_object_mut()
        .filter(|_| !scoring.is_null())
    {
        probe.insert(String::from("scoring"), scoring);
    }
}

/// How options were scored, as far as an attempt got to that.
pub(crate) fn scoring_method(metadata: &Metadata) -> Option<String> {
    let method = metadata.probe["scoring"]["method"].as_str();
    method.map(str::to_owned)
}

/// Writes down how the server scores, beside what it said of itself.
pub(crate) fn record_scoring(metadata: &mut Metadata, scoring: &ScoringProbe) {
    if let Some(probe) = metadata.probe.as_object_mut() {
        probe.insert(String::from("scoring"), json!(scoring));
    }
}

/// Whether answers depend on the seed that is sent, as replaying a trial needs.
pub(crate) fn honours_seeds(probe: &Probe) -> bool {
    matches!(
        probe.seed,
        SeedBehaviour::Honoured | SeedBehaviour::NotChecked
    )
}

/// Whether the model that the plan names is asked for randomness at all.
pub(crate) fn samples(prepared: &Prepared, model: &Model) -> bool {
    prepared.experiments.iter().any(|experiment| {
        let queries = experiment.plan.experiment.queries.iter();
        queries
            .filter_map(|query| query.kind.generate())
            .any(|query| RequestSettings::new(query, model).sampling.temperature > 0.0)
    })
}
