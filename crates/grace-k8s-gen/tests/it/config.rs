//! Configurations for tests.

use std::collections::BTreeMap;

use grace_core::ModelKey;
use grace_core::cluster::{ClusterConfig, LAB};
use grace_k8s_gen::{GenerateError, Manifest, Object, Request, Study, generate};
use grace_seed::SeedPlan;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::PodSpec;

/// One small model; placeholders are replaced by tests.
pub(crate) const SMALL: &str = "\
models:
  tiny:
    huggingface_name: lab/tiny
    gpu: {count: 1, type: T4}
    resources: {memory_request: 4Gi, memory_limit: 4Gi, cpu_request: 1, cpu_limit: 1}
cluster:
  namespace: lab
  image: lab/grace:1
  server_image: lab/vllm:1
  pvcs:
    results: {size: 1Gi}
    cache: {size: 1Gi}
  results_pvc: results
  model_cache_pvc: cache
";

#[track_caller]
pub(crate) fn parsed(text: &str) -> ClusterConfig {
    ClusterConfig::parse("models.yaml", text).unwrap()
}

#[track_caller]
pub(crate) fn lab() -> ClusterConfig {
    parsed(LAB)
}

/// A study of two experiments and one file.
#[track_caller]
pub(crate) fn study(replications: u32) -> Study {
    let experiments = [(String::from("one"), 0), (String::from("two"), 1_000_000)];
    Study {
        seeds: SeedPlan::new(1001, replications, experiments).unwrap(),
        experiments: BTreeMap::new(),
        files: BTreeMap::from([(String::from("models.yaml"), String::from("models: {}\n"))]),
        stimuli: Vec::new(),
    }
}

pub(crate) fn made(
    config: &ClusterConfig,
    replications: u32,
    parallelism: u32,
    models: &[ModelKey],
) -> Result<Vec<Manifest>, GenerateError> {
    let study = study(replications);
    generate(&Request {
        config,
        study: &study,
        parallelism,
        models,
    })
}

#[track_caller]
pub(crate) fn all(config: &ClusterConfig) -> Vec<Manifest> {
    made(config, 5, 2, &[]).unwrap()
}

/// The Job at this path.
#[track_caller]
pub(crate) fn job(manifests: &[Manifest], path: &str) -> Job {
    let manifest = manifests.iter().find(|manifest| manifest.path == path);
    match &manifest
        .unwrap_or_else(|| panic!("{path} is not there"))
        .object
    {
        Object::Job(job) => (**job).clone(),
        other => panic!("{path} is a {}", other.kind()),
    }
}

#[track_caller]
pub(crate) fn pod(job: &Job) -> PodSpec {
    job.spec.as_ref().unwrap().template.spec.clone().unwrap()
}
