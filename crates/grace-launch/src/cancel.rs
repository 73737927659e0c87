//! Stopping Jobs: suspended, or deleted with their pods.

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, Preconditions};

use crate::apply::FIELD_MANAGER;
use crate::connect::{Cluster, answer};
use crate::error::{ClusterError, FaultKind};

/// Suspends or resumes a Job. Suspending deletes its pods, which end as at an eviction: what they journalled is kept, and
/// they go on from there when the Job is resumed.
///
/// Only the very Job with this `uid` is meant, not one of the same name that came after it.
///
/// # Errors
///
/// Returns an error if the cluster refuses it or cannot be reached.
pub async fn suspend(
    cluster: &Cluster,
    name: &str,
    uid: &str,
    suspend: bool,
) -> Result<(), ClusterError> {
    // Another uid than the object's is a conflict.
    let patch =
        Patch::Merge(serde_json::json!({"metadata": {"uid": uid}, "spec": {"suspend": suspend}}));
    let params = PatchParams {
        field_manager: Some(String::from(FIELD_MANAGER)),
        ..PatchParams::default()
    };
    let doing = if suspend { "suspend" } else { "resume" };
    let api = cluster.api::<Job>();
    let doing = format!("{doing} Job {name}");
    answer(doing, async || api.patch(name, &params, &patch).await)
        .await
        .map(drop)
}

/// Deletes a Job, and in the background its pods; claims and what is on them stay.
///
/// Only the very Job with this `uid` is deleted, not one of the same name that came after it. A Job that is gone is fine.
///
/// # Errors
///
/// Returns an error if the cluster refuses it or cannot be reached.
pub async fn delete(cluster: &Cluster, name: &str, uid: &str) -> Result<(), ClusterError> {
    // Without a policy the API would leave the pods behind, running without an owner.
    let mut params = DeleteParams::background();
    params.preconditions = Some(Preconditions {
        uid: Some(uid.to_owned()),
        ..Preconditions::default()
    });
    let doing = format!("delete Job {name}");
    match answer(doing, async || {
        cluster.api::<Job>().delete(name, &params).await
    })
    .await
    {
        Err(error) if matches!(error.kind(), FaultKind::NotFound(_)) => Ok(()),
        other => other.map(drop),
    }
}

/// The number of pods of the Job with this uid that are still there: they may live on for their grace period.
///
/// # Errors
///
/// Returns an error if the cluster refuses it or cannot be reached.
pub async fn pods_left(cluster: &Cluster, uid: &str) -> Result<usize, ClusterError> {
    let selector = format!("batch.kubernetes.io/controller-uid={uid}");
    let params = ListParams::default().labels(&selector);
    let pods = answer("list pods", async || {
        cluster.api::<Pod>().list(&params).await
    })
    .await?;
    Ok(pods.items.len())
}
