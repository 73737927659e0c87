//! A cluster whose pods are real replications, for trying `cargo xtask e2e-cluster` where no cluster can be reached:
//!
//! `cluster GRACE_CLI FOLDER` prints the path of a kubeconfig in the folder, and serves until it is stopped.
//!
//! A pod of a Job is `GRACE_CLI` as a process, with the arguments and the environment of its container; `/config` is a folder
//! with the files of its `ConfigMap`s, `/results` is one folder for all, `/grace/grace-cli` is `GRACE_CLI`. An exec runs `GRACE_CLI`
//! with the same folders.

#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    reason = "an example: it prints what a script reads, and ends with what went wrong"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use grace_mock_cluster::{Container, MockCluster, Outcome, Workload};
use serde_json::{Value, json};

/// The kind of GPU, for `--gpu-type`.
const GPU: &str = "NVIDIA-L4";

/// What the paths in containers are here.
struct Paths {
    program: PathBuf,
    folder: PathBuf,
}

impl Paths {
    /// A word of a command line, or a line of a file, with the paths of here.
    fn here(&self, text: &str) -> String {
        text.replace("/grace/grace-cli", &self.program.display().to_string())
    }

    fn word(&self, word: &str, config: &Path) -> String {
        match word {
            "/config" => config.display().to_string(),
            "/results" => self.folder.join("results").display().to_string(),
            // The file by which an export says that it is at work.
            word if word.starts_with("/tmp/") => {
                let name = word.trim_start_matches('/').replace('/', "-");
                self.folder.join(name).display().to_string()
            }
            word => word.to_owned(),
        }
    }

    /// The process of a pod, after its files are written.
    fn replicate(&self, container: &Container) -> Command {
        let config = self.folder.join(&container.pod);
        for (path, content) in &container.files {
            let file = config.join(path.trim_start_matches("/config/"));
            let folder = file.parent().expect("a file is in a folder");
            fs::create_dir_all(folder).expect("a folder for the configuration");
            fs::write(&file, self.here(content)).expect("a file of the configuration");
        }
        let mut command = Command::new(&self.program);
        let words = container.argv.iter().skip(1);
        command.args(words.map(|word| self.word(word, &config)));
        command.envs(&container.env);
        command
    }

    fn exec(&self, argv: &[String]) -> Command {
        let mut command = Command::new(&self.program);
        let words = argv.iter().skip(1);
        command.args(words.map(|word| self.word(word, &self.folder)));
        command
    }
}

/// A node with a GPU for each replication, so that `doctor` finds what pods ask for.
fn node() -> Value {
    json!({
        "metadata": {"name": "node-1", "labels": {"nvidia.com/gpu.product": GPU}},
        "status": {
            "allocatable": {"cpu": "8", "memory": "32Gi", "nvidia.com/gpu": "2"},
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    })
}

fn main() {
    let mut args = std::env::args().skip(1).map(PathBuf::from);
    let (Some(program), Some(folder)) = (args.next(), args.next()) else {
        panic!("usage: cluster GRACE_CLI FOLDER");
    };
    let folder = folder.canonicalize().expect("FOLDER is there");
    fs::create_dir_all(folder.join("results")).expect("a folder for results");
    let paths = Arc::new(Paths {
        program: program.canonicalize().expect("GRACE_CLI is there"),
        folder: folder.clone(),
    });
    let cluster = MockCluster::start_blocking();
    cluster.put("nodes", node());
    let for_exec = Arc::clone(&paths);
    cluster.on_exec(move |argv| for_exec.exec(argv));
    let workload = Workload::new(move |_| {
        let paths = Arc::clone(&paths);
        Outcome::process(move |container| paths.replicate(container))
    });
    cluster.controller(
        workload
            .starts_after(Duration::from_millis(300))
            .retries_after(Duration::from_millis(500)),
    );
    println!("{}", cluster.kubeconfig(&folder, "token").display());
    loop {
        std::thread::park();
    }
}
