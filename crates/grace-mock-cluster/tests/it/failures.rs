//! Jobs that fail, by each of the ways there are.

use std::time::Duration;

use grace_mock_cluster::{NAMESPACE, Outcome, Workload};
use serde_json::{Value, json};

use crate::jobs::{create, ended, events, pods, recorded_status, start};
use crate::support::until;

#[tokio::test]
async fn a_failed_index_lets_the_others_go_on() {
    let failing = |attempt: &grace_mock_cluster::Attempt| match attempt.index {
        1 | 3 => Outcome::exit(5).saying("no GPU"),
        _ => Outcome::success(),
    };
    let cluster = start(Workload::new(failing)).await;
    create(&cluster, "c-pi0", |spec| {
        spec["completions"] = json!(5);
        spec["parallelism"] = json!(2);
        spec["backoffLimitPerIndex"] = json!(0);
        spec["maxFailedIndexes"] = json!(5);
    })
    .await;
    assert_eq!(
        ended(&cluster, "c-pi0").await,
        recorded_status("job-failed-perindex0-max5")
    );
    let failed = pods(&cluster);
    let ended = &failed[1]["status"]["containerStatuses"][0]["state"]["terminated"];
    assert_eq!(
        (&ended["exitCode"], &ended["message"]),
        (&json!(5), &json!("no GPU"))
    );
}

#[tokio::test]
async fn indexes_are_tried_again_as_often_as_allowed() {
    let cluster = start(Workload::new(|attempt| match attempt.index {
        1 | 3 => Outcome::exit(5),
        _ => Outcome::success(),
    }))
    .await;
    create(&cluster, "c-pi1", |spec| {
        spec["completions"] = json!(5);
        spec["parallelism"] = json!(2);
        spec["backoffLimitPerIndex"] = json!(1);
    })
    .await;
    assert_eq!(
        ended(&cluster, "c-pi1").await,
        recorded_status("job-failed-perindex1")
    );
    let counts = pods(&cluster);
    let key = "batch.kubernetes.io/job-index-failure-count";
    let counts = counts
        .iter()
        .filter(|pod| pod["metadata"]["annotations"][key] == "1");
    assert_eq!(counts.count(), 2);
}

#[tokio::test]
async fn too_many_failed_indexes_end_the_job() {
    let cluster = start(Workload::new(|_| Outcome::exit(5))).await;
    create(&cluster, "x", |spec| {
        spec["completions"] = json!(8);
        spec["backoffLimitPerIndex"] = json!(0);
        spec["maxFailedIndexes"] = json!(1);
    })
    .await;
    let status = ended(&cluster, "x").await;
    let recorded = recorded_status("job-failed-perindex0-max1");
    assert_eq!(status["conditions"], recorded["conditions"]);
    assert_eq!(status["failedIndexes"], "0,1");
    assert_eq!(pods(&cluster).len(), 2, "the rest is never started");
}

#[tokio::test]
async fn the_backoff_limit_takes_running_pods_and_their_logs() {
    let cluster = start(Workload::new(|attempt| match attempt.index {
        1 => Outcome::exit(3),
        _ => Outcome::runs_on(),
    }))
    .await;
    create(&cluster, "b-fail0", |spec| {
        spec["completions"] = json!(5);
        spec["parallelism"] = json!(2);
    })
    .await;
    assert_eq!(
        ended(&cluster, "b-fail0").await,
        recorded_status("job-failed-backofflimit0")
    );
    assert_eq!(pods(&cluster).len(), 1, "only the failed one stays");
    assert_eq!(events(&cluster, "BackoffLimitExceeded").len(), 1);
}

fn policy(action: &str) -> Value {
    let codes = json!({"containerName": "run", "operator": "In", "values": [42]});
    json!({"rules": [{"action": action, "onExitCodes": codes}]})
}

#[tokio::test]
async fn policies_fail_the_job_or_the_index_or_nothing() {
    let once = |attempt: &grace_mock_cluster::Attempt| match (
        attempt.job.as_str(),
        attempt.index,
        attempt.attempt,
    ) {
        (_, 0, 0) => Outcome::exit(42),
        ("d-pfp", ..) => Outcome::runs_on(),
        _ => Outcome::success(),
    };
    let cluster = start(Workload::new(once)).await;
    for (name, action) in [
        ("d-pfp", "FailJob"),
        ("d-pfp-idx", "FailIndex"),
        ("d-pfp-ign", "Ignore"),
    ] {
        create(&cluster, name, |spec| {
            let completions = if action == "Ignore" { 2 } else { 3 };
            spec["completions"] = json!(completions);
            spec["parallelism"] = json!(completions);
            if action == "FailIndex" {
                spec["backoffLimitPerIndex"] = json!(3);
            }
            spec["podFailurePolicy"] = policy(action);
        })
        .await;
    }
    let failed = ended(&cluster, "d-pfp").await;
    let recorded = recorded_status("job-podfailurepolicy-failjob");
    assert_eq!(
        failed["conditions"][1]["reason"],
        recorded["conditions"][1]["reason"]
    );
    assert_eq!(failed["failed"], 3);
    assert_eq!(
        ended(&cluster, "d-pfp-idx").await,
        recorded_status("job-podfailurepolicy-failindex")
    );
    assert_eq!(
        ended(&cluster, "d-pfp-ign").await,
        recorded_status("job-podfailurepolicy-ignore")
    );
}

#[tokio::test]
async fn deadlines_and_times_to_live_are_kept() {
    let workload = Workload::new(|attempt| match attempt.job.as_str() {
        "slow" => Outcome::runs_on(),
        _ => Outcome::success(),
    });
    let cluster = start(workload.second_is(Duration::from_millis(50))).await;
    create(&cluster, "slow", |spec| {
        spec["activeDeadlineSeconds"] = json!(2);
    })
    .await;
    let failed = ended(&cluster, "slow").await;
    assert_eq!(failed["conditions"][1]["reason"], "DeadlineExceeded");
    create(&cluster, "short", |spec| {
        spec["ttlSecondsAfterFinished"] = json!(1);
    })
    .await;
    until("it is gone", || {
        cluster.get("jobs", NAMESPACE, "short").is_none()
    })
    .await;
    until("its pods are too", || pods(&cluster).is_empty()).await;
}
