//! A mock cluster with a way in, and Jobs to launch.

use std::time::Duration;

use grace_launch::launch::{Ended, LaunchSettings, Order, Update, launch};
use grace_launch::{Access, Cluster};
use grace_mock_cluster::{MockCluster, NAMESPACE};
use k8s_openapi::api::batch::v1::Job;
use serde_json::{Value, json};
use tempfile::TempDir;

/// The longest time that anything here may take.
pub(crate) const SOON: Duration = Duration::from_secs(20);
pub(crate) const TOKEN: &str = "secret-token-of-the-lab";

pub(crate) struct Lab {
    pub(crate) mock: MockCluster,
    pub(crate) folder: TempDir,
}

impl Lab {
    pub(crate) async fn new() -> Self {
        let mock = MockCluster::start().await;
        let folder = tempfile::tempdir().unwrap();
        mock.kubeconfig(folder.path(), TOKEN);
        Self { mock, folder }
    }

    pub(crate) async fn cluster(&self) -> Cluster {
        let access = Access {
            kubeconfig: Some(self.folder.path().join("kubeconfig")),
            ..Access::default()
        };
        Cluster::connect(access).await.unwrap()
    }

    /// Launches and follows, for at most [`SOON`]; how all ended, and what was told.
    pub(crate) async fn launch(
        &self,
        orders: &[Order],
        settings: &LaunchSettings,
    ) -> (Vec<Ended>, Vec<String>) {
        let mut told = Vec::new();
        let cluster = self.cluster().await;
        let launched = launch(
            &cluster,
            orders,
            settings,
            std::future::pending(),
            |update| {
                told.push(text(&update));
            },
        );
        let ended = tokio::time::timeout(SOON, launched).await;
        let ended = ended.unwrap_or_else(|_| panic!("still not over; told {told:#?}"));
        assert!(ended.error.is_none(), "{:?}", ended.error);
        (ended.ended, told)
    }

    /// Sets the status of a Job.
    pub(crate) fn set_status(&self, name: &str, status: &Value) {
        self.mock.modify("jobs", NAMESPACE, name, |job| {
            job["status"] = status.clone();
        });
    }

    /// Waits until the mock has had a request that applies this Job.
    pub(crate) async fn applied(&self, name: &str) {
        self.until(|| self.mock.get("jobs", NAMESPACE, name).is_some())
            .await;
    }

    pub(crate) async fn until(&self, is: impl Fn() -> bool) {
        let waiting = async {
            while !is() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(SOON, waiting)
            .await
            .expect("it never came");
    }

    /// A pod of an index of a Job, in this phase.
    pub(crate) fn pod(&self, job: &str, index: u32, status: &Value) -> String {
        let owner = self.mock.get("jobs", NAMESPACE, job).unwrap();
        let name = format!("{job}-{index}-abcde");
        self.mock.put(
            "pods",
            json!({
                "metadata": {"name": name, "namespace": NAMESPACE, "labels": {
                    "app.kubernetes.io/managed-by": "grace-cli",
                    "batch.kubernetes.io/controller-uid": owner["metadata"]["uid"],
                    "batch.kubernetes.io/job-name": job,
                    "batch.kubernetes.io/job-completion-index": index.to_string(),
                }},
                "spec": {"containers": [{"name": "replicate", "image": "x:1"}], "nodeName": "node-1"},
                "status": status,
            }),
        );
        name
    }
}

/// A Job as grace makes them.
pub(crate) fn job(model: &str, completions: u32, parallelism: u32) -> Job {
    serde_json::from_value(json!({
        "metadata": {
            "name": format!("grace-{model}-replicated"), "namespace": NAMESPACE,
            "labels": {"app.kubernetes.io/managed-by": "grace-cli", "app.kubernetes.io/component": "replications", "model": model},
            "annotations": {"grace/plan-fingerprint": "f00d"},
        },
        "spec": {
            "completionMode": "Indexed", "completions": completions, "parallelism": parallelism,
            "backoffLimitPerIndex": 1, "maxFailedIndexes": 1,
            "template": {
                "metadata": {"labels": {"app.kubernetes.io/managed-by": "grace-cli"}},
                "spec": {"restartPolicy": "Never", "containers": [{"name": "replicate", "image": "x:1"}]},
            },
        },
    }))
    .unwrap()
}

pub(crate) fn order(model: &str, completions: u32, parallelism: u32, gpus: u32) -> Order {
    Order::new(model, job(model, completions, parallelism), gpus)
}

pub(crate) fn name(model: &str) -> String {
    format!("grace-{model}-replicated")
}

pub(crate) fn complete(count: u32) -> Value {
    json!({"succeeded": count, "completedIndexes": format!("0-{}", count - 1),
        "startTime": "2026-11-25T08:00:00Z", "completionTime": "2026-11-25T09:00:00Z",
        "conditions": [{"type": "SuccessCriteriaMet", "status": "True"}, {"type": "Complete", "status": "True"}]})
}

/// One replication done, one failed for good.
pub(crate) fn failed(reason: &str) -> Value {
    json!({"failed": 1, "failedIndexes": "1", "completedIndexes": "0", "conditions": [
        {"type": "FailureTarget", "status": "True", "reason": reason, "message": "it is over"},
        {"type": "Failed", "status": "True", "reason": reason, "message": "it is over"}]})
}

fn text(update: &Update<'_>) -> String {
    match update {
        Update::Started {
            model, is_attached, ..
        } => format!("{model} started, attached {is_attached}"),
        Update::Adjusted { model, differences } => format!("{model} adjusted {}", differences[0]),
        Update::State {
            model,
            is_prefetch,
            state,
        } => format!(
            "{model} {}{state}",
            if *is_prefetch { "fetch " } else { "" }
        ),
        Update::Ended(ended) => format!("{} ended: {}", ended.model, ended.summary),
        Update::Lost(error) => format!("lost: {error}"),
        Update::Back => String::from("back"),
        other => format!("{other:?}"),
    }
}
