//! The cluster that models run on, as values.

use std::collections::BTreeMap;

use super::claim::Claim;
use crate::quantity::Quantity;

/// The cluster, and how Jobs run on it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cluster {
    /// The namespace of everything.
    pub namespace: String,
    /// grace's own image, which brings `grace-cli` into each pod.
    pub image: String,
    /// The image of the model server.
    pub server_image: String,
    /// Secrets for pulling images.
    pub image_pull_secrets: Vec<String>,
    /// All claims, by name.
    pub claims: Vec<Claim>,
    /// The claim for results.
    pub results_pvc: String,
    /// The claim for weights, where a model has none of its own.
    pub model_cache_pvc: String,
    /// The secret with the token for gated weights.
    pub hf_token: Option<SecretKey>,
    /// Where pods find configuration, experiments and stimuli.
    pub config: ConfigSource,
    /// Taints that pods with GPUs put up with.
    pub tolerations: Vec<Toleration>,
    /// Labels that all nodes must have.
    pub node_selector: BTreeMap<String, String>,
    /// Further environment variables of the model server, as they are.
    pub env: BTreeMap<String, String>,
    /// User and group that pods run as.
    pub run_as: u32,
    /// The class of the pods' priority.
    pub priority_class: Option<String>,
    /// The queue of Kueue.
    pub queue: Option<String>,
    /// How long Jobs and pods live, and how often they are tried.
    pub lifetime: Lifetime,
    /// How weights are fetched beforehand.
    pub prefetch: Prefetch,
    /// Policies that manifests are checked against: names of built-in ones, or files.
    pub policies: Vec<String>,
    /// What the cluster's administrators granted.
    pub granted: Granted,
}

/// A key of a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SecretKey {
    /// The secret's name.
    pub name: String,
    /// The key in it.
    pub key: String,
}

/// Where pods find `models.yaml`, `plan.yaml`, `experiments/` and `stimuli/`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigSource {
    /// In `ConfigMaps` made from the configuration folder, whose names begin so.
    ConfigMap(String),
    /// In a folder of a claim.
    Claim {
        /// The claim.
        name: String,
        /// The folder in it.
        path: String,
    },
}

/// A taint that pods put up with.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Toleration {
    /// The taint's key.
    pub key: String,
    /// `Exists` or `Equal`.
    pub operator: String,
    /// The taint's value, for `Equal`.
    pub value: Option<String>,
    /// The taint's effect; without one, all.
    pub effect: Option<String>,
}

/// How long Jobs and pods live, and how often they are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lifetime {
    /// Whether the first failed pod ends the Job and all that runs in it.
    pub fail_fast: bool,
    /// Retries of each replication.
    pub backoff_limit_per_index: u32,
    /// Failed replications at which the whole Job ends; without it, more than half.
    pub max_failed_indexes: Option<u32>,
    /// Seconds that a Job may run.
    pub active_deadline_seconds: Option<u32>,
    /// Seconds that a pod may run.
    pub pod_deadline_seconds: Option<u32>,
    /// Seconds that a finished Job is kept.
    pub ttl_seconds_after_finished: Option<u32>,
    /// Seconds between SIGTERM and SIGKILL.
    pub termination_grace_period_seconds: u32,
}

/// The pods that fetch weights beforehand.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Prefetch {
    /// Processors, reserved and at most.
    pub cpu: Quantity,
    /// Memory, reserved and at most.
    pub memory: Quantity,
}

/// What the cluster's administrators granted, beyond what a policy allows everybody.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Granted {
    /// GPUs of one pod.
    pub gpus_per_pod: Option<u32>,
    /// GPUs in use at the same time.
    pub gpu_quota: Option<u32>,
    /// GPUs of scarce kinds in use at the same time, by what the kind's name holds (`A100`).
    pub scarce_gpus: BTreeMap<String, u32>,
}
