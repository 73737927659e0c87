//! Server-side apply, and what it would change.

mod difference;
mod plan;

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim};
use kube::api::{Patch, PatchParams, ValidationDirective};
use kube::core::NamespaceResourceScope;
use kube::{Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use difference::{Difference, differences};
pub(crate) use plan::is_queued;
pub use plan::{Step, step};

use crate::connect::{Cluster, answer};
use crate::error::ClusterError;

/// Who owns the fields that grace sets.
pub const FIELD_MANAGER: &str = "grace";

/// What Jobs need before they can run.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Support {
    /// A persistent volume claim. One that is there is never changed.
    Claim(Box<PersistentVolumeClaim>),
    /// A `ConfigMap`.
    ConfigMap(Box<ConfigMap>),
}

/// What was done with an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Done {
    /// It was made.
    Created,
    /// It was there already, and was left alone or is as before.
    Kept,
    /// It was changed.
    Changed,
}

impl Support {
    /// Kind and name, as `ConfigMap x`.
    pub fn name(&self) -> String {
        match self {
            Self::Claim(claim) => format!("PersistentVolumeClaim {}", claim.name_any()),
            Self::ConfigMap(map) => format!("ConfigMap {}", map.name_any()),
        }
    }

    /// Applies it; with `dry_run` the cluster checks everything and keeps nothing.
    ///
    /// # Errors
    ///
    /// Returns an error if the cluster refuses it or cannot be reached.
    pub async fn apply(&self, cluster: &Cluster, dry_run: bool) -> Result<Done, ClusterError> {
        match self {
            Self::Claim(claim) => {
                // Most of a claim cannot be changed, and its data must not be put at risk.
                if find::<PersistentVolumeClaim>(cluster, &claim.name_any())
                    .await?
                    .is_some()
                {
                    return Ok(Done::Kept);
                }
                apply(cluster, &**claim, dry_run)
                    .await
                    .map(|(done, _)| done)
            }
            Self::ConfigMap(map) => apply(cluster, &**map, dry_run).await.map(|(done, _)| done),
        }
    }
}

/// Applies a Job; with `dry_run` the cluster checks everything and keeps nothing.
///
/// # Errors
///
/// Returns an error if the cluster refuses it or cannot be reached.
pub async fn apply_job(
    cluster: &Cluster,
    job: &Job,
    dry_run: bool,
) -> Result<(Done, Job), ClusterError> {
    apply(cluster, job, dry_run).await
}

/// The Job of this name, if it is there.
///
/// # Errors
///
/// Returns an error if the cluster refuses to tell or cannot be reached.
pub async fn find_job(cluster: &Cluster, name: &str) -> Result<Option<Job>, ClusterError> {
    find(cluster, name).await
}

/// The object of this name, if it is there.
pub(crate) async fn find<K>(cluster: &Cluster, name: &str) -> Result<Option<K>, ClusterError>
where
    K: Resource<Scope = NamespaceResourceScope> + Clone + DeserializeOwned + std::fmt::Debug,
    K::DynamicType: Default,
{
    let doing = format!("look for {} {name}", K::kind(&K::DynamicType::default()));
    answer(doing, async || cluster.api::<K>().get_opt(name).await).await
}

async fn apply<K>(cluster: &Cluster, object: &K, dry_run: bool) -> Result<(Done, K), ClusterError>
where
    K: Resource<Scope = NamespaceResourceScope>
        + Clone
        + Serialize
        + DeserializeOwned
        + std::fmt::Debug,
    K::DynamicType: Default,
{
    let name = object.name_any();
    let before = find::<K>(cluster, &name).await?;
    let params = PatchParams {
        dry_run,
        field_manager: Some(String::from(FIELD_MANAGER)),
        // Otherwise a field that the cluster does not know is dropped.
        field_validation: Some(ValidationDirective::Strict),
        ..PatchParams::default()
    };
    let doing = format!("apply {} {name}", K::kind(&K::DynamicType::default()));
    let api = cluster.api::<K>();
    let applied = answer(doing, async || {
        api.patch(&name, &params, &Patch::Apply(object)).await
    })
    .await?;
    let done = match before {
        None => Done::Created,
        Some(before) if before.resource_version() == applied.resource_version() => Done::Kept,
        Some(_) => Done::Changed,
    };
    Ok((done, applied))
}
