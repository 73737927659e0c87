//! Plain HTTP requests to a mock.

use grace_mock_cluster::{MockCluster, recorded};
use reqwest::{Client, Method, Response};
use serde_json::{Value, json};

pub(crate) const JOBS: &str = "/apis/batch/v1/namespaces/lemn-lab/jobs";
pub(crate) const PODS: &str = "/api/v1/namespaces/lemn-lab/pods";

/// A client without TLS of its own making.
pub(crate) fn client() -> Client {
    // A second test of this process finds it installed.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::new()
}

pub(crate) async fn ask(
    cluster: &MockCluster,
    method: Method,
    path: &str,
    body: Option<&Value>,
) -> (u16, Value) {
    let response = send(cluster, method, path, "application/json", body).await;
    let code = response.status().as_u16();
    (code, response.json().await.unwrap_or_default())
}

pub(crate) async fn send(
    cluster: &MockCluster,
    method: Method,
    path: &str,
    content_type: &str,
    body: Option<&Value>,
) -> Response {
    let url = format!("{}{path}", cluster.url());
    let mut request = client().request(method, url);
    if let Some(body) = body {
        request = request
            .header("content-type", content_type)
            .body(body.to_string());
    }
    request.send().await.unwrap()
}

pub(crate) async fn get(cluster: &MockCluster, path: &str) -> (u16, Value) {
    ask(cluster, Method::GET, path, None).await
}

pub(crate) async fn apply(
    cluster: &MockCluster,
    name: &str,
    options: &str,
    body: &Value,
) -> (u16, Value) {
    let path = format!("{JOBS}/{name}?{options}");
    let kind = "application/apply-patch+yaml";
    let response = send(cluster, Method::PATCH, &path, kind, Some(body)).await;
    let code = response.status().as_u16();
    (code, response.json().await.unwrap())
}

/// The Job of ssa-conflict-409.
pub(crate) fn job(name: &str) -> Value {
    json!({
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name},
        "spec": {
            "completions": 3,
            "parallelism": 1,
            "completionMode": "Indexed",
            "backoffLimit": 0,
            "template": {
                "metadata": {"labels": {"app": "lemn"}},
                "spec": {
                    "restartPolicy": "Never",
                    "terminationGracePeriodSeconds": 5,
                    "automountServiceAccountToken": false,
                    "containers": [{
                        "name": "run",
                        "image": "lab.local/busybox:1",
                        "command": ["/bin/sh", "-c", "sleep 1"],
                        "volumeMounts": [{"name": "results", "mountPath": "/results"}],
                    }],
                    "volumes": [{
                        "name": "results",
                        "persistentVolumeClaim": {"claimName": "thomas-grace-results"},
                    }],
                },
            },
        },
    })
}

/// A running pod of a Job.
pub(crate) fn pod(name: &str, labels: &Value, owner: Option<&Value>) -> Value {
    let mut pod = json!({
        "metadata": {"name": name, "labels": labels},
        "spec": {"nodeName": "n", "containers": [{"name": "run", "image": "i"}]},
        "status": {
            "phase": "Running",
            "containerStatuses": [{"name": "run", "state": {"running": {}}, "ready": true}],
        },
    });
    if let Some(owner) = owner {
        pod["metadata"]["ownerReferences"] = json!([{
            "apiVersion": "batch/v1",
            "kind": "Job",
            "name": owner["metadata"]["name"],
            "uid": owner["metadata"]["uid"],
            "controller": true,
            "blockOwnerDeletion": true,
        }]);
    }
    pod
}

/// The body of a recorded response, with other names in place of some.
pub(crate) fn said(recording: &str, renamed: &[(&str, &str)]) -> Value {
    let mut text = recorded(recording)["response"]["body"].to_string();
    for (from, to) in renamed {
        text = text.replace(from, to);
    }
    serde_json::from_str(&text).unwrap()
}

/// Waits for what must come.
pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..2000 {
        if holds() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    panic!("never: {what}");
}
