//! `status`, `logs` and `cancel`, against a mock of a cluster.

use std::time::Duration;

use grace_mock_cluster::{NAMESPACE, Outcome, Workload};
use serde_json::Value;

use crate::cluster_lab::ClusterLab;
use crate::command::Running;

/// A lab where the small model was launched, with this workload.
fn launched(
    decide: impl Fn(&grace_mock_cluster::Attempt) -> Outcome + Send + Sync + 'static,
) -> ClusterLab {
    let lab = ClusterLab::new();
    lab.mock
        .controller(Workload::new(decide).retries_after(Duration::from_millis(300)));
    lab.run(lab.launch(&["--model", "small", "--detach"]))
        .exits(0);
    lab
}

#[test]
fn status_shows_each_index_and_what_is_wrong() {
    let lab = launched(|attempt| match attempt.index {
        0 => Outcome::success(),
        1 => Outcome::runs_on(),
        _ => Outcome::waiting("ImagePullBackOff", Some("no such image")),
    });
    lab.until("index 2 waits", || {
        lab.run(lab.grace(&["status"]))
            .exits(0)
            .stdout
            .contains("DRW")
    });
    let ended = lab.run(lab.grace(&["status"])).exits(0);
    assert!(
        ended
            .stdout
            .contains("running 1/3, done 1, failed 0; index 2: image cannot be pulled: "),
        "{}",
        ended.output()
    );
    assert!(
        ended
            .stderr
            .contains("check `image` and `server_image` of models.yaml"),
        "{}",
        ended.stderr
    );
    let json = lab.run(lab.grace(&["status", "--output", "json"])).exits(0);
    let rows: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(rows[0]["model"], "small");
    assert_eq!(rows[0]["waiting"]["2"]["what"], "image");
    assert_eq!(rows[0]["phase"], "running");
}

#[test]
fn status_can_stay_until_the_end() {
    let lab = launched(|_| Outcome::success().after(Duration::from_millis(400)));
    let ended = lab.run(lab.grace(&["status", "--watch"])).exits(0);
    assert!(
        ended
            .stdout
            .trim_end()
            .ends_with("small (replications): complete: 3 of 3"),
        "{}",
        ended.stdout
    );
    let json = lab
        .run(lab.grace(&["status", "--watch", "--output", "json"]))
        .exits(0);
    let row: Value = serde_json::from_str(json.stdout.lines().last().unwrap()).unwrap();
    assert_eq!(row["summary"], "complete: 3 of 3");
}

#[test]
fn status_of_nothing_and_of_a_wrong_model() {
    let lab = ClusterLab::new();
    let ended = lab.run(lab.grace(&["status"])).exits(0);
    assert_eq!(ended.stdout, "no Job of grace in namespace `lemn-lab`\n");
    let ended = lab.run(lab.grace(&["status", "--model", "smal"])).exits(42);
    assert!(
        ended
            .stderr
            .contains("has no model `smal`, expected one of `small`, `large`"),
        "{}",
        ended.stderr
    );
}

#[test]
fn logs_of_an_index_and_of_all_its_tries() {
    let lab = launched(|attempt| match (attempt.index, attempt.attempt) {
        (0, 0) => Outcome::exit(75)
            .log("first try")
            .log("server was not there")
            .after(Duration::from_millis(500)),
        (0, _) => Outcome::success()
            .log("second try")
            .after(Duration::from_millis(300)),
        _ => Outcome::success().log("a").log("b").log("c"),
    });
    let ended = lab
        .run(lab.grace(&["logs", "small", "0", "--follow"]))
        .exits(0);
    assert_eq!(
        ended.stdout,
        "first try\nserver was not there\nsecond try\n",
        "{}",
        ended.output()
    );
    let ended = lab
        .run(lab.grace(&["logs", "small", "1", "--tail", "2"]))
        .exits(0);
    assert_eq!(ended.stdout, "b\nc\n");
    let ended = lab.run(lab.grace(&["logs", "small", "7"])).exits(42);
    assert!(
        ended
            .stderr
            .contains("has 3 replications on the cluster, so no index 7"),
        "{}",
        ended.stderr
    );
    let ended = lab.run(lab.grace(&["logs", "large"])).exits(42);
    assert!(
        ended
            .stderr
            .contains("model `large` has no Job in namespace `lemn-lab`"),
        "{}",
        ended.stderr
    );
}

/// `logs --follow` of index 0, which has printed `first`; and the pod that it reads.
#[track_caller]
fn followed(lab: &ClusterLab, first: &str) -> (Running, String) {
    let mut running = lab.grace(&["logs", "small", "0", "--follow"]).start();
    assert_eq!(running.first_line(), first);
    let pods = lab.mock.list("pods", NAMESPACE);
    let name = pods[0]["metadata"]["name"].as_str().unwrap();
    (running, name.to_owned())
}

#[test]
fn what_is_no_text_in_a_log_costs_no_other_line() {
    let lab = launched(|_| Outcome::runs_on().log("before"));
    let (running, name) = followed(&lab, "before");
    lab.mock
        .append_log(NAMESPACE, &name, b"caf\xe9 \xff\nafter\n");
    let ended = lab.run(lab.grace(&["logs", "small", "0"])).exits(0);
    assert_eq!(ended.stdout, "before\ncaf\u{fffd} \u{fffd}\nafter\n");
    running.prints("after\n");
    running.signal("INT");
    let followed = running.wait(Duration::from_secs(20)).exits(130);
    assert_eq!(followed.stdout, ended.stdout);
}

#[test]
fn a_log_goes_on_after_its_stream_was_cut() {
    let lab = launched(|_| Outcome::runs_on().log("line 1"));
    let (running, name) = followed(&lab, "line 1");
    lab.mock.append_log(NAMESPACE, &name, "line 2\n");
    lab.mock.cut_connections();
    lab.mock.append_log(NAMESPACE, &name, "line 3\n");
    std::thread::sleep(Duration::from_secs(2));
    lab.mock.cut_connections();
    lab.mock.append_log(NAMESPACE, &name, "line 4\n");
    std::thread::sleep(Duration::from_secs(3));
    running.signal("INT");
    let ended = running.wait(Duration::from_secs(20)).exits(130);
    assert_eq!(
        ended.stdout,
        "line 1\nline 2\nline 3\nline 4\n",
        "{}",
        ended.output()
    );
}

#[test]
fn cancel_asks_suspends_and_launch_resumes() {
    let lab = launched(|_| Outcome::runs_on());
    let ended = lab.run(lab.grace(&["cancel"])).exits(2);
    assert!(ended.stderr.contains("give `--yes`"), "{}", ended.stderr);
    lab.run(lab.grace(&["cancel", "--yes"])).exits(0);
    assert_eq!(lab.job("small")["spec"]["suspend"], true);
    lab.until("its pods end", || {
        lab.mock.list("pods", NAMESPACE).is_empty()
    });
    let ended = lab.run(lab.grace(&["status"])).exits(0);
    assert!(
        ended.stdout.contains("suspended: done 0 of 3"),
        "{}",
        ended.stdout
    );

    lab.mock.controller(Workload::new(|_| Outcome::success()));
    lab.run(lab.launch(&["--model", "small"])).exits(0);
    let ended = lab.run(lab.grace(&["cancel", "--yes"])).exits(0);
    assert_eq!(ended.stdout, "nothing to cancel in namespace `lemn-lab`\n");
}

#[test]
fn cancel_leaves_jobs_of_others_alone() {
    let lab = launched(|_| Outcome::runs_on());
    let mut other = lab.job("small");
    other["metadata"] = serde_json::json!({"name": "grace-theirs-replicated", "labels": {
        "model": "theirs", "app.kubernetes.io/managed-by": "grace-cli", "app.kubernetes.io/component": "replications"}});
    lab.mock.put("jobs", other);
    lab.run(lab.grace(&["cancel", "--delete", "--yes"]))
        .exits(0);
    assert_eq!(lab.jobs(), ["grace-theirs-replicated"]);
}

#[test]
fn a_log_that_is_not_there_yet_says_why() {
    let lab = launched(|_| Outcome::waiting("ImagePullBackOff", Some("no such image")));
    lab.until("it waits", || {
        lab.run(lab.grace(&["status"]))
            .exits(0)
            .stdout
            .contains("WW.")
    });
    let ended = lab.run(lab.grace(&["logs", "small", "0"])).exits(75);
    assert!(
        ended.stderr.contains("image cannot be pulled"),
        "{}",
        ended.stderr
    );
    let mut running = lab.grace(&["logs", "small", "0", "--follow"]).start();
    assert!(running.says("index 0 of `small`: image cannot be pulled"));
}

#[test]
fn cancel_deletes_jobs_with_their_pods_and_no_claim() {
    let lab = launched(|_| Outcome::runs_on());
    lab.run(lab.grace(&["cancel", "--delete", "--yes"]))
        .exits(0);
    assert_eq!(lab.jobs(), [""; 0]);
    let deletes: Vec<_> = lab
        .mock
        .requests()
        .into_iter()
        .filter(|it| it.verb == "delete")
        .collect();
    assert_eq!(deletes.len(), 1);
    assert_eq!(deletes[0].propagation_policy(), Some("Background"));
    assert_eq!(lab.mock.list("persistentvolumeclaims", NAMESPACE).len(), 2);
}
