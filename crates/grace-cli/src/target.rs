//! From arguments to a namespace of a cluster and the models that are meant.

use std::path::Path;

use grace_core::cluster::{ClusterConfig, LAB, Workload};
use grace_core::{ModelKey, Problem, Problems};
use grace_launch::{Access, Cluster};
use grace_runner::Stop;

use crate::args::AccessArgs;
use crate::exit::Failure;
use crate::wiring::read;

/// The name that messages give the embedded file.
pub(crate) const EMBEDDED: &str = "models.yaml (built in)";

/// models.yaml, and the cluster it is about.
pub(crate) struct Target {
    pub(crate) config: ClusterConfig,
    models: Vec<ModelKey>,
}

impl Target {
    /// Reads models.yaml; sends nothing.
    pub(crate) fn load(config: Option<&Path>, models: &[ModelKey]) -> Result<Self, Failure> {
        let (name, text) = match config {
            None => (EMBEDDED.to_owned(), LAB.to_owned()),
            Some(path) if path.is_file() => (path.display().to_string(), read(path)?),
            Some(folder) => {
                let path = folder.join("models.yaml");
                (path.display().to_string(), read(&path)?)
            }
        };
        let config = ClusterConfig::parse(&name, &text)?;
        let models = models.to_vec();
        Ok(Self { config, models })
    }

    /// The models that are meant, all without `--model`.
    pub(crate) fn chosen(&self) -> Result<Vec<&Workload>, Failure> {
        chosen(&self.config, &self.models)
    }

    /// The namespace, reached with the user's own credentials.
    pub(crate) async fn connect(
        &self,
        access: &AccessArgs,
        stop: &Stop,
    ) -> Result<Cluster, Failure> {
        connect(access, &self.config.cluster.namespace, stop).await
    }
}

/// The namespace that `access` names, by default `namespace`. A credential plugin may let it wait.
pub(crate) async fn connect(
    access: &AccessArgs,
    namespace: &str,
    stop: &Stop,
) -> Result<Cluster, Failure> {
    tokio::select! {
        connected = Cluster::connect(access_of(access, namespace)) => Ok(connected?),
        () = stop.requested() => Err(interrupted(stop)),
    }
}

/// Somebody wanted to stop before anything was asked of the cluster.
pub(crate) fn interrupted(stop: &Stop) -> Failure {
    let message = "interrupted before anything was asked of the cluster";
    Failure::new(stop.exit_code(), anyhow::Error::msg(message))
}

/// The way that `access` names, by default to `namespace`.
pub(crate) fn access_of(access: &AccessArgs, namespace: &str) -> Access {
    let namespace = access.namespace.as_deref().unwrap_or(namespace);
    Access {
        kubeconfig: None,
        context: access.context.clone(),
        namespace: Some(namespace.to_owned()),
    }
}

/// The models of `keys`, in the order of models.yaml; all without keys.
pub(crate) fn chosen<'a>(
    config: &'a ClusterConfig,
    keys: &[ModelKey],
) -> Result<Vec<&'a Workload>, Failure> {
    let mut problems = Problems::new();
    for key in keys.iter().filter(|key| config.workload(key).is_none()) {
        let known = config.workloads.iter().map(|it| it.model.key.as_str());
        let known: Vec<&str> = known.collect();
        let message = format!(
            "has no model `{key}`, expected one of `{}`",
            known.join("`, `")
        );
        problems.push(Problem::new(config.places.file(), message).at_key("models"));
    }
    let all = config.workloads.iter();
    let chosen = all.filter(|it| keys.is_empty() || keys.contains(&it.model.key));
    Ok(problems.into_result(chosen.collect())?)
}
