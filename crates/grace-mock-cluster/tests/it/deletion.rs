//! What goes with a Job, by policy.

use std::time::Duration;

use grace_mock_cluster::{MockCluster, NAMESPACE};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{JOBS, PODS, ask, get, job, pod, said, send, until};

/// A Job with a running pod.
async fn with_pod(name: &str) -> (MockCluster, Value) {
    let cluster = MockCluster::start().await;
    let (_, job) = ask(&cluster, Method::POST, JOBS, Some(&job(name))).await;
    let labels = job["spec"]["template"]["metadata"]["labels"].clone();
    cluster.put("pods", pod("p", &labels, Some(&job)));
    (cluster, job)
}

#[tokio::test]
async fn without_a_policy_pods_stay_without_an_owner() {
    let (cluster, _) = with_pod("o-none").await;
    let response = send(
        &cluster,
        Method::DELETE,
        &format!("{JOBS}/o-none"),
        "",
        None,
    )
    .await;
    let warning = response.headers()["warning"].to_str().unwrap().to_owned();
    let recorded = grace_mock_cluster::recorded("job-delete-no-policy");
    assert_eq!(
        warning,
        recorded["response"]["headers"]["Warning"].as_str().unwrap()
    );
    let answer: Value = response.json().await.unwrap();
    assert_eq!(
        (&answer["kind"], &answer["metadata"]["finalizers"]),
        (&json!("Job"), &json!(["orphan"]))
    );
    assert_eq!(cluster.get("jobs", NAMESPACE, "o-none"), None);
    let pod = cluster.get("pods", NAMESPACE, "p").unwrap();
    assert_eq!(
        (
            &pod["status"]["phase"],
            pod["metadata"].get("ownerReferences")
        ),
        (&json!("Running"), None)
    );
    assert_eq!(
        cluster.requests_for("delete", "jobs")[0].propagation_policy(),
        None
    );
}

#[tokio::test]
async fn in_the_background_the_job_goes_at_once_and_pods_after_their_grace() {
    let (cluster, job) = with_pod("o-background").await;
    cluster.set_grace(Duration::from_millis(300));
    let path = format!("{JOBS}/o-background?propagationPolicy=Background");
    let (code, answer) = ask(&cluster, Method::DELETE, &path, None).await;
    let uid = job["metadata"]["uid"].as_str().unwrap();
    let expected = said(
        "job-delete-background",
        &[("3dfe2476-0eb2-4dca-86d5-c7c545c3666d", uid)],
    );
    assert_eq!((code, answer), (200, expected));
    assert_eq!(get(&cluster, &format!("{JOBS}/o-background")).await.0, 404);
    let pod = cluster.get("pods", NAMESPACE, "p").unwrap();
    assert!(pod["metadata"]["deletionTimestamp"].is_string());
    until("the pod is gone", || {
        cluster.get("pods", NAMESPACE, "p").is_none()
    })
    .await;
}

#[tokio::test]
async fn in_the_foreground_the_job_waits_for_its_pods() {
    let (cluster, _) = with_pod("o-re").await;
    cluster.set_grace(Duration::from_millis(300));
    let body = json!({"propagationPolicy": "Foreground"});
    let (_, answer) = ask(
        &cluster,
        Method::DELETE,
        &format!("{JOBS}/o-re"),
        Some(&body),
    )
    .await;
    let recorded = said("job-delete-foreground", &[]);
    assert_eq!(
        answer["metadata"]["finalizers"],
        recorded["metadata"]["finalizers"]
    );
    assert!(answer["metadata"]["deletionTimestamp"].is_string());
    let again = ask(&cluster, Method::POST, JOBS, Some(&job("o-re"))).await;
    assert_eq!(again, (409, said("create-while-deleting-409", &[])));
    until("the job is gone", || {
        cluster.get("jobs", NAMESPACE, "o-re").is_none()
    })
    .await;
    assert_eq!(cluster.get("pods", NAMESPACE, "p"), None);
    let asked = cluster.requests_for("delete", "jobs");
    assert_eq!(asked[0].propagation_policy(), Some("Foreground"));
}

#[tokio::test]
async fn what_is_not_there_is_not_deleted() {
    let cluster = MockCluster::start().await;
    let refused = ask(&cluster, Method::DELETE, &format!("{JOBS}/nope"), None).await;
    assert_eq!(refused, (404, said("job-delete-404", &[])));
}

#[tokio::test]
async fn an_evicted_pod_says_so_before_it_goes() {
    let cluster = MockCluster::start().await;
    cluster.set_grace(Duration::from_millis(300));
    cluster.put("pods", pod("p", &json!({}), None));
    let (code, answer) = ask(
        &cluster,
        Method::POST,
        &format!("{PODS}/p/eviction"),
        Some(&json!({})),
    )
    .await;
    assert_eq!((code, answer), (201, said("pod-eviction", &[])));
    let pod = cluster.get("pods", NAMESPACE, "p").unwrap();
    assert_eq!(pod["status"]["conditions"][0]["type"], "DisruptionTarget");
    until("the pod is gone", || {
        cluster.get("pods", NAMESPACE, "p").is_none()
    })
    .await;
}
