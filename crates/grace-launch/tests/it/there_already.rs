//! Jobs that are on the cluster before the launch.

use std::time::Duration;

use grace_launch::apply::Difference;
use grace_launch::launch::{LaunchSettings, Order, Outcome};
use grace_mock_cluster::NAMESPACE;
use serde_json::json;

use crate::lab::{Lab, complete, failed, job, name, order};

fn settings() -> LaunchSettings {
    LaunchSettings::default()
}

#[tokio::test]
async fn what_runs_is_followed_what_is_complete_is_skipped() {
    let lab = Lab::new().await;
    let there = serde_json::to_value(job("a", 2, 1)).unwrap();
    lab.mock.put("jobs", there);
    let mut done = serde_json::to_value(job("b", 2, 1)).unwrap();
    done["status"] = complete(2);
    lab.mock.put("jobs", done);
    let orders = [order("a", 2, 1, 1), order("b", 2, 1, 1)];
    let settings = settings();
    let ((ended, told), ()) = tokio::join!(lab.launch(&orders, &settings), async {
        lab.until(|| lab.mock.open_watches("pods") > 0).await;
        lab.set_status(&name("a"), &complete(2));
    });
    assert_eq!(ended[0].outcome, Outcome::Complete);
    assert_eq!(ended[1].outcome, Outcome::AlreadyComplete);
    assert_eq!(lab.mock.requests_for("patch", "jobs").len(), 0);
    assert!(
        told.contains(&String::from("a started, attached true")),
        "{told:#?}"
    );
}

#[tokio::test]
async fn another_plan_is_not_touched_and_the_difference_shown() {
    let lab = Lab::new().await;
    let mut there = serde_json::to_value(job("a", 2, 1)).unwrap();
    there["metadata"]["annotations"]["grace/plan-fingerprint"] = json!("beef");
    there["spec"]["template"]["spec"]["containers"][0]["image"] = json!("x:2");
    lab.mock.put("jobs", there);
    let (ended, _) = lab.launch(&[order("a", 2, 1, 1)], &settings()).await;
    let Outcome::Refused { differences } = &ended[0].outcome else {
        panic!("{:?}", ended[0]);
    };
    let texts: Vec<String> = differences.iter().map(Difference::to_string).collect();
    assert_eq!(
        texts,
        [
            "metadata.annotations.grace/plan-fingerprint: `beef` on the cluster, `f00d` wanted",
            "spec.template.spec.containers[replicate].image: `x:2` on the cluster, `x:1` wanted",
        ]
    );
    assert_eq!(lab.mock.requests_for("patch", "jobs").len(), 0);
    assert_eq!(lab.mock.requests_for("delete", "jobs").len(), 0);
}

#[tokio::test]
async fn parallelism_is_adjusted_on_a_job_that_runs() {
    let lab = Lab::new().await;
    lab.mock
        .put("jobs", serde_json::to_value(job("a", 4, 1)).unwrap());
    let orders = [order("a", 4, 3, 3)];
    let settings = settings();
    let ((ended, told), ()) = tokio::join!(lab.launch(&orders, &settings), async {
        let parallelism =
            || lab.mock.get("jobs", NAMESPACE, &name("a")).unwrap()["spec"]["parallelism"].clone();
        lab.until(|| parallelism() == 3).await;
        lab.set_status(&name("a"), &complete(4));
    });
    assert_eq!(ended[0].outcome, Outcome::Complete);
    assert!(
        told.contains(&String::from(
            "a adjusted spec.parallelism: `1` on the cluster, `3` wanted"
        )),
        "{told:#?}"
    );
}

#[tokio::test]
async fn a_job_that_failed_before_is_left_alone() {
    let lab = Lab::new().await;
    let mut there = serde_json::to_value(job("a", 2, 1)).unwrap();
    there["status"] = failed("FailedIndexes");
    lab.mock.put("jobs", there);
    let (ended, _) = lab.launch(&[order("a", 2, 1, 1)], &settings()).await;
    assert_eq!(ended[0].outcome, Outcome::FailedBefore);
}

#[tokio::test]
async fn a_suspended_job_is_resumed() {
    let lab = Lab::new().await;
    let mut there = serde_json::to_value(job("a", 2, 1)).unwrap();
    there["spec"]["suspend"] = json!(true);
    lab.mock.put("jobs", there);
    let orders = [order("a", 2, 1, 1)];
    let settings = settings();
    let ((ended, _), ()) = tokio::join!(lab.launch(&orders, &settings), async {
        let is_suspended =
            || lab.mock.get("jobs", NAMESPACE, &name("a")).unwrap()["spec"]["suspend"] == true;
        lab.until(|| !is_suspended()).await;
        lab.set_status(&name("a"), &complete(2));
    });
    assert_eq!(ended[0].outcome, Outcome::Complete);
}

#[tokio::test]
async fn a_job_that_a_queue_holds_is_not_resumed() {
    let lab = Lab::new().await;
    let mut queued = job("a", 2, 1);
    let labels = queued.metadata.labels.as_mut().unwrap();
    labels.insert(
        String::from("kueue.x-k8s.io/queue-name"),
        String::from("lab"),
    );
    let mut there = serde_json::to_value(&queued).unwrap();
    there["spec"]["suspend"] = json!(true);
    lab.mock.put("jobs", there);
    let orders = [Order::new("a", queued, 1)];
    let mut settings = settings();
    settings.start_deadline = Duration::from_secs(1);
    let ((ended, told), ()) = tokio::join!(lab.launch(&orders, &settings), async {
        lab.until(|| lab.mock.open_watches("pods") > 0).await;
        tokio::time::sleep(Duration::from_millis(2500)).await;
        let job = lab.mock.get("jobs", NAMESPACE, &name("a")).unwrap();
        assert_eq!(job["spec"]["suspend"], true);
        lab.set_status(&name("a"), &complete(2));
    });
    assert_eq!(ended[0].outcome, Outcome::Complete, "{told:#?}");
}

/// A Job that a queue let in has the places where its pods may run, which grace did not ask for.
#[tokio::test]
async fn what_a_queue_put_into_a_job_is_no_other_plan() {
    let lab = Lab::new().await;
    for queue in [Some("lab"), None] {
        let model = if queue.is_some() { "queued" } else { "free" };
        let mut wanted = job(model, 2, 1);
        let labels = wanted.metadata.labels.as_mut().unwrap();
        labels
            .extend(queue.map(|queue| ("kueue.x-k8s.io/queue-name".to_owned(), queue.to_owned())));
        let mut there = serde_json::to_value(&wanted).unwrap();
        let pod = &mut there["spec"]["template"]["spec"];
        pod["nodeSelector"] = json!({"pool": "gpus"});
        pod["tolerations"] = json!([{"key": "gpu", "operator": "Exists"}]);
        lab.mock.put("jobs", there);
        let orders = [Order::new(model, wanted, 1)];
        let settings = settings();
        let ((ended, told), ()) = tokio::join!(lab.launch(&orders, &settings), async {
            lab.until(|| lab.mock.open_watches("pods") > 0).await;
            lab.set_status(&name(model), &complete(2));
        });
        let refused = matches!(ended[0].outcome, Outcome::Refused { .. });
        assert_eq!(refused, queue.is_none(), "{told:#?}");
        assert!(refused || ended[0].outcome.is_fine(), "{told:#?}");
    }
}

#[tokio::test]
async fn suspended_jobs_are_resumed_as_the_budget_allows() {
    let lab = Lab::new().await;
    for model in ["large", "small"] {
        let mut there = serde_json::to_value(job(model, 1, 1)).unwrap();
        there["spec"]["suspend"] = json!(true);
        lab.mock.put("jobs", there);
    }
    let orders = [order("large", 1, 1, 8), order("small", 1, 1, 2)];
    let is_suspended = |model: &str| {
        let job = lab.mock.get("jobs", NAMESPACE, &name(model)).unwrap();
        job["spec"]["suspend"] == true
    };
    let mut settings = settings();
    settings.max_gpus = Some(8);
    let ((ended, told), ()) = tokio::join!(lab.launch(&orders, &settings), async {
        lab.until(|| !is_suspended("large")).await;
        tokio::time::sleep(Duration::from_millis(1500)).await;
        assert!(is_suspended("small"), "10 GPUs of 8");
        lab.set_status(&name("large"), &complete(1));
        lab.until(|| !is_suspended("small")).await;
        lab.set_status(&name("small"), &complete(1));
    });
    assert!(
        ended.iter().all(|it| it.outcome == Outcome::Complete),
        "{told:#?}"
    );
}

#[tokio::test]
async fn gpus_of_what_runs_already_count_for_the_budget() {
    let lab = Lab::new().await;
    for model in ["small", "middle"] {
        lab.mock
            .put("jobs", serde_json::to_value(job(model, 1, 1)).unwrap());
    }
    let orders = vec![
        order("large", 1, 1, 8),
        order("small", 1, 1, 2),
        order("middle", 1, 1, 4),
    ];
    let mut settings = settings();
    settings.max_gpus = Some(8);
    let ((ended, told), ()) = tokio::join!(lab.launch(&orders, &settings), async {
        lab.until(|| lab.mock.open_watches("pods") > 0).await;
        tokio::time::sleep(Duration::from_millis(1500)).await;
        assert_eq!(lab.mock.requests_for("patch", "jobs").len(), 0);
        for model in ["small", "middle"] {
            lab.set_status(&name(model), &complete(1));
        }
        lab.applied(&name("large")).await;
        lab.set_status(&name("large"), &complete(1));
    });
    assert!(
        ended.iter().all(|it| it.outcome == Outcome::Complete),
        "{told:#?}"
    );
}

#[tokio::test]
async fn a_download_that_failed_before_is_named() {
    let lab = Lab::new().await;
    let mut fetch = job("a", 1, 1);
    fetch.metadata.name = Some(String::from("grace-a-prefetch"));
    let mut there = serde_json::to_value(&fetch).unwrap();
    there["status"] = failed("BackoffLimitExceeded");
    lab.mock.put("jobs", there);
    let orders = [order("a", 2, 1, 1).with_prefetch(fetch)];
    let (ended, _) = lab.launch(&orders, &settings()).await;
    assert_eq!(ended[0].outcome, Outcome::FailedBefore);
    assert_eq!(ended[0].job, "grace-a-prefetch");
    assert!(
        ended[0].summary.starts_with("failed: index 1"),
        "{}",
        ended[0].summary
    );
}

#[tokio::test]
async fn an_earlier_job_in_deletion_is_waited_for() {
    let lab = Lab::new().await;
    let mut old = serde_json::to_value(job("a", 2, 1)).unwrap();
    old["metadata"]["deletionTimestamp"] = json!("2026-11-25T08:00:00Z");
    lab.mock.put("jobs", old);
    let orders = [order("a", 2, 1, 1)];
    let settings = settings();
    let ((ended, _), ()) = tokio::join!(lab.launch(&orders, &settings), async {
        lab.until(|| lab.mock.open_watches("pods") > 0).await;
        tokio::time::sleep(Duration::from_millis(1500)).await;
        assert_eq!(lab.mock.requests_for("patch", "jobs").len(), 0);
        lab.mock.remove("jobs", NAMESPACE, &name("a"));
        lab.applied(&name("a")).await;
        lab.set_status(&name("a"), &complete(2));
    });
    assert_eq!(ended[0].outcome, Outcome::Complete);
}
