//! How Jobs of `launch` end, and what is said of it.

use std::fs;
use std::time::Duration;

use grace_mock_cluster::{NAMESPACE, Outcome, Workload};
use serde_json::json;

use crate::cluster_lab::ClusterLab;

const SMALL: &str = "grace-small-replicated";

#[test]
fn a_failed_job_is_told_with_index_code_and_last_lines() {
    let lab = ClusterLab::new();
    lab.mock
        .controller(Workload::new(|attempt| match attempt.index {
            1 => Outcome::exit(43)
                .log("starting")
                .log("error: 812 of 900 queries had no answer"),
            _ => Outcome::success(),
        }));
    let ended = lab.run(lab.launch(&[])).exits(100);
    for expected in [
        "index 1, exit 43, too many queries without an answer",
        "| error: 812 of 900 queries had no answer",
        "hint: once the cause is gone, `grace-cli cancel --delete --model KEY` and launch again",
    ] {
        assert!(
            ended.stderr.contains(expected),
            "{expected}:\n{}",
            ended.output()
        );
    }
    assert!(ended.stdout.contains("not started"), "{}", ended.output());
    assert_eq!(lab.jobs(), [SMALL]);

    // The failed Job is left alone, and the other goes on if asked.
    let again = lab.run(lab.launch(&["--keep-going"])).exits(100);
    assert!(
        again.stdout.contains("this was an earlier launch"),
        "{}",
        again.output()
    );
    assert_eq!(lab.jobs().len(), 2);
}

/// What pods may come to, and what is said of it.
#[test]
fn each_end_has_its_message() {
    let no_image = Some("failed to resolve image: not found");
    for (outcome, code, expected) in [
        (
            Outcome::exit(42).log("error: models.yaml"),
            100,
            "exit 42, wrong configuration",
        ),
        (
            Outcome::oom_killed(),
            100,
            "OOMKilled, out of memory: raise `resources.memory_limit`",
        ),
        (
            Outcome::start_error("no such file"),
            100,
            "StartError, the program could not be started: no such file",
        ),
        (
            Outcome::unschedulable("0/3 nodes are available: 3 Insufficient nvidia.com/gpu."),
            75,
            "unschedulable: 0/3 nodes are available: 3 Insufficient nvidia.com/gpu",
        ),
        (
            Outcome::waiting("ImagePullBackOff", no_image),
            75,
            "image cannot be pulled: ",
        ),
        (
            Outcome::waiting(
                "CreateContainerConfigError",
                Some("secret \"hf-token\" not found"),
            ),
            75,
            "container cannot be made: secret \"hf-token\" not found",
        ),
        (
            Outcome::refused(
                "pods \"x\" is forbidden: exceeded quota: q, requested: requests.nvidia.com/gpu=4",
            ),
            75,
            "pending: quota: exceeded quota: q, requested: requests.nvidia.com/gpu=4",
        ),
        (
            Outcome::refused("pods \"x\" is forbidden: error looking up service account lab/x"),
            75,
            "pods cannot be created: error looking up service account lab/x",
        ),
    ] {
        let lab = ClusterLab::new();
        lab.mock.controller(Workload::new(move |_| outcome.clone()));
        let ended = lab
            .run(lab.launch(&["--model", "small", "--start-deadline", "2s"]))
            .exits(code);
        assert!(
            ended.output().contains(expected),
            "{expected}:\n{}",
            ended.output()
        );
        assert!(ended.took < Duration::from_secs(20), "{expected}");
    }
}

#[test]
fn a_try_that_failed_is_told_and_tried_again() {
    let lab = ClusterLab::new();
    let workload = Workload::new(|attempt| match (attempt.index, attempt.attempt) {
        (2, 0) => Outcome::exit(75),
        // Long enough to be seen.
        (2, _) => Outcome::success().after(Duration::from_secs(2)),
        _ => Outcome::success(),
    });
    lab.mock.controller(workload);
    let ended = lab.run(lab.launch(&["--model", "small"])).exits(0);
    let told =
        "small: index 2, exit 75, server or storage was not there in time; it is tried again";
    assert!(ended.stderr.contains(told), "{}", ended.output());
    assert!(
        ended.stdout.contains("complete: 3 of 3"),
        "{}",
        ended.output()
    );
}

#[test]
fn evicted_pods_are_replaced_and_no_failure() {
    let lab = ClusterLab::new();
    lab.mock
        .controller(Workload::new(|attempt| match attempt.attempt {
            0 if attempt.index == 0 => Outcome::evicted("The node was low on resource: memory"),
            _ => Outcome::success(),
        }));
    let ended = lab.run(lab.launch(&["--model", "small"])).exits(0);
    assert!(
        ended.stdout.contains("complete: 3 of 3"),
        "{}",
        ended.output()
    );
}

#[test]
fn a_job_over_its_deadline_says_so() {
    let lab = ClusterLab::new();
    // A try that failed before is not why time ran out.
    let workload = Workload::new(|attempt| match (attempt.index, attempt.attempt) {
        (0, 0) => Outcome::exit(75).log("an earlier failure"),
        _ => Outcome::runs_on(),
    });
    lab.mock
        .controller(workload.second_is(Duration::from_millis(1)));
    let models = lab.path().join("config/models.yaml");
    let text = fs::read_to_string(&models).unwrap() + "  active_deadline_seconds: 600\n";
    fs::write(&models, text).unwrap();
    let ended = lab.run(lab.launch(&["--model", "small"])).exits(100);
    assert!(
        ended.output().contains("(DeadlineExceeded, done 0 of 3)"),
        "{}",
        ended.output()
    );
    assert!(
        !ended.output().contains("an earlier failure"),
        "{}",
        ended.output()
    );
    assert!(!ended.stdout.contains("exit 75"), "{}", ended.stdout);
}

/// What may befall a Job that is followed: who does what, the exit code, and what is said.
#[test]
fn what_befalls_a_job_that_is_followed_has_its_message() {
    type Act = fn(&ClusterLab);
    let deleted: Act = |lab| {
        lab.mock.remove("jobs", NAMESPACE, SMALL);
    };
    let suspended: Act = |lab| {
        lab.run(lab.grace(&["cancel", "--model", "small", "--yes"]))
            .exits(0);
    };
    for (act, code, expected) in [
        (deleted, 100, "deleted by somebody, last seen running"),
        (suspended, 75, "suspended: done 0 of 3"),
    ] {
        let lab = ClusterLab::new();
        lab.mock.controller(Workload::new(|_| Outcome::runs_on()));
        befalls(&lab, act, code, expected);
    }
}

#[test]
fn a_job_that_was_removed_after_its_time_to_live_was_complete() {
    let lab = ClusterLab::new();
    // Nobody works on it, so that what is written here stays.
    let expires = |lab: &ClusterLab| {
        lab.mock.modify("jobs", NAMESPACE, SMALL, |job| {
            job["status"] = json!({"completedIndexes": "0-2"});
        });
        std::thread::sleep(Duration::from_millis(500));
        lab.mock.remove("jobs", NAMESPACE, SMALL);
    };
    befalls(&lab, expires, 0, "complete: 3 of 3");
}

#[test]
fn a_node_that_is_lost_is_told_with_what_to_do() {
    let lab = ClusterLab::new();
    let lost = |lab: &ClusterLab| {
        let uid = lab.job("small")["metadata"]["uid"].clone();
        let labels = json!({
            "app.kubernetes.io/managed-by": "grace-cli",
            "batch.kubernetes.io/controller-uid": uid,
            "batch.kubernetes.io/job-completion-index": "0",
        });
        let conditions = json!([
            {"type": "Ready", "status": "False"}, {"type": "ContainersReady", "status": "True"},
        ]);
        lab.mock.put(
            "pods",
            json!({
                "metadata": {"name": "pod-0", "namespace": NAMESPACE, "labels": labels},
                "spec": {"nodeName": "node-7", "containers": [{"name": "replicate"}]},
                "status": {"phase": "Running", "conditions": conditions},
            }),
        );
    };
    befalls(&lab, lost, 75, "node `node-7` does not answer");
}

/// Follows the Job of `small`, to which `act` happens.
#[track_caller]
fn befalls(lab: &ClusterLab, act: impl Fn(&ClusterLab), code: i32, expected: &str) {
    let launch = lab.launch(&["--model", "small", "--start-deadline", "3s"]);
    let mut running = launch.start();
    assert!(running.says("small: started"), "{expected}");
    std::thread::sleep(Duration::from_millis(500));
    act(lab);
    let ended = running.wait(Duration::from_secs(20)).exits(code);
    let output = ended.output();
    assert!(output.contains(expected), "{expected}:\n{output}");
}
