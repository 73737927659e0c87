//! `launch`, against a mock of a cluster.

use std::fs;
use std::time::Duration;

use grace_mock_cluster::{NAMESPACE, Outcome, Workload};
use serde_json::{Value, json};

use crate::cluster_lab::ClusterLab;
use crate::command::grace;

const SMALL: &str = "grace-small-replicated";

#[test]
fn both_models_run_to_their_end_one_after_the_other() {
    let lab = ClusterLab::new();
    lab.mock
        .controller(Workload::new(|_| Outcome::success().log("sealed")));
    let ended = lab.run(lab.launch(&[])).exits(0);
    assert!(
        ended
            .stdout
            .contains("small   3/3       0  complete: 3 of 3"),
        "{}",
        ended.output()
    );
    assert!(
        ended
            .stdout
            .contains("large   3/3       0  complete: 3 of 3"),
        "{}",
        ended.output()
    );
    let changes = lab.changes();
    let place = |what: &str| changes.iter().position(|it| it.contains(what)).unwrap();
    assert!(place("persistentvolumeclaims/results") < place(SMALL));
    assert!(place("configmaps/study") < place(SMALL));
    assert!(place(SMALL) < place("grace-large-replicated"));
    assert!(
        !changes.iter().any(|it| it.starts_with("delete")),
        "{changes:#?}"
    );
    assert_eq!(lab.job("small")["spec"]["parallelism"], 2);

    // Again: all is complete.
    let again = lab.run(lab.launch(&["--output", "json"])).exits(0);
    let rows: Value = serde_json::from_str(&again.stdout).unwrap();
    assert_eq!(rows[0]["outcome"], "already_complete");
    assert_eq!(rows[1]["state"]["done"], json!([0, 1, 2]));
}

#[test]
fn weights_come_first() {
    let lab = ClusterLab::new();
    lab.mock.controller(Workload::new(|_| Outcome::success()));
    lab.run(lab.grace(&["launch", "-n", "2", "--model", "small"]))
        .exits(0);
    let changes = lab.changes();
    let place = |what: &str| changes.iter().position(|it| it.contains(what)).unwrap();
    assert!(place("grace-small-prefetch") < place(SMALL), "{changes:#?}");
}

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
        _ => Outcome::success(),
    });
    // Long enough to be seen.
    let workload = workload.retries_after(Duration::from_secs(2));
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
    let workload = Workload::new(|_| Outcome::runs_on()).second_is(Duration::from_millis(1));
    lab.mock.controller(workload);
    let models = lab.path().join("config/models.yaml");
    let text = fs::read_to_string(&models).unwrap() + "  active_deadline_seconds: 600\n";
    fs::write(&models, text).unwrap();
    let ended = lab.run(lab.launch(&["--model", "small"])).exits(100);
    assert!(
        ended.output().contains("(DeadlineExceeded, done 0 of 3)"),
        "{}",
        ended.output()
    );
}

#[test]
fn interrupted_it_detaches_and_the_same_command_attaches() {
    let lab = ClusterLab::new();
    lab.mock.controller(Workload::new(|_| Outcome::runs_on()));
    let mut running = lab.launch(&["--model", "small"]).start();
    assert!(running.says("small: started"));
    running.signal("INT");
    let ended = running.wait(Duration::from_secs(20)).exits(130);
    assert!(
        ended
            .stderr
            .contains("Run the same command again to follow them"),
        "{}",
        ended.output()
    );
    assert!(
        ended.stdout.contains("left running: "),
        "{}",
        ended.output()
    );
    assert_eq!(lab.jobs(), [SMALL]);

    let uid = lab.job("small")["metadata"]["uid"].clone();
    let mut running = lab.launch(&["--model", "small"]).start();
    assert!(running.says("small: follows the Job that is there"));
    lab.mock.controller(Workload::new(|_| Outcome::success()));
    for pod in lab.mock.list("pods", NAMESPACE) {
        lab.mock
            .evict_pod(NAMESPACE, pod["metadata"]["name"].as_str().unwrap());
    }
    running.wait(Duration::from_secs(30)).exits(0);
    assert_eq!(lab.job("small")["metadata"]["uid"], uid);
}

#[test]
fn detached_it_comes_back_at_once() {
    let lab = ClusterLab::new();
    lab.mock.controller(Workload::new(|_| Outcome::runs_on()));
    let ended = lab
        .run(lab.launch(&["--detach", "--max-gpus", "10"]))
        .exits(0);
    assert_eq!(lab.jobs().len(), 2);
    assert!(ended.stdout.contains("left running"), "{}", ended.output());
}

#[test]
fn another_plan_is_refused_with_the_difference() {
    let lab = ClusterLab::new();
    lab.mock.controller(Workload::new(|_| Outcome::runs_on()));
    lab.run(lab.launch(&["--model", "small", "--detach"]))
        .exits(0);
    let before = lab.job("small");
    let changed = fs::read_to_string(lab.path().join("config/models.yaml"))
        .unwrap()
        .replace("lab/small", "lab/other");
    fs::write(lab.path().join("config/models.yaml"), changed).unwrap();
    let ended = lab.run(lab.launch(&["--model", "small"])).exits(42);
    for expected in [
        "metadata.annotations.grace/model-name: `lab/small` on the cluster, `lab/other` wanted",
        "metadata.annotations.grace/plan-fingerprint: ",
        "hint: let that Job end, or delete it with `grace-cli cancel --delete --model KEY`",
    ] {
        assert!(
            ended.stderr.contains(expected),
            "{expected}:\n{}",
            ended.output()
        );
    }
    let after = lab.job("small");
    assert_eq!(after["spec"], before["spec"]);
    assert_eq!(after["metadata"]["uid"], before["metadata"]["uid"]);
}

#[test]
fn a_dry_run_here_needs_no_cluster() {
    let lab = ClusterLab::new();
    let config = lab.path().join("config");
    let ended = grace([
        "launch",
        "-n",
        "3",
        "-p",
        "2",
        "--dry-run",
        "client",
        "--config",
    ])
    .args([config]);
    let ended = ended.run().exits(0);
    assert!(
        ended
            .stdout
            .contains("large  grace-large-replicated             3        2     8  yes"),
        "{}",
        ended.stdout
    );
    assert_eq!(lab.mock.requests().len(), 0);
}

#[test]
fn a_dry_run_there_keeps_nothing() {
    let lab = ClusterLab::new();
    let ended = lab.run(lab.launch(&["--dry-run", "server"])).exits(0);
    assert!(
        ended.stdout.contains("Job grace-small-replicated"),
        "{}",
        ended.output()
    );
    let patches = lab.mock.requests_for("patch", "jobs");
    assert_eq!(patches.len(), 2);
    assert!(
        lab.mock
            .requests()
            .iter()
            .filter(|it| it.verb == "patch")
            .all(grace_mock_cluster::Recorded::is_dry_run)
    );
    assert_eq!(lab.jobs(), [""; 0]);
}

#[test]
fn what_cannot_fit_is_refused_before_anything_is_applied() {
    let lab = ClusterLab::new();
    let ended = lab.run(lab.launch(&["--max-gpus", "4"])).exits(42);
    assert!(
        ended
            .stderr
            .contains("model `large` takes 8 GPUs at the same time, over the 4 of `--max-gpus`"),
        "{}",
        ended.stderr
    );
    let models = lab.path().join("config/models.yaml");
    let text = fs::read_to_string(&models).unwrap();
    fs::write(
        &models,
        text.replace("memory_limit: 8Gi", "memory_limit: 16Gi"),
    )
    .unwrap();
    let ended = lab.run(lab.launch(&["--policy", "nrp"])).exits(42);
    assert!(ended.stderr.contains("memory"), "{}", ended.stderr);
    fs::write(&models, text).unwrap();
    fs::remove_file(lab.path().join("config/stimuli/study1.csv")).unwrap();
    let ended = lab.run(lab.launch(&[])).exits(42);
    assert!(
        ended
            .stderr
            .contains("the stimuli `study1.csv` are not in the configuration"),
        "{}",
        ended.stderr
    );
}

#[test]
fn without_rights_or_connection_it_says_what_to_do() {
    let lab = ClusterLab::new();
    lab.mock.forbid("create", "jobs");
    let ended = lab.run(lab.launch(&["--model", "small"])).exits(42);
    assert!(
        ended.output().contains("cannot create resource \"jobs\""),
        "{}",
        ended.output()
    );
    assert!(
        ended.output().contains("grace-cli doctor"),
        "{}",
        ended.output()
    );

    lab.mock.set_token(Some("another"));
    let ended = lab.run(lab.launch(&["--model", "small"])).exits(42);
    assert!(
        ended
            .stderr
            .contains("does not accept these credentials (401)"),
        "{}",
        ended.stderr
    );
    assert!(
        ended.stderr.contains("hint: log in to the cluster again"),
        "{}",
        ended.stderr
    );

    let nowhere = lab
        .launch(&[])
        .env("KUBECONFIG", "/nowhere")
        .run()
        .exits(42);
    assert!(
        nowhere.stderr.contains("`kubectl config get-contexts`"),
        "{}",
        nowhere.stderr
    );
    let ended = lab.run(lab.launch(&["--context", "nope"])).exits(42);
    assert!(ended.stderr.contains("nope"), "{}", ended.stderr);

    let kubeconfig = lab.path().join("kubeconfig");
    let config = lab.path().join("config");
    drop(lab.mock);
    let ended = grace(["launch"])
        .env("KUBECONFIG", kubeconfig.to_str().unwrap())
        .env("GRACE_CONFIG", config.to_str().unwrap())
        .run()
        .exits(75);
    assert!(
        ended.stderr.contains("the API server cannot be reached"),
        "{}",
        ended.stderr
    );
}
