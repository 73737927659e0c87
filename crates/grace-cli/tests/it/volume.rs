//! A mock cluster with a results volume, and pods that come up as they are made.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use grace_mock_cluster::{MockCluster, NAMESPACE};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::command::{Grace, grace};

/// The claim for results of the models.yaml that grace carries.
pub(crate) const CLAIM: &str = "thomas-grace-results";

/// The cluster; pods run, and execute what is asked of them as local processes.
pub(crate) struct VolumeCluster {
    pub(crate) cluster: Arc<MockCluster>,
    folder: TempDir,
    stop: Arc<AtomicBool>,
    kubelet: Option<JoinHandle<()>>,
}

/// What becomes of the status of a new pod.
type Kubelet = fn(&mut Value);

/// The pod runs.
pub(crate) fn runs(pod: &mut Value) {
    pod["status"] = json!({"phase": "Running"});
}

/// What is executed in a pod of grace, with folders of this machine in place of its volumes.
pub(crate) fn exported(argv: &[String], results: &Path, mark: &Path) -> Command {
    assert!(argv[0].ends_with("/grace-cli"), "{argv:?}");
    let here = |word: &String| match word.as_str() {
        "/results" => results.to_owned(),
        "/tmp/in-use" => mark.to_owned(),
        word => PathBuf::from(word),
    };
    let mut command = Command::new(env!("CARGO_BIN_EXE_grace-cli"));
    command.env_clear().args(argv[1..].iter().map(here));
    command
}

impl VolumeCluster {
    /// A cluster on which pods run, with the volume `results`.
    pub(crate) fn new(results: &Path) -> Self {
        Self::with(results, runs)
    }

    /// The same with another fate of new pods.
    pub(crate) fn with(results: &Path, fate: Kubelet) -> Self {
        let cluster = Arc::new(MockCluster::start_blocking());
        cluster.put(
            "persistentvolumeclaims",
            json!({"metadata": {"name": CLAIM}, "status": {"phase": "Bound"}}),
        );
        let folder = TempDir::new().unwrap();
        let (results, mark) = (results.to_owned(), folder.path().join("mark"));
        cluster.on_exec(move |argv| exported(argv, &results, &mark));
        let stop = Arc::new(AtomicBool::new(false));
        let kubelet = std::thread::spawn({
            let (cluster, stop) = (Arc::clone(&cluster), Arc::clone(&stop));
            move || {
                while !stop.load(Ordering::Relaxed) {
                    for pod in cluster.list("pods", NAMESPACE) {
                        let is_new = pod["status"] == json!({"phase": "Pending"});
                        if is_new && pod["metadata"]["deletionTimestamp"].is_null() {
                            let name = pod["metadata"]["name"].as_str().unwrap();
                            cluster.modify("pods", NAMESPACE, name, fate);
                        }
                    }
                    std::thread::sleep(Duration::from_millis(5));
                }
            }
        });
        Self {
            cluster,
            folder,
            stop,
            kubelet: Some(kubelet),
        }
    }

    /// A command on this cluster.
    pub(crate) fn grace(&self, command: &str) -> Grace {
        let kubeconfig = self.cluster.kubeconfig(self.folder.path(), "secret-token");
        grace([command]).env("KUBECONFIG", kubeconfig.to_str().unwrap())
    }

    /// Where results are collected.
    pub(crate) fn out(&self) -> PathBuf {
        self.folder.path().join("out")
    }

    /// `collect` into [`Self::out`].
    pub(crate) fn collect(&self) -> Grace {
        self.grace("collect")
            .args(["--out".as_ref(), self.out().as_path()])
    }

    /// Names of the pods that are there.
    pub(crate) fn pods(&self) -> Vec<String> {
        let pods = self.cluster.list("pods", NAMESPACE).into_iter();
        let staying = pods.filter(|it| it["metadata"]["deletionTimestamp"].is_null());
        staying
            .map(|it| it["metadata"]["name"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Names of pods that were ever asked for.
    pub(crate) fn made(&self) -> usize {
        self.cluster.requests_for("create", "pods").len()
    }
}

impl Drop for VolumeCluster {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(kubelet) = self.kubelet.take() {
            // Its panic would hide that of the test.
            let _ = kubelet.join();
        }
    }
}

/// Writes a sealed replication of `model`, of no meaning but with right digests; its records have `bytes` bytes.
pub(crate) fn seal(results: &Path, model: &str, index: u32, bytes: usize) {
    let folder = results.join(model).join(format!("replication-{index}"));
    let journal = folder.join("attempts/20261125-a");
    fs::create_dir_all(&journal).unwrap();
    fs::write(journal.join("exp.jsonl"), "{}\n").unwrap();
    let mut lines = String::new();
    let letters = ('a'..='w').cycle();
    let records: String = letters.take(bytes).collect();
    for (name, text) in [("exp.json", records.as_str()), ("metadata.json", "{}\n")] {
        fs::write(folder.join(name), text).unwrap();
        writeln!(lines, "{}  {name}", grace_core::Digest::of(text.as_bytes())).unwrap();
    }
    fs::write(folder.join("MANIFEST.sha256"), lines).unwrap();
}
