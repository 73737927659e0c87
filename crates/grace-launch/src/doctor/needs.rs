//! What replications need of a cluster.

use std::collections::BTreeMap;

use grace_core::ModelKey;
use grace_core::cluster::{ClusterConfig, ConfigSource, SecretKey, Toleration, Workload};
use grace_core::quantity::Quantity;

/// What replications need of a cluster.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Needs {
    /// Claims, and whether they are made if they are not there.
    pub(super) claims: Vec<(String, bool)>,
    /// The claim for results.
    pub(super) results: String,
    /// Megabytes (10⁶ bytes) of all results, least and most.
    pub(super) megabytes: (f64, f64),
    /// Megabytes that the smallest replication takes at least.
    pub(super) smallest: f64,
    /// The secret with the token for weights.
    pub(super) secret: Option<SecretKey>,
    /// Whether the configuration goes into `ConfigMaps`.
    pub(super) config_maps: bool,
    /// Taints that pods put up with.
    pub(super) tolerations: Vec<Toleration>,
    /// Each model.
    pub(super) models: Vec<ModelNeeds>,
}

/// What the replications of a model need that run at the same time.
#[derive(Debug, Clone)]
pub(super) struct ModelNeeds {
    pub(super) model: ModelKey,
    pub(super) node_selector: BTreeMap<String, String>,
    pub(super) gpu_resource: String,
    pub(super) gpus: u32,
    pub(super) parallelism: u32,
    /// By the keys of quotas, for all of them.
    pub(super) demand: BTreeMap<String, f64>,
}

/// How much is to be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Planned {
    /// Replications of each model.
    pub replications: u32,
    /// Replications of a model at the same time, where the model does not say itself.
    pub parallelism: u32,
}

impl Needs {
    /// What `planned` replications of `models` of `config` need. `megabytes` says what a replication of a model takes, least
    /// and most.
    pub fn of(
        config: &ClusterConfig,
        models: &[&Workload],
        planned: Planned,
        megabytes: impl Fn(&Workload) -> (f64, f64),
    ) -> Self {
        let sizes: Vec<(f64, f64)> = models.iter().map(|it| megabytes(it)).collect();
        let all = |size: fn(&(f64, f64)) -> f64| {
            f64::from(planned.replications) * sizes.iter().map(size).sum::<f64>()
        };
        let cluster = &config.cluster;
        let of_model = |workload: &&Workload| {
            let mut node_selector = cluster.node_selector.clone();
            node_selector.extend(workload.gpu.node_selector.clone());
            let parallelism = workload.parallelism.unwrap_or(planned.parallelism).max(1);
            ModelNeeds {
                model: workload.model.key.clone(),
                node_selector,
                gpu_resource: workload.gpu.resource.clone(),
                gpus: workload.gpu.count,
                parallelism,
                demand: demand(workload, parallelism),
            }
        };
        Self {
            claims: cluster
                .claims
                .iter()
                .map(|it| (it.name.clone(), it.create))
                .collect(),
            results: cluster.results_pvc.clone(),
            megabytes: (all(|it| it.0), all(|it| it.1)),
            smallest: sizes.iter().map(|it| it.0).fold(f64::INFINITY, f64::min),
            secret: cluster.hf_token.clone(),
            config_maps: matches!(cluster.config, ConfigSource::ConfigMap(_)),
            tolerations: cluster.tolerations.clone(),
            models: models.iter().map(of_model).collect(),
        }
    }
}

/// What quotas count of the pods of a model, by their keys.
fn demand(workload: &Workload, parallelism: u32) -> BTreeMap<String, f64> {
    let resources = &workload.resources;
    let pods = f64::from(parallelism);
    let mut demand = BTreeMap::from([
        (String::from("pods"), pods),
        (String::from("count/pods"), pods),
        (String::from("count/jobs.batch"), 1.0),
    ]);
    let mut add = |keys: &[&str], amount: &Quantity| {
        for key in keys {
            demand.insert((*key).to_owned(), amount.value() * pods);
        }
    };
    add(&["cpu", "requests.cpu"], &resources.cpu_request);
    add(&["limits.cpu"], &resources.cpu_limit);
    add(&["memory", "requests.memory"], &resources.memory_request);
    add(&["limits.memory"], &resources.memory_limit);
    add(
        &["ephemeral-storage", "requests.ephemeral-storage"],
        &resources.ephemeral_storage_request,
    );
    add(
        &["limits.ephemeral-storage"],
        &resources.ephemeral_storage_limit,
    );
    let gpus = f64::from(workload.gpu.count) * pods;
    demand.insert(format!("requests.{}", workload.gpu.resource), gpus);
    demand
}
