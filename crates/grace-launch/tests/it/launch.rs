//! From orders to ends.

use std::time::{Duration, Instant};

use grace_launch::launch::{LaunchSettings, Order, Outcome};
use grace_launch::state::Phase;
use grace_mock_cluster::{NAMESPACE, recorded_object};
use serde_json::{Value, json};

use crate::lab::{Lab, SOON, complete, failed, job, name, order};

fn settings() -> LaunchSettings {
    LaunchSettings::default()
}

/// Completes each Job as soon as it is there; the order in which they came, with how many ran beside them.
async fn complete_all(lab: &Lab, models: &[(&str, u32)]) -> Vec<String> {
    let mut seen = Vec::new();
    let begun = Instant::now();
    while seen.len() < models.len() {
        assert!(begun.elapsed() < SOON, "only {seen:?} came");
        for job in lab.mock.list("jobs", NAMESPACE) {
            let job = job["metadata"]["name"].as_str().unwrap().to_owned();
            let model = models.iter().find(|(model, _)| name(model) == job);
            if let Some((model, count)) =
                model.filter(|(model, _)| !seen.contains(&(*model).to_owned()))
            {
                tokio::time::sleep(Duration::from_millis(300)).await;
                seen.push((*model).to_owned());
                lab.set_status(&job, &complete(*count));
            }
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    seen
}

/// How many of the Jobs that were there at the same time had not ended.
fn at_once(lab: &Lab) -> usize {
    let jobs = lab.mock.list("jobs", NAMESPACE);
    let is_open = |job: &&Value| job["status"]["completionTime"].is_null();
    jobs.iter().filter(is_open).count()
}

#[tokio::test]
async fn one_model_after_the_other_each_with_its_own_field_manager() {
    let lab = Lab::new().await;
    let orders = [order("a", 2, 1, 1), order("b", 3, 1, 8)];
    let settings = settings();
    let ((ended, _), seen) = tokio::join!(
        lab.launch(&orders, &settings),
        complete_all(&lab, &[("a", 2), ("b", 3)])
    );
    assert_eq!(seen, ["a", "b"]);
    assert_eq!(
        ended.iter().map(|it| &it.outcome).collect::<Vec<_>>(),
        [&Outcome::Complete; 2]
    );
    for request in lab.mock.requests_for("patch", "jobs") {
        assert_eq!(request.query.get("fieldManager"), Some("grace"));
        assert_eq!(request.query.get("fieldValidation"), Some("Strict"));
        assert_eq!(request.query.get("force"), None);
    }
}

#[tokio::test]
async fn with_a_budget_the_largest_first_and_as_many_as_fit() {
    let lab = Lab::new().await;
    let orders = vec![
        order("small", 1, 1, 2),
        order("large", 1, 1, 8),
        order("middle", 1, 1, 4),
    ];
    let mut settings = settings();
    settings.max_gpus = Some(10);
    let ((ended, told), ()) = tokio::join!(lab.launch(&orders, &settings), async {
        lab.until(|| lab.mock.list("jobs", NAMESPACE).len() == 2)
            .await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert_eq!(at_once(&lab), 2, "the third does not fit");
        lab.set_status(&name("large"), &complete(1));
        lab.applied(&name("middle")).await;
        lab.set_status(&name("small"), &complete(1));
        lab.set_status(&name("middle"), &complete(1));
    });
    assert!(ended.iter().all(|it| it.outcome == Outcome::Complete));
    let started: Vec<&String> = told.iter().filter(|it| it.contains("started")).collect();
    assert_eq!(started[0], "large started, attached false");
}

fn exit(code: i32) -> Value {
    json!({"phase": "Failed", "containerStatuses": [{"name": "replicate", "image": "x:1", "imageID": "", "ready": false,
        "restartCount": 0, "state": {"terminated": {"exitCode": code, "reason": "Error"}}}]})
}

#[tokio::test]
async fn a_failure_is_seen_at_once_with_index_code_and_last_lines_and_stops_the_rest() {
    let lab = Lab::new().await;
    let orders = [order("a", 2, 2, 1), order("b", 2, 1, 1)];
    let settings = settings();
    let ((ended, told), at) = tokio::join!(lab.launch(&orders, &settings), async {
        lab.applied(&name("a")).await;
        let pod = lab.pod(&name("a"), 1, &exit(43));
        lab.mock.append_log(
            NAMESPACE,
            &pod,
            "line 1\nerror: 400 of 900 queries had no answer\n",
        );
        lab.set_status(&name("a"), &failed("FailedIndexes"));
        Instant::now()
    });
    assert!(at.elapsed() < Duration::from_secs(5));
    assert_eq!(
        ended[0].summary,
        "failed: index 1, exit 43, too many queries without an answer (FailedIndexes, done 1 of 2)"
    );
    let log = vec![
        String::from("line 1"),
        String::from("error: 400 of 900 queries had no answer"),
    ];
    assert_eq!(ended[0].outcome, Outcome::Failed { log }, "{told:#?}");
    assert_eq!(ended[1].outcome, Outcome::NotStarted);
    assert!(lab.mock.get("jobs", NAMESPACE, &name("b")).is_none());
}

#[tokio::test]
async fn with_keep_going_the_others_go_on() {
    let lab = Lab::new().await;
    let orders = [order("a", 2, 2, 1), order("b", 1, 1, 1)];
    let mut settings = settings();
    settings.keep_going = true;
    let ((ended, _), ()) = tokio::join!(lab.launch(&orders, &settings), async {
        lab.applied(&name("a")).await;
        lab.set_status(&name("a"), &failed("FailedIndexes"));
        lab.applied(&name("b")).await;
        lab.set_status(&name("b"), &complete(1));
    });
    assert!(matches!(ended[0].outcome, Outcome::Failed { .. }));
    assert!(
        ended[0].summary.contains("index 1, its pod is gone"),
        "{}",
        ended[0].summary
    );
    assert_eq!(ended[1].outcome, Outcome::Complete);
}

#[tokio::test]
async fn of_a_job_that_is_failing_all_is_told_before_its_pods_have_ended() {
    let lab = Lab::new().await;
    let orders = [order("a", 3, 2, 1)];
    let mut settings = settings();
    settings.start_deadline = Duration::from_secs(4);
    let begun = Instant::now();
    let ((ended, told), ()) = tokio::join!(lab.launch(&orders, &settings), async {
        lab.applied(&name("a")).await;
        let pod = lab.pod(&name("a"), 1, &exit(43));
        lab.mock
            .append_log(NAMESPACE, &pod, b"the last words \xff\n");
        // `Failed` never comes: another pod is on a node that is lost.
        lab.set_status(
            &name("a"),
            &json!({"failedIndexes": "1", "conditions": [
                {"type": "FailureTarget", "status": "True", "reason": "FailedIndexes", "message": "it is over"}]}),
        );
    });
    let place = |part: &str| told.iter().position(|it| it.contains(part));
    let (log, end) = (place("the last words \u{fffd}"), place("a ended: "));
    assert!(log.is_some() && log < end, "{told:#?}");
    assert!(
        told.iter().any(|it| it.contains("index 1, exit 43")),
        "{told:#?}"
    );
    // It is no longer waited for than what never starts, and it is a failure.
    assert!(matches!(&ended[0].outcome, Outcome::Failed { log } if log.len() == 1));
    assert!(begun.elapsed() >= settings.start_deadline);
}

#[tokio::test]
async fn what_never_starts_is_given_up_sooner_where_waiting_does_not_help() {
    for (recording, is_hopeless) in [("pod-l-noimg", true), ("pod-l-pend", false)] {
        let lab = Lab::new().await;
        let orders = [order("a", 2, 1, 1)];
        let mut settings = settings();
        settings.start_deadline = Duration::from_secs(4);
        settings.stuck_deadline = Duration::from_secs(1);
        let begun = Instant::now();
        let ((ended, told), ()) = tokio::join!(lab.launch(&orders, &settings), async {
            lab.applied(&name("a")).await;
            lab.pod(&name("a"), 0, &recorded_object(recording)["status"]);
        });
        assert!(
            matches!(ended[0].outcome, Outcome::Stuck { .. }),
            "{told:#?}"
        );
        assert_eq!(
            begun.elapsed() < Duration::from_millis(3500),
            is_hopeless,
            "{recording}"
        );
        assert!(
            ended[0].summary.starts_with("no pod has run for "),
            "{}",
            ended[0].summary
        );
        assert!(
            lab.mock.get("jobs", NAMESPACE, &name("a")).is_some(),
            "it is left there"
        );
    }
}

#[tokio::test]
async fn interrupted_it_leaves_all_running() {
    let lab = Lab::new().await;
    let cluster = lab.cluster().await;
    let orders = [order("a", 2, 1, 1), order("b", 2, 1, 1)];
    let job = name("a");
    let stop = lab.applied(&job);
    let settings = settings();
    let launched = grace_launch::launch::launch(&cluster, &orders, &settings, stop, |_| {});
    let ended = tokio::time::timeout(SOON, launched).await.unwrap().ended;
    assert_eq!(ended[0].outcome, Outcome::LeftRunning);
    assert_eq!(ended[1].outcome, Outcome::NotStarted);
    assert_eq!(lab.mock.requests_for("delete", "*").len(), 0);
    assert!(lab.mock.get("jobs", NAMESPACE, &name("a")).is_some());
}

#[tokio::test]
async fn finished_jobs_are_deleted_with_their_pods_only_if_asked() {
    let lab = Lab::new().await;
    let orders = [order("a", 2, 1, 1)];
    let mut settings = settings();
    settings.delete_finished = true;
    let ((ended, _), ()) = tokio::join!(lab.launch(&orders, &settings), async {
        lab.applied(&name("a")).await;
        lab.set_status(&name("a"), &complete(2));
    });
    assert_eq!(ended[0].outcome, Outcome::Complete);
    let deletes = lab.mock.requests_for("delete", "jobs");
    assert_eq!(deletes.len(), 1);
    assert_eq!(deletes[0].propagation_policy(), Some("Background"));

    // One that was complete before is deleted, too; a download that is still at work is not.
    let mut done = serde_json::to_value(job("a", 2, 1)).unwrap();
    done["status"] = complete(2);
    lab.mock.put("jobs", done);
    let mut fetch = job("a", 1, 1);
    fetch.metadata.name = Some(String::from("grace-a-prefetch"));
    lab.mock.put("jobs", serde_json::to_value(&fetch).unwrap());
    let orders = [order("a", 2, 1, 1).with_prefetch(fetch)];
    let (ended, _) = lab.launch(&orders, &settings).await;
    assert_eq!(ended[0].outcome, Outcome::AlreadyComplete);
    assert!(lab.mock.get("jobs", NAMESPACE, &name("a")).is_none());
    assert!(
        lab.mock
            .get("jobs", NAMESPACE, "grace-a-prefetch")
            .is_some()
    );
}

#[tokio::test]
async fn weights_are_fetched_before_gpus_are_asked_for() {
    let lab = Lab::new().await;
    let mut fetch = job("a", 1, 1);
    fetch.metadata.name = Some(String::from("grace-a-prefetch"));
    let spec = fetch.spec.as_mut().unwrap();
    (
        spec.completion_mode,
        spec.backoff_limit_per_index,
        spec.max_failed_indexes,
    ) = (None, None, None);
    let orders: [Order; 1] = [order("a", 2, 1, 1).with_prefetch(fetch)];
    let settings = settings();
    let ((ended, told), ()) = tokio::join!(lab.launch(&orders, &settings), async {
        lab.applied("grace-a-prefetch").await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert!(lab.mock.get("jobs", NAMESPACE, &name("a")).is_none());
        let mut status = complete(1);
        status.as_object_mut().unwrap().remove("completedIndexes");
        lab.set_status("grace-a-prefetch", &status);
        lab.applied(&name("a")).await;
        lab.set_status(&name("a"), &complete(2));
    });
    assert_eq!(ended[0].outcome, Outcome::Complete, "{told:#?}");
    assert!(
        told.contains(&String::from("a fetch complete: 1 of 1")),
        "{told:#?}"
    );
    assert!(matches!(ended[0].state.phase, Phase::Complete));
}

#[tokio::test]
async fn a_job_that_the_cluster_refuses_says_why_without_its_dump() {
    let lab = Lab::new().await;
    lab.mock.fault(grace_mock_cluster::Fault::new(
        "patch",
        "jobs",
        grace_mock_cluster::Trouble::recorded("job-template-immutable-422-ssa"),
    ));
    let (ended, _) = lab.launch(&[order("a", 2, 1, 1)], &settings()).await;
    let Outcome::NotApplied {
        message,
        is_transient,
    } = &ended[0].outcome
    else {
        panic!("{:?}", ended[0]);
    };
    assert!(!is_transient);
    assert!(message.contains("field is immutable"), "{message}");
    assert!(message.len() < 500, "{message}");
}
