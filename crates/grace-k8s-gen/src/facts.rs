//! What the templates see: values only, decided beforehand.

use grace_core::Digest;
use grace_core::cluster::{Claim, Cluster, ConfigSource, SecretKey, Workload};
use serde::Serialize;

use crate::config_map::Packed;
use crate::study::{Study, fingerprint};

/// A key with its value: templates go through lists in order.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Pair<'a> {
    key: &'a str,
    value: &'a str,
}

/// A key of a secret.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Secret<'a> {
    name: &'a str,
    key: &'a str,
}

/// A folder on a claim.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Folder<'a> {
    name: &'a str,
    path: &'a str,
}

/// A `ConfigMap` as a volume sees it: without the texts, which would be copied for each Job.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Mounted<'a> {
    name: &'a str,
    files: Vec<MountedFile<'a>>,
}

/// A key of a `ConfigMap`, and where it is seen.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct MountedFile<'a> {
    key: &'a str,
    path: &'a str,
}

/// A taint that is put up with.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct TolerationFacts<'a> {
    key: &'a str,
    operator: &'a str,
    value: Option<&'a str>,
    effect: Option<&'a str>,
}

/// What all Jobs of a cluster share.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Shared<'a> {
    namespace: &'a str,
    image: &'a str,
    server_image: &'a str,
    image_pull_secrets: &'a [String],
    hf_token: Option<Secret<'a>>,
    env: Vec<Pair<'a>>,
    run_as: u32,
    priority_class: Option<&'a str>,
    queue: Option<&'a str>,
    tolerations: Vec<TolerationFacts<'a>>,
    results_pvc: &'a str,
    config_claim: Option<Folder<'a>>,
    config_maps: Vec<Mounted<'a>>,
    fail_fast: bool,
    backoff_limit_per_index: u32,
    active_deadline_seconds: Option<u32>,
    pod_deadline_seconds: Option<u32>,
    ttl_seconds_after_finished: Option<u32>,
    termination_grace_period_seconds: u32,
    prefetch_cpu: &'a str,
    prefetch_memory: &'a str,
    base_seeds: String,
    experiment_seeds: String,
    #[serde(skip)]
    replications: u32,
    #[serde(skip)]
    study: Digest,
}

/// One model's Jobs.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct JobFacts<'a> {
    #[serde(flatten)]
    shared: &'a Shared<'a>,
    name: &'a str,
    model: &'a str,
    model_name: &'a str,
    display_name: &'a str,
    revision: Option<&'a str>,
    fingerprint: String,
    completions: u32,
    parallelism: u32,
    max_failed_indexes: u32,
    node_selector: Vec<Pair<'a>>,
    cpu_request: &'a str,
    cpu_limit: &'a str,
    memory_request: &'a str,
    memory_limit: &'a str,
    ephemeral_storage_request: &'a str,
    ephemeral_storage_limit: &'a str,
    shm_size: &'a str,
    gpu_resource: &'a str,
    gpu_count: u32,
    model_cache_pvc: &'a str,
}

/// A claim.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ClaimFacts<'a> {
    namespace: &'a str,
    name: &'a str,
    access_mode: &'static str,
    storage_class: Option<&'a str>,
    size: &'a str,
}

/// A `ConfigMap`.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ConfigMapFacts<'a> {
    namespace: &'a str,
    #[serde(flatten)]
    packed: &'a Packed,
}

fn pairs<'a>(map: impl IntoIterator<Item = (&'a String, &'a String)>) -> Vec<Pair<'a>> {
    map.into_iter()
        .map(|(key, value)| Pair { key, value })
        .collect()
}

impl<'a> Mounted<'a> {
    fn of(packed: &'a Packed) -> Self {
        let files = packed.files.iter().map(|file| MountedFile {
            key: &file.key,
            path: &file.path,
        });
        Self {
            name: &packed.name,
            files: files.collect(),
        }
    }
}

impl<'a> Shared<'a> {
    pub(crate) fn of(cluster: &'a Cluster, study: &Study, config_maps: &'a [Packed]) -> Self {
        let lifetime = cluster.lifetime;
        let secret = |secret: &'a SecretKey| Secret {
            name: &secret.name,
            key: &secret.key,
        };
        let config_claim = match &cluster.config {
            ConfigSource::Claim { name, path } => Some(Folder { name, path }),
            _ => None,
        };
        let tolerations = cluster
            .tolerations
            .iter()
            .map(|toleration| TolerationFacts {
                key: &toleration.key,
                operator: &toleration.operator,
                value: toleration.value.as_deref(),
                effect: toleration.effect.as_deref(),
            });
        Self {
            namespace: &cluster.namespace,
            image: &cluster.image,
            server_image: &cluster.server_image,
            image_pull_secrets: &cluster.image_pull_secrets,
            hf_token: cluster.hf_token.as_ref().map(secret),
            env: pairs(&cluster.env),
            run_as: cluster.run_as,
            priority_class: cluster.priority_class.as_deref(),
            queue: cluster.queue.as_deref(),
            tolerations: tolerations.collect(),
            results_pvc: &cluster.results_pvc,
            config_claim,
            config_maps: config_maps.iter().map(Mounted::of).collect(),
            fail_fast: lifetime.fail_fast,
            backoff_limit_per_index: lifetime.backoff_limit_per_index,
            active_deadline_seconds: lifetime.active_deadline_seconds,
            pod_deadline_seconds: lifetime.pod_deadline_seconds,
            ttl_seconds_after_finished: lifetime.ttl_seconds_after_finished,
            termination_grace_period_seconds: lifetime.termination_grace_period_seconds,
            prefetch_cpu: cluster.prefetch.cpu.as_str(),
            prefetch_memory: cluster.prefetch.memory.as_str(),
            base_seeds: study.base_seeds(),
            experiment_seeds: study.experiment_seeds(),
            replications: study.seeds.replications(),
            study: study.digest(),
        }
    }
}

impl<'a> JobFacts<'a> {
    pub(crate) fn of(
        shared: &'a Shared<'a>,
        cluster: &'a Cluster,
        workload: &'a Workload,
        (name, parallelism): (&'a str, u32),
    ) -> Self {
        let (model, resources) = (&workload.model, &workload.resources);
        let completions = shared.replications;
        Self {
            shared,
            name,
            model: model.key.as_str(),
            model_name: &model.name,
            display_name: &workload.display_name,
            revision: model.revision.as_deref(),
            fingerprint: fingerprint(workload, &shared.study).to_string(),
            completions,
            parallelism,
            max_failed_indexes: cluster
                .lifetime
                .max_failed_indexes
                .unwrap_or(completions / 2),
            node_selector: pairs(
                cluster
                    .node_selector
                    .iter()
                    .filter(|(key, _)| !workload.gpu.node_selector.contains_key(*key))
                    .chain(&workload.gpu.node_selector),
            ),
            cpu_request: resources.cpu_request.as_str(),
            cpu_limit: resources.cpu_limit.as_str(),
            memory_request: resources.memory_request.as_str(),
            memory_limit: resources.memory_limit.as_str(),
            ephemeral_storage_request: resources.ephemeral_storage_request.as_str(),
            ephemeral_storage_limit: resources.ephemeral_storage_limit.as_str(),
            shm_size: resources.shm_size.as_str(),
            gpu_resource: &workload.gpu.resource,
            gpu_count: workload.gpu.count,
            model_cache_pvc: workload
                .model_cache
                .as_ref()
                .unwrap_or(&cluster.model_cache_pvc),
        }
    }

    /// The same under the name of the Job that fetches the model's weights.
    pub(crate) fn named(&self, name: &'a str) -> Self {
        Self {
            name,
            ..self.clone()
        }
    }
}

impl<'a> ClaimFacts<'a> {
    pub(crate) fn of(cluster: &'a Cluster, claim: &'a Claim) -> Self {
        Self {
            namespace: &cluster.namespace,
            name: &claim.name,
            access_mode: claim.access_mode.as_str(),
            storage_class: claim.storage_class.as_deref(),
            size: claim.size.as_str(),
        }
    }
}

impl<'a> ConfigMapFacts<'a> {
    pub(crate) fn of(cluster: &'a Cluster, packed: &'a Packed) -> Self {
        Self {
            namespace: &cluster.namespace,
            packed,
        }
    }
}
