//! A cluster whose Jobs run.

use grace_mock_cluster::{MockCluster, NAMESPACE, Workload, recorded_object};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{JOBS, ask, job, until};

pub(crate) async fn start(workload: Workload) -> MockCluster {
    let cluster = MockCluster::start().await;
    cluster.controller(workload);
    cluster
}

pub(crate) async fn create(cluster: &MockCluster, name: &str, change: impl FnOnce(&mut Value)) {
    let mut job = job(name);
    change(&mut job["spec"]);
    let (code, answer) = ask(cluster, Method::POST, JOBS, Some(&job)).await;
    assert_eq!(code, 201, "{answer}");
}

pub(crate) fn status(cluster: &MockCluster, name: &str) -> Value {
    let job = cluster.get("jobs", NAMESPACE, name);
    job.map(|mut job| job["status"].take()).unwrap_or_default()
}

pub(crate) fn has(cluster: &MockCluster, name: &str, kind: &str) -> bool {
    let status = status(cluster, name);
    let conditions = status["conditions"].as_array().cloned().unwrap_or_default();
    conditions
        .iter()
        .any(|one| one["type"] == kind && one["status"] == "True")
}

pub(crate) async fn ended(cluster: &MockCluster, name: &str) -> Value {
    until("the job ends", || {
        has(cluster, name, "Complete") || has(cluster, name, "Failed")
    })
    .await;
    let mut status = status(cluster, name);
    without_times(&mut status);
    status
}

pub(crate) fn recorded_status(name: &str) -> Value {
    let mut status = recorded_object(name)["status"].take();
    without_times(&mut status);
    status
}

pub(crate) fn without_times(status: &mut Value) {
    for field in ["startTime", "completionTime"] {
        if let Some(time) = status.get_mut(field) {
            *time = json!("some time");
        }
    }
    for condition in status["conditions"].as_array_mut().into_iter().flatten() {
        condition["lastProbeTime"] = json!("some time");
        condition["lastTransitionTime"] = json!("some time");
    }
}

pub(crate) fn pods(cluster: &MockCluster) -> Vec<Value> {
    cluster.list("pods", NAMESPACE)
}

pub(crate) fn events(cluster: &MockCluster, reason: &str) -> Vec<Value> {
    let mut events = cluster.list("events", NAMESPACE);
    events.retain(|event| event["reason"] == reason);
    events
}
