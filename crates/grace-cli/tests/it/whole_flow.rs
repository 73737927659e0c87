//! From `launch` to verified results: pods of the mock are real replications on simulated servers.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::time::Duration;

use grace_mock_cluster::{Container, NAMESPACE, Outcome, Workload};
use serde_json::{Value, json};

use crate::cluster_lab::ClusterLab;
use crate::command::{Running, grace};
use crate::folder::lines_so_far;
use crate::managed::{ROWS, sim};
use crate::study::{GENERATE, demo_rows};
use crate::volume::exported;

const REPLICATIONS: usize = 5;

/// One model, whose server is simulated and takes about half a second for a replication.
fn configure(folder: &Path) {
    let server = sim("{served_name}", &["--latency-ms", "40", "--slots", "4"]);
    let path = folder.join("models.yaml");
    let models = fs::read_to_string(&path).unwrap();
    let command = format!(
        "    huggingface_name: lab/small\n    server: {}\n",
        json!({ "command": server, "stop_grace": 2 })
    );
    let models = models.replace("    huggingface_name: lab/small\n", &command);
    fs::write(path, models).unwrap();
    fs::write(folder.join("plan.yaml"), GENERATE).unwrap();
    for name in ["study1.csv", "study2.csv"] {
        let rows = demo_rows(name, ROWS);
        fs::write(folder.join("stimuli").join(name), rows).unwrap();
    }
}

/// The process of a pod: the paths of its container are folders in `folder`.
fn replicate(container: &Container, folder: &Path) -> Command {
    let config = folder.join(&container.pod);
    for (path, content) in &container.files {
        let file = config.join(path.strip_prefix("/config/").unwrap());
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, content).unwrap();
    }
    let here = |word: &String| match word.as_str() {
        "/config" => config.clone(),
        "/results" => folder.join("volume"),
        word => PathBuf::from(word),
    };
    let mut command = Command::new(env!("CARGO_BIN_EXE_grace-cli"));
    command.args(container.argv.iter().skip(1).map(here));
    command.env_clear().envs(&container.env);
    command
}

/// Kills the pod of a replication that has some answers; its index.
fn kill_one(lab: &ClusterLab, volume: &Path) -> usize {
    let killed = Mutex::new(None);
    lab.until("a replication is in its midst", || {
        let in_midst = |index: &usize| {
            let folder = volume.join(format!("small/replication-{index}"));
            !folder.join("MANIFEST.sha256").exists() && lines_so_far(&folder) > 5
        };
        let found = (0..REPLICATIONS).find(in_midst);
        let pod = found.and_then(|index| running_pod(lab, index));
        let is_killed = pod.is_some_and(|pod| lab.mock.delete_pod(NAMESPACE, &pod));
        *killed.lock().unwrap() = found.filter(|_| is_killed);
        is_killed
    });
    killed.into_inner().unwrap().unwrap()
}

fn running_pod(lab: &ClusterLab, index: usize) -> Option<String> {
    let pods = lab.mock.list("pods", NAMESPACE);
    let wanted = index.to_string();
    let label = "batch.kubernetes.io/job-completion-index";
    let pod = pods.iter().find(|pod| {
        let is_its = pod["metadata"]["labels"][label] == wanted.as_str();
        is_its && pod["status"]["phase"] == "Running"
    })?;
    pod["metadata"]["name"].as_str().map(str::to_owned)
}

/// The most replications that `status` shows at work, in looks until the launch has ended.
fn most_at_once(lab: &ClusterLab, launch: &mut Running) -> usize {
    let mut most = 0;
    while !launch.has_ended() {
        let status = lab.run(lab.grace(&["status", "--output", "json"])).exits(0);
        let rows: Value = serde_json::from_str(&status.stdout).unwrap();
        let running = rows[0]["running"].as_array().map_or(0, Vec::len);
        most = most.max(running);
    }
    most
}

#[test]
fn five_replications_two_at_a_time_are_whole_although_a_pod_is_killed() {
    let lab = ClusterLab::new();
    configure(&lab.path().join("config"));
    let folder = lab.path().to_owned();
    let workload = Workload::new(move |_| {
        let folder = folder.clone();
        Outcome::process(move |container| replicate(container, &folder))
    });
    lab.mock
        .controller(workload.retries_after(Duration::from_millis(100)));
    let args = ["-n", "5", "-p", "2", "--model", "small", "--no-prefetch"];
    let launch = || lab.grace(&[&["launch"], args.as_slice()].concat());
    let mut running = launch().start();
    let volume = lab.path().join("volume");
    let killed = kill_one(&lab, &volume);
    let (results, mark) = (volume.clone(), lab.path().join("mark"));
    lab.mock
        .on_exec(move |argv| exported(argv, &results, &mark));
    // A pod that replicates tells what is left on its volume.
    let doctor = lab.grace(&["doctor"]).start();
    let most = most_at_once(&lab, &mut running);
    let doctor = doctor.wait(Duration::from_secs(30));
    assert!(
        doctor.stdout.contains("storage left: `results` has "),
        "{}",
        doctor.output()
    );
    let ended = running.wait(Duration::from_secs(30)).exits(0);
    assert!(
        ended.stdout.contains("complete: 5 of 5"),
        "{}",
        ended.output()
    );
    assert!((1..=2).contains(&most), "{most} at once");
    let attempts = volume.join(format!("small/replication-{killed}/attempts"));
    let attempts = fs::read_dir(attempts).unwrap();
    let folders = attempts.filter(|it| it.as_ref().unwrap().path().is_dir());
    assert_eq!(folders.count(), 2, "the killed one, and the next");

    let before = lab.changes().len();
    lab.run(launch()).exits(0);
    let again = &lab.changes()[before..];
    assert!(!again.iter().any(|it| it.contains("/jobs/")), "{again:#?}");

    let here = lab.path().join("collected");
    lab.run(lab.grace(&["collect", "--out"]).args([&here]))
        .exits(0);
    grace(["verify"])
        .args([here.as_os_str()])
        .args(["--replications", "5"])
        .run()
        .exits(0);
    lab.run(lab.grace(&["cancel", "--delete", "--yes"]))
        .exits(0);
    assert!(lab.jobs().is_empty());
    let claims = lab.mock.list("persistentvolumeclaims", NAMESPACE);
    assert_eq!(claims.len(), 2);
}
