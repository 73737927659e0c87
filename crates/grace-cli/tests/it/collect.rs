//! `collect`: sealed results come here whole, once, and unchanged; no pod stays behind.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use grace_mock_cluster::{Fault, NAMESPACE, Trouble};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::command::grace;
use crate::server::Server;
use crate::study::Study;
use crate::volume::{CLAIM, VolumeCluster, seal};

/// More bytes than any exec here writes.
const UNCUT: usize = 1 << 30;

/// All files below a folder that are no one's working files.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(next).into_iter().flatten() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(folder).unwrap().display().to_string();
            if path.is_dir() {
                open.push(path);
            } else if !path
                .file_name()
                .unwrap()
                .to_str()
                .unwrap()
                .contains(".lock")
            {
                found.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    found
}

fn outcomes(report: &Value) -> Vec<String> {
    let all = report["collected"]["replications"].as_array().unwrap();
    all.iter()
        .map(|it| it["outcome"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn what_replicate_sealed_passes_verify_after_it_was_collected() {
    let (study, server) = (Study::new(3), Server::plain());
    study.replicate(&server).run().exits(0);
    let here = VolumeCluster::new(&study.results());
    here.collect()
        .run()
        .exits(0)
        .says(&["collected", "grace-cli verify"]);
    assert_eq!(files(&here.out()), files(&study.results()));
    let out = here.out();
    grace(["verify".as_ref(), out.as_path()]).run().exits(0);
    assert_eq!((here.pods(), here.made()), (vec![], 1));
    let deleted = here.cluster.requests_for("delete", "pods");
    assert!(
        deleted
            .iter()
            .all(|it| it.propagation_policy() == Some("Background")),
        "{deleted:?}"
    );
}

#[test]
fn what_is_here_is_not_sent_again_and_what_is_not_sealed_is_left_out() {
    let results = TempDir::new().unwrap();
    seal(results.path(), "tiny", 0, 1000);
    fs::create_dir_all(results.path().join("tiny/replication-1/attempts")).unwrap();
    let here = VolumeCluster::new(results.path());
    let collect = || {
        here.collect()
            .args(["--output", "json"])
            .run()
            .exits(0)
            .json()
    };
    let first = collect();
    assert_eq!(outcomes(&first), ["collected", "unsealed"]);
    assert_eq!(first["collected"]["files"], 4);
    assert!(first["collected"]["free_bytes"].as_u64().unwrap() > 0);
    assert!(!here.out().join("tiny/replication-1").exists());
    let second = collect();
    assert_eq!(outcomes(&second), ["already_here", "unsealed"]);
    assert_eq!(second["collected"]["files"], 0);
}

#[test]
fn only_the_models_that_are_asked_for_are_collected() {
    let results = TempDir::new().unwrap();
    seal(results.path(), "gemma-2b-rtx3090", 0, 10);
    seal(results.path(), "tiny", 0, 10);
    let here = VolumeCluster::new(results.path());
    here.collect()
        .args(["--model", "gemma-2b-rtx3090"])
        .run()
        .exits(0);
    assert!(
        here.out()
            .join("gemma-2b-rtx3090/replication-0/MANIFEST.sha256")
            .exists()
    );
    assert!(!here.out().join("tiny").exists());
}

#[test]
fn goes_on_after_cuts_in_the_middle_of_files_without_sending_whole_ones_again() {
    let results = TempDir::new().unwrap();
    for index in 0..3 {
        seal(results.path(), "tiny", index, 400_000);
    }
    let here = VolumeCluster::new(results.path());
    // The list, then two cuts: within the second replication's records, and again.
    here.cluster.exec_fault(UNCUT);
    here.cluster.exec_fault(600_000);
    here.cluster.exec_fault(UNCUT);
    here.cluster.exec_fault(200_000);
    let ended = here.collect().args(["--output", "json"]).run().exits(0);
    assert_eq!(
        ended.stderr.matches("again in").count(),
        2,
        "{}",
        ended.stderr
    );
    let report = ended.json();
    assert_eq!(outcomes(&report), ["collected"; 3]);
    // Each file counts once, so none that was whole came again.
    assert_eq!(report["collected"]["files"], 12);
    assert!(ended.stderr.contains("7 files to come"), "{}", ended.stderr);
    assert_eq!(files(&here.out()), files(results.path()));
    assert_eq!((here.pods(), here.made()), (vec![], 1));
}

#[test]
fn a_connection_that_is_always_cut_ends_as_worth_another_try() {
    let results = TempDir::new().unwrap();
    seal(results.path(), "tiny", 0, 400_000);
    let here = VolumeCluster::new(results.path());
    for _ in 0..12 {
        here.cluster.exec_fault(UNCUT);
        here.cluster.exec_fault(100_000);
    }
    here.collect().run().exits(75).says(&[
        "the connection to the pod was cut",
        "run the same command again",
    ]);
    assert!(
        !here
            .out()
            .join("tiny/replication-0/MANIFEST.sha256")
            .exists()
    );
    assert!(!files(&here.out()).keys().any(|it| it.contains("partial")));
    assert_eq!(here.pods(), Vec::<String>::new());
}

#[test]
fn a_file_that_is_not_what_was_sealed_is_named_and_its_replication_is_not_whole_here() {
    let results = TempDir::new().unwrap();
    for index in 0..3 {
        seal(results.path(), "tiny", index, 100);
    }
    fs::write(
        results.path().join("tiny/replication-1/exp.json"),
        "x".repeat(100),
    )
    .unwrap();
    fs::remove_file(results.path().join("tiny/replication-2/exp.json")).unwrap();
    let here = VolumeCluster::new(results.path());
    here.collect().run().exits(100).says(&[
        "DAMAGED on the cluster: exp.json changed after sealing",
        "DAMAGED on the cluster: exp.json is in MANIFEST.sha256 and cannot be read",
        "1 replications collected",
    ]);
    let folder = here.out().join("tiny");
    assert!(folder.join("replication-0/MANIFEST.sha256").exists());
    for name in ["MANIFEST.sha256", "exp.json"] {
        assert!(!folder.join("replication-1").join(name).exists());
    }
    assert_eq!(here.pods(), Vec::<String>::new());
}

#[test]
fn a_local_file_that_differs_is_only_replaced_if_asked() {
    let results = TempDir::new().unwrap();
    seal(results.path(), "tiny", 0, 100);
    seal(results.path(), "tiny", 1, 100);
    let here = VolumeCluster::new(results.path());
    here.collect().run().exits(0);
    let path = here.out().join("tiny/replication-1/exp.json");
    fs::write(&path, "mine").unwrap();
    let ended = here
        .collect()
        .run()
        .exits(42)
        .says(&["1 file here differs", "--replace"]);
    assert!(
        ended.stderr.contains("tiny/replication-1/exp.json"),
        "{}",
        ended.stderr
    );
    assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
    assert_eq!(here.pods(), Vec::<String>::new());
    here.collect().args(["--replace"]).run().exits(0);
    assert_eq!(files(&here.out()), files(results.path()));
}

#[test]
fn an_interrupt_leaves_no_pod_and_no_half_file() {
    let results = TempDir::new().unwrap();
    seal(results.path(), "tiny", 0, 8_000_000);
    for signal in ["INT", "TERM"] {
        let here = VolumeCluster::new(results.path());
        let mut running = here.collect().start();
        assert!(running.says("files to come"));
        running.signal(signal);
        let ended = running.wait(std::time::Duration::from_secs(30));
        // It may have been done a moment before.
        let codes = [Some(0), Some(if signal == "INT" { 130 } else { 143 })];
        assert!(codes.contains(&ended.code()), "{}", ended.output());
        assert_eq!(here.pods(), Vec::<String>::new());
        assert!(!files(&here.out()).keys().any(|it| it.contains("partial")));
    }
}

#[test]
fn an_interrupt_while_the_pod_waits_leaves_no_pod() {
    let results = TempDir::new().unwrap();
    let here = VolumeCluster::with(results.path(), unschedulable);
    let mut running = here.collect().start();
    assert!(running.says("waiting: unschedulable"));
    running.signal("INT");
    running.wait(std::time::Duration::from_secs(30)).exits(130);
    assert_eq!((here.pods(), here.made()), (vec![], 1));
}

fn unschedulable(pod: &mut Value) {
    pod["status"] = json!({"phase": "Pending", "conditions": [{
        "type": "PodScheduled", "status": "False", "reason": "Unschedulable",
        "message": "0/3 nodes are available: 3 Insufficient cpu.",
    }]});
}

#[test]
fn a_pod_that_cannot_be_scheduled_ends_at_the_deadline_with_why() {
    let results = TempDir::new().unwrap();
    let here = VolumeCluster::with(results.path(), unschedulable);
    let ended = here.collect().args(["--start-deadline", "2s"]).run();
    ended.exits(75).says(&[
        "did not run within 2 s",
        "unschedulable: 0/3 nodes are available: 3 Insufficient cpu",
    ]);
    assert_eq!((here.pods(), here.made()), (vec![], 1));
}

#[test]
fn a_pod_that_ends_by_itself_is_not_made_for_ever() {
    let results = TempDir::new().unwrap();
    let here = VolumeCluster::with(results.path(), |pod| {
        pod["status"] = json!({"phase": "Failed", "containerStatuses": [{
            "name": "read", "image": "i", "imageID": "", "ready": false, "restartCount": 0,
            "state": {"terminated": {"exitCode": 2, "message": "unrecognized subcommand"}},
        }]});
    });
    here.collect()
        .run()
        .exits(42)
        .says(&["exit code 2: unrecognized subcommand", "cluster.image"]);
    assert_eq!((here.pods(), here.made()), (vec![], 1));
}

#[test]
fn a_claim_that_is_missing_is_said_before_a_pod_is_made() {
    let results = TempDir::new().unwrap();
    let here = VolumeCluster::new(results.path());
    here.cluster
        .remove("persistentvolumeclaims", NAMESPACE, CLAIM);
    here.collect()
        .run()
        .exits(42)
        .says(&[CLAIM, "is not there in the namespace `lemn-lab`"]);
    assert_eq!(here.made(), 0);
}

#[test]
fn a_right_that_is_missing_is_said_and_no_pod_stays() {
    for (verb, resource) in [("create", "pods"), ("get", "pods/exec")] {
        let results = TempDir::new().unwrap();
        seal(results.path(), "tiny", 0, 10);
        let here = VolumeCluster::new(results.path());
        here.cluster.forbid(verb, resource);
        let ended = here
            .collect()
            .run()
            .exits(42)
            .says(&["forbid", "grace-cli doctor"]);
        assert!(!ended.output().contains("secret-token"));
        assert_eq!(here.pods(), Vec::<String>::new(), "{verb} {resource}");
    }
}

#[test]
fn a_pod_that_is_evicted_meanwhile_is_made_again() {
    let results = TempDir::new().unwrap();
    seal(results.path(), "tiny", 0, 10);
    let here = VolumeCluster::new(results.path());
    here.cluster
        .fault(Fault::new("get", "pods/exec", Trouble::status(500)).times(1));
    let mut running = here.collect().start();
    assert!(running.says("again in"));
    let name = here.pods().remove(0);
    here.cluster.modify("pods", NAMESPACE, &name, |pod| {
        pod["status"] = json!({"phase": "Failed"});
    });
    running.wait(std::time::Duration::from_secs(30)).exits(0);
    assert_eq!((here.pods(), here.made()), (vec![], 2));
}

#[test]
fn readers_that_ended_by_themselves_are_swept_and_others_left() {
    let results = TempDir::new().unwrap();
    let here = VolumeCluster::new(results.path());
    let labels = json!({
        "app.kubernetes.io/managed-by": "grace-cli", "app.kubernetes.io/component": "reader",
    });
    for (name, phase) in [("ended", "Succeeded"), ("at-work", "Running")] {
        let pod = json!({"metadata": {"name": name, "labels": labels}, "status": {"phase": phase}});
        here.cluster.put("pods", pod);
    }
    here.collect().run().exits(0).says(&["has no replication"]);
    assert_eq!(here.pods(), ["at-work"]);
}

#[test]
fn a_pod_that_cannot_be_deleted_is_named() {
    let results = TempDir::new().unwrap();
    let here = VolumeCluster::new(results.path());
    here.cluster.forbid("delete", "pods");
    here.collect()
        .run()
        .exits(0)
        .says(&["is left behind", "ends by itself"]);
}

#[test]
fn a_pod_whose_creation_was_never_heard_of_does_not_stay() {
    let results = TempDir::new().unwrap();
    seal(results.path(), "tiny", 0, 10);
    let here = VolumeCluster::new(results.path());
    let cut = Trouble::Cut { after: 10 };
    here.cluster.fault(Fault::new("create", "pods", cut));
    here.collect().run().exits(0);
    assert_eq!((here.pods(), here.made()), (vec![], 2));
}
