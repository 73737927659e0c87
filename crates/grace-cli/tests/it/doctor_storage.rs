//! `doctor` on the storage that is left: who tells it, what it means, and that no pod stays behind.

use std::process::Command;
use std::time::Duration;

use grace_mock_cluster::NAMESPACE;
use serde_json::json;
use tempfile::TempDir;

use crate::doctor::{Lab, check, has_left, replicating};
use crate::volume::{CLAIM, VolumeCluster};

#[test]
fn what_is_left_of_storage_is_judged_by_what_is_planned() {
    check(
        100,
        |lab| has_left(&lab.cluster, 49),
        &[
            "FAIL     storage left: `results` has 49 of 10000 MB left",
            "not one further replication fits",
        ],
    );
    check(
        0,
        |lab| has_left(&lab.cluster, 249),
        &[
            "warn     storage left",
            "only if the rest of the plan is on it already",
        ],
    );
    check(
        0,
        |lab| has_left(&lab.cluster, 499),
        &["warn     storage left", "may not be enough"],
    );
}

#[test]
fn what_no_pod_can_tell_of_storage_is_unknown() {
    check(
        0,
        |lab| lab.remove("pods", NAMESPACE, "replicating"),
        &[
            "unknown  storage left: no pod of grace runs that has `results` mounted",
            "--measure-storage",
        ],
    );
    check(
        100,
        |lab| lab.cluster.forbid("get", "pods/exec"),
        &["unknown  storage left: pod `replicating`: run a command in it: the cluster forbids it"],
    );
    check(
        0,
        |lab| {
            lab.cluster.on_exec(|_| {
                let mut command = Command::new("sh");
                command.args(["-c", "echo no such command >&2; exit 2"]);
                command
            });
        },
        &[
            "unknown  storage left: pod `replicating`",
            "exit code 2: no such command",
            "--measure-storage",
        ],
    );
}

#[test]
fn a_pod_that_is_about_to_end_is_not_the_last_one_asked() {
    let lab = Lab::new();
    lab.put("pods", replicating("earlier"));
    lab.cluster.exec_fault(0);
    lab.run(0).says(&["ok       storage left"]);
}

#[test]
fn a_pod_of_its_own_measures_storage_and_is_deleted() {
    let results = TempDir::new().unwrap();
    let here = VolumeCluster::new(results.path());
    let doctor = || here.grace("doctor");
    let ended = doctor().run();
    assert!(
        ended.stdout.contains("unknown  storage left"),
        "{}",
        ended.output()
    );
    assert_eq!(here.made(), 0);
    let ended = doctor().args(["--measure-storage"]).run();
    let left = format!("storage left: `{CLAIM}` has ");
    assert!(ended.stdout.contains(&left), "{}", ended.output());
    assert_eq!((here.pods(), here.made()), (vec![], 1));
}

/// Where a volume is may be decided by the first pod that uses it, which must not be one that could be anywhere.
#[test]
fn a_claim_that_is_not_bound_is_not_measured() {
    let results = TempDir::new().unwrap();
    let here = VolumeCluster::new(results.path());
    here.cluster.put(
        "persistentvolumeclaims",
        json!({"metadata": {"name": CLAIM}, "status": {"phase": "Pending"}}),
    );
    let ended = here.grace("doctor").args(["--measure-storage"]).run();
    let says = format!("unknown  storage left: `{CLAIM}` is not bound yet");
    assert!(ended.stdout.contains(&says), "{}", ended.output());
    here.cluster.forbid("get", "persistentvolumeclaims");
    let ended = here.grace("doctor").args(["--measure-storage"]).run();
    let says = format!("unknown  storage left: look for PersistentVolumeClaim {CLAIM}");
    assert!(ended.stdout.contains(&says), "{}", ended.output());
    assert_eq!(here.made(), 0);
}

#[test]
fn a_pod_that_measures_is_deleted_when_doctor_is_interrupted() {
    let results = TempDir::new().unwrap();
    let here = VolumeCluster::with(results.path(), |_| {});
    let mut running = here.grace("doctor").args(["--measure-storage"]).start();
    assert!(running.says("is to read the results"));
    running.signal("INT");
    let ended = running.wait(Duration::from_secs(20)).exits(130);
    assert!(
        ended.stdout.contains("unknown  storage left"),
        "{}",
        ended.output()
    );
    assert_eq!((here.pods(), here.made()), (vec![], 1));
}
