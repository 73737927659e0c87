//! A mock cluster, and a configuration of two models for it.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use grace_mock_cluster::{MockCluster, NAMESPACE};
use serde_json::Value;
use tempfile::TempDir;

use crate::command::{Ended, Grace, grace};

/// What must never be printed.
pub(crate) const TOKEN: &str = "token-that-nobody-may-see";

const MODELS: &str = "
models:
  small:
    huggingface_name: lab/small
    gpu: {count: 1, type: NVIDIA-L4}
    resources: {memory_request: 8Gi, memory_limit: 8Gi, cpu_request: 2, cpu_limit: 2}
  large:
    huggingface_name: lab/large
    gpu: {count: 4, type: NVIDIA-L4}
    vllm: {tensor_parallel_size: 4}
    resources: {memory_request: 8Gi, memory_limit: 8Gi, cpu_request: 2, cpu_limit: 2}
cluster:
  namespace: lemn-lab
  image: registry.example.org/grace:1
  server_image: registry.example.org/vllm:v0.32.0
  pvcs: {results: {size: 10Gi}, cache: {size: 50Gi}}
  results_pvc: results
  model_cache_pvc: cache
  config: {config_map: study}
";

/// The cluster, and a folder with kubeconfig and configuration.
pub(crate) struct ClusterLab {
    pub(crate) mock: MockCluster,
    folder: TempDir,
}

impl ClusterLab {
    pub(crate) fn new() -> Self {
        let mock = MockCluster::start_blocking();
        mock.set_token(Some(TOKEN));
        let folder = tempfile::tempdir().unwrap();
        mock.kubeconfig(folder.path(), TOKEN);
        let config = folder.path().join("config");
        fs::create_dir_all(config.join("stimuli")).unwrap();
        fs::write(config.join("models.yaml"), MODELS).unwrap();
        let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("demo");
        for name in ["study1.csv", "study2.csv"] {
            fs::copy(demo.join(name), config.join("stimuli").join(name)).unwrap();
        }
        Self { mock, folder }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The command with the cluster's kubeconfig and configuration.
    pub(crate) fn grace(&self, args: &[&str]) -> Grace {
        let kubeconfig = self.path().join("kubeconfig");
        let config = self.path().join("config");
        grace(args.iter().copied())
            .env("KUBECONFIG", kubeconfig.to_str().unwrap())
            .env("GRACE_CONFIG", config.to_str().unwrap())
    }

    /// `launch` of three replications, two at once, without fetching weights first.
    pub(crate) fn launch(&self, args: &[&str]) -> Grace {
        let base = ["launch", "-n", "3", "-p", "2", "--no-prefetch"];
        self.grace(&[&base, args].concat())
    }

    /// Runs a command to its end, and checks that nothing secret was said and no pod left without an owner.
    #[track_caller]
    pub(crate) fn run(&self, command: Grace) -> Ended {
        let ended = command.run();
        assert!(!ended.output().contains(TOKEN), "the token was printed");
        let requests = self.mock.requests();
        let deletes = requests.iter().filter(|it| it.verb == "delete");
        for delete in deletes {
            assert!(delete.propagation_policy().is_some(), "{}", delete.path);
        }
        ended
    }

    /// The names of the Jobs that are there.
    pub(crate) fn jobs(&self) -> Vec<String> {
        let jobs = self.mock.list("jobs", NAMESPACE);
        let names = jobs
            .iter()
            .map(|job| job["metadata"]["name"].as_str().unwrap().to_owned());
        names.collect()
    }

    pub(crate) fn job(&self, model: &str) -> Value {
        self.mock
            .get("jobs", NAMESPACE, &format!("grace-{model}-replicated"))
            .unwrap()
    }

    #[track_caller]
    pub(crate) fn until(&self, what: &str, is: impl Fn() -> bool) {
        let begun = Instant::now();
        while !is() {
            assert!(
                begun.elapsed() < Duration::from_secs(30),
                "never: {what}; Jobs {:?}",
                self.jobs()
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Every change that was asked for.
    pub(crate) fn changes(&self) -> Vec<String> {
        let is_change = |verb: &str| !["get", "list", "watch"].contains(&verb);
        let all = self.mock.requests().into_iter();
        all.filter(|it| is_change(&it.verb))
            .map(|it| format!("{} {}", it.verb, it.path))
            .collect()
    }
}
