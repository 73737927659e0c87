//! Jobs that run.

use std::time::Duration;

use grace_mock_cluster::{NAMESPACE, Outcome, Workload, recorded_object};
use reqwest::Method;
use serde_json::{Value, json};

use crate::jobs::{
    create, ended, events, has, pods, recorded_status, start, status, without_times,
};
use crate::support::{JOBS, PODS, ask, send, until};

#[tokio::test]
async fn completes_two_at_a_time() {
    let cluster = start(Workload::new(|_| Outcome::success().log("done"))).await;
    create(&cluster, "a-good", |spec| {
        spec["completions"] = json!(5);
        spec["parallelism"] = json!(2);
    })
    .await;
    let mut most = 0;
    until("the job completes", || {
        let active = pods(&cluster)
            .iter()
            .filter(|pod| pod["status"]["phase"] == "Running")
            .count();
        most = most.max(active);
        has(&cluster, "a-good", "Complete")
    })
    .await;
    assert!(most <= 2, "{most}");
    assert_eq!(
        ended(&cluster, "a-good").await,
        recorded_status("job-indexed-complete")
    );
}

#[tokio::test]
async fn pods_are_named_labelled_and_logged_as_recorded() {
    let cluster = start(Workload::new(|_| Outcome::success().log("done"))).await;
    create(&cluster, "a-good", |spec| {
        spec["parallelism"] = json!(3);
    })
    .await;
    ended(&cluster, "a-good").await;
    let pods = pods(&cluster);
    let job = cluster.get("jobs", NAMESPACE, "a-good").unwrap();
    for (index, pod) in pods.iter().enumerate() {
        let metadata = &pod["metadata"];
        let recorded = recorded_object("pod-indexed-gpu-succeeded");
        let keys = |value: &Value| {
            value
                .as_object()
                .unwrap()
                .keys()
                .cloned()
                .collect::<Vec<_>>()
        };
        for field in ["labels", "annotations"] {
            assert_eq!(keys(&metadata[field]), keys(&recorded["metadata"][field]));
        }
        let label = "batch.kubernetes.io/job-completion-index";
        assert_eq!(metadata["labels"][label], index.to_string());
        assert_eq!(
            metadata["labels"]["batch.kubernetes.io/controller-uid"],
            job["metadata"]["uid"]
        );
        let ended = &pod["status"]["containerStatuses"][0]["state"]["terminated"];
        assert_eq!(
            (&ended["exitCode"], &ended["reason"]),
            (&json!(0), &json!("Completed"))
        );
    }
    assert_eq!(pods.len(), 3);
    assert_eq!(events(&cluster, "SuccessfulCreate").len(), 3);
    let name = pods[0]["metadata"]["name"].as_str().unwrap();
    let response = send(
        &cluster,
        Method::GET,
        &format!("{PODS}/{name}/log"),
        "",
        None,
    )
    .await;
    assert_eq!(response.text().await.unwrap(), "done\n");
}

#[tokio::test]
async fn the_target_comes_before_the_end() {
    let cluster = start(Workload::new(|_| Outcome::success())).await;
    // Before the Job is there, so that the watch tells all of it however late it comes.
    let (_, list) = ask(&cluster, Method::GET, JOBS, None).await;
    let version = list["metadata"]["resourceVersion"].as_str().unwrap();
    create(&cluster, "x", |_| {}).await;
    ended(&cluster, "x").await;
    let path = format!("{JOBS}?watch=1&resourceVersion={version}&timeoutSeconds=1");
    let text = send(&cluster, Method::GET, &path, "", None)
        .await
        .text()
        .await
        .unwrap();
    let types: Vec<Vec<Value>> = text
        .lines()
        .map(|line| {
            let event: Value = serde_json::from_str(line).unwrap();
            let conditions = event["object"]["status"]["conditions"].as_array().cloned();
            conditions
                .unwrap_or_default()
                .iter()
                .map(|one| one["type"].clone())
                .collect()
        })
        .collect();
    assert!(
        types.contains(&vec![json!("SuccessCriteriaMet")]),
        "{types:?}"
    );
    assert_eq!(types.last().unwrap(), &["SuccessCriteriaMet", "Complete"]);
}

#[tokio::test]
async fn suspending_takes_pods_away_and_resuming_starts_anew() {
    let cluster = start(Workload::new(|attempt| {
        match (attempt.index, attempt.attempt) {
            (0, 0) => Outcome::runs_on(),
            _ => Outcome::success(),
        }
    }))
    .await;
    create(&cluster, "e-susp", |spec| {
        spec["completions"] = json!(2);
    })
    .await;
    until("a pod runs", || status(&cluster, "e-susp")["ready"] == 1).await;
    let set = |suspend: bool| {
        cluster.modify("jobs", NAMESPACE, "e-susp", |job| {
            job["spec"]["suspend"] = json!(suspend);
        });
    };
    set(true);
    until("its pod is gone", || {
        has(&cluster, "e-susp", "Suspended") && pods(&cluster).is_empty()
    })
    .await;
    until("none is terminating", || {
        status(&cluster, "e-susp")["terminating"] == 0
    })
    .await;
    let mut suspended = status(&cluster, "e-susp");
    without_times(&mut suspended);
    assert_eq!(suspended, recorded_status("job-suspended"));
    set(false);
    assert_eq!(
        ended(&cluster, "e-susp").await,
        recorded_status("job-suspend-resume-complete")
    );
}

#[tokio::test]
async fn a_deleted_pod_is_a_failure_and_an_evicted_one_is_replaced() {
    let cluster = start(Workload::new(|_| Outcome::runs_on())).await;
    // The pods are due to be gone by the time the controller looks.
    cluster.set_grace(Duration::ZERO);
    for name in ["deleted", "evicted"] {
        create(&cluster, name, |spec| {
            spec["podFailurePolicy"] = json!({"rules": [
                {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
            ]});
        })
        .await;
    }
    until("both run", || {
        ["deleted", "evicted"]
            .iter()
            .all(|name| status(&cluster, name)["ready"] == 1)
    })
    .await;
    for pod in pods(&cluster) {
        let name = pod["metadata"]["name"].as_str().unwrap();
        if name.starts_with("deleted") {
            assert!(cluster.delete_pod(NAMESPACE, name));
        } else {
            assert!(cluster.evict_pod(NAMESPACE, name));
        }
    }
    let failed = ended(&cluster, "deleted").await;
    assert_eq!(failed["conditions"][1]["reason"], "BackoffLimitExceeded");
    until("another pod runs", || {
        status(&cluster, "evicted")["ready"] == 1
    })
    .await;
    assert_eq!(status(&cluster, "evicted").get("failed"), None);
}

#[tokio::test]
async fn what_never_starts_looks_as_recorded() {
    let quota =
        "pods \"q-0-8n82m\" is forbidden: exceeded quota: q, requested: requests.nvidia.com/gpu=4";
    let cluster = start(Workload::new(move |attempt| match attempt.job.as_str() {
        "pend" => Outcome::unschedulable("0/1 nodes are available: 1 Insufficient nvidia.com/gpu."),
        "noimg" => Outcome::waiting("ErrImagePull", Some("no such host")),
        _ => Outcome::refused(quota),
    }))
    .await;
    for name in ["pend", "noimg", "quota"] {
        create(&cluster, name, |_| {}).await;
    }
    until("quota refuses", || {
        !events(&cluster, "FailedCreate").is_empty()
    })
    .await;
    let refused = &events(&cluster, "FailedCreate")[0];
    assert_eq!(refused["message"], format!("Error creating: {quota}"));
    assert_eq!(
        (&refused["type"], &refused["involvedObject"]["name"]),
        (&json!("Warning"), &json!("quota"))
    );
    let pods = pods(&cluster);
    assert_eq!(pods.len(), 2);
    let waiting = &pods[0]["status"]["containerStatuses"][0]["state"]["waiting"];
    assert_eq!(waiting["reason"], "ErrImagePull");
    let condition = &pods[1]["status"]["conditions"][0];
    let recorded = &recorded_object("pod-l-pend")["status"]["conditions"][0];
    assert_eq!(
        (&condition["type"], &condition["reason"]),
        (&recorded["type"], &recorded["reason"])
    );
    let mut stuck = status(&cluster, "pend");
    without_times(&mut stuck);
    assert_eq!(stuck, recorded_status("job-stuck-l-pend"));
    let mut refused = status(&cluster, "quota");
    without_times(&mut refused);
    assert_eq!(refused, recorded_status("job-failedcreate-serviceaccount"));
}

#[tokio::test]
async fn a_pod_without_a_job_runs_until_it_is_deleted() {
    let cluster = start(Workload::new(|_| Outcome::success())).await;
    let reader = json!({"metadata": {"name": "reader"}, "spec": {"containers": [{"name": "read", "image": "i"}]}});
    ask(&cluster, Method::POST, PODS, Some(&reader)).await;
    until("it runs", || {
        pods(&cluster)[0]["status"]["phase"] == "Running"
    })
    .await;
    ask(&cluster, Method::DELETE, &format!("{PODS}/reader"), None).await;
    until("it is gone", || pods(&cluster).is_empty()).await;
}
