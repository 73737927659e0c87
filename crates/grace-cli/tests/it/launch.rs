//! `launch`, against a mock of a cluster.

use std::fs;
use std::time::Duration;

use grace_mock_cluster::{Fault, NAMESPACE, Outcome, Trouble, Workload};
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
    // Rights in one namespace are enough.
    for request in lab.mock.requests() {
        let path = request.path.as_str();
        assert!(path.contains("/namespaces/lemn-lab/"), "{path}");
    }

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
fn interrupted_before_anything_runs_it_says_what_is_there() {
    let lab = ClusterLab::new();
    let silent = Fault::new("patch", "configmaps", Trouble::Silent);
    lab.mock.fault(silent.times(u32::MAX));
    let running = lab.launch(&["--model", "small"]).start();
    lab.until("the ConfigMap is sent", || {
        !lab.mock.requests_for("patch", "configmaps").is_empty()
    });
    running.signal("INT");
    let ended = running.wait(Duration::from_secs(5)).exits(130);
    let says = "interrupted before any Job was applied";
    assert!(ended.stderr.contains(says), "{}", ended.output());
    assert!(lab.jobs().is_empty());
}

#[test]
fn finished_jobs_go_if_asked_and_claims_stay() {
    let lab = ClusterLab::new();
    lab.mock.controller(Workload::new(|attempt| {
        if attempt.job.contains("large") && attempt.index == 1 {
            Outcome::exit(43)
        } else {
            Outcome::success()
        }
    }));
    let args = ["launch", "-n", "2", "--delete-finished", "--keep-going"];
    let ended = lab.run(lab.grace(&args)).exits(100);
    let complete = "small   2/2       0  complete: 2 of 2";
    assert!(ended.stdout.contains(complete), "{}", ended.output());
    // Of a model that failed all is left to be looked at.
    let left = ["grace-large-prefetch", "grace-large-replicated"];
    assert_eq!(lab.jobs(), left);
    let deleted = lab.mock.requests_for("delete", "*");
    assert!(
        deleted.iter().all(|it| it.resource == "jobs"),
        "{deleted:?}"
    );
    let claims = lab.mock.list("persistentvolumeclaims", NAMESPACE);
    assert_eq!(claims.len(), 2);
}

#[test]
fn detached_it_comes_back_at_once() {
    let lab = ClusterLab::new();
    lab.mock.controller(Workload::new(|_| Outcome::runs_on()));
    let ended = lab
        .run(lab.launch(&["--detach", "--max-gpus", "10"]))
        .exits(0);
    assert_eq!(lab.jobs().len(), 2);
    assert!(
        ended.stdout.contains("0/3       0  left running: "),
        "{}",
        ended.output()
    );
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
    let dry = lab.run(lab.launch(&["--model", "small", "--dry-run", "server"]));
    let dry = dry.exits(42);
    assert!(
        dry.stdout.contains("refused: another plan is there")
            && dry.stderr.contains("`lab/other` wanted"),
        "{}",
        dry.output()
    );
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
