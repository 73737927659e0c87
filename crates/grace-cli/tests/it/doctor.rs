//! `doctor`: everything that is missing is found, and said with what to do.

use std::path::Path;
use std::process::Command;

use grace_mock_cluster::{Fault, MockCluster, NAMESPACE, Trouble};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::command::{Ended, Grace, grace};

/// One model, with all that `doctor` looks at.
const CONFIG: &str = "\
models:
  tiny:
    huggingface_name: lab/tiny
    vllm: {tensor_parallel_size: 2}
    gpu: {count: 2, type: NVIDIA-A10}
    resources: {memory_request: 8Gi, memory_limit: 8Gi, cpu_request: 2, cpu_limit: 2, shm_size: 1Gi}
cluster:
  namespace: lemn-lab
  image: registry.example.org/grace:0.1.0
  server_image: vllm/vllm-openai:v0.11.0
  pvcs:
    results: {size: 10Gi}
    cache: {size: 1Gi, create: false}
  results_pvc: results
  model_cache_pvc: cache
  hf_token_secret: {name: hf-token, key: HF_TOKEN}
";

pub(crate) struct Lab {
    pub(crate) cluster: MockCluster,
    folder: TempDir,
}

impl Lab {
    /// A cluster on which everything is right.
    pub(crate) fn new() -> Self {
        let cluster = MockCluster::start_blocking();
        for name in ["results", "cache"] {
            cluster.put(
                "persistentvolumeclaims",
                json!({
                    "metadata": {"name": name},
                    "status": {"phase": "Bound", "capacity": {"storage": "10Gi"}},
                }),
            );
        }
        let secret =
            json!({"metadata": {"name": "hf-token"}, "data": {"HF_TOKEN": "c2VjcmV0LXZhbHVl"}});
        cluster.put("secrets", secret);
        cluster.put("nodes", node(&json!([])));
        cluster.put("pods", replicating("replicating"));
        has_left(&cluster, 9_000);
        let folder = TempDir::new().unwrap();
        std::fs::write(folder.path().join("models.yaml"), CONFIG).unwrap();
        Self { cluster, folder }
    }

    fn doctor(&self) -> Grace {
        let kubeconfig = self.cluster.kubeconfig(self.folder.path(), "secret-token");
        doctor(self.folder.path(), &kubeconfig)
    }

    pub(crate) fn run(&self, code: i32) -> Ended {
        let ended = self.doctor().run().exits(code);
        for secret in ["secret-token", "secret-value", "c2VjcmV0"] {
            assert!(!ended.output().contains(secret), "{}", ended.output());
        }
        ended
    }

    /// Takes an object away that is there.
    pub(crate) fn remove(&self, resource: &str, namespace: &str, name: &str) {
        assert!(
            self.cluster.remove(resource, namespace, name),
            "{resource} {name}"
        );
    }

    pub(crate) fn put(&self, resource: &str, object: Value) {
        self.cluster.put(resource, object);
    }

    fn claim(&self, name: &str, status: &Value) {
        let claim = json!({"metadata": {"name": name}, "status": status});
        self.put("persistentvolumeclaims", claim);
    }

    fn quota(&self, hard: &str, used: &str) {
        let of = |amount: &str| json!({"requests.nvidia.com/gpu": amount});
        self.cluster.put(
            "resourcequotas",
            json!({
                "metadata": {"name": "q"}, "spec": {"hard": of(hard)},
                "status": {"hard": of(hard), "used": of(used)},
            }),
        );
    }
}

fn doctor(config: &Path, kubeconfig: &Path) -> Grace {
    grace(["doctor", "--parallelism", "2", "--config"])
        .args([config.join("models.yaml")])
        .env("KUBECONFIG", kubeconfig.to_str().unwrap())
}

/// A pod that has the claim mounted and runs.
pub(crate) fn replicating(name: &str) -> Value {
    json!({
        "metadata": {"name": name, "labels": {"app.kubernetes.io/managed-by": "grace-cli"}},
        "spec": {
            "containers": [{
                "name": "replicate", "command": ["/grace/grace-cli"],
                "volumeMounts": [{"name": "results", "mountPath": "/results"}],
            }],
            "volumes": [{"name": "results", "persistentVolumeClaim": {"claimName": "results"}}],
        },
        "status": {"phase": "Running"},
    })
}

/// Pods say that so many megabytes of 10,000 are left.
pub(crate) fn has_left(cluster: &MockCluster, megabytes: u64) {
    let bytes = megabytes * 1_000_000;
    let script = format!(
        r#"test "$*" = "/grace/grace-cli export-results volume /results" || exit 2
        echo '{{"line":"volume","schema":"grace.export/v1","free_bytes":{bytes},"total_bytes":10000000000}}'
        echo '{{"line":"end","replications":0}}'"#
    );
    cluster.on_exec(move |argv| {
        let mut command = Command::new("sh");
        command.args(["-c", &script, "sh"]).args(argv);
        command
    });
}

/// The node `a10` with four GPUs.
fn node(taints: &Value) -> Value {
    json!({
        "metadata": {"name": "a10", "labels": {"nvidia.com/gpu.product": "NVIDIA-A10"}},
        "spec": {"taints": taints},
        "status": {"allocatable": {"nvidia.com/gpu": "4"}},
    })
}

#[test]
fn nothing_fails_where_everything_is_right() {
    let ended = Lab::new().run(0).says(&[
        "credentials: accepted, as `launcher`",
        "namespace: `lemn-lab` is there",
        "rights: jobs: get, list, watch, create, patch, delete allowed",
        "rights: pods/exec: get, create allowed",
        "quota: nothing limits",
        "claim results: is bound, 10Gi",
        "secret hf-token: has the key `HF_TOKEN`",
        "nodes for tiny: 1 with 2 × nvidia.com/gpu and nvidia.com/gpu.product=NVIDIA-A10, room for 2 replications",
        "storage for results: `results` has 10Gi in all, 250 to 500 MB are planned",
        "storage left: `results` has 9000 of 10000 MB left by the word of pod `replicating`, 250 to 500 MB are planned in all",
        "0 failed",
    ]);
    assert!(!ended.stdout.contains("FAIL"), "{}", ended.stdout);
}

#[test]
fn programs_get_each_check_with_its_verdict() {
    let report = Lab::new()
        .doctor()
        .args(["--output", "json"])
        .run()
        .exits(0)
        .json();
    assert_eq!(report["passed"], true);
    let checks = report["checks"].as_array().unwrap();
    assert!(checks.iter().all(|it| it["verdict"] == "ok"), "{report}");
    assert_eq!(checks[0]["name"], "kubeconfig");
}

/// Spoils a cluster on which all is right, and expects `says`.
#[track_caller]
pub(crate) fn check(code: i32, spoil: impl Fn(&Lab), says: &[&str]) {
    let lab = Lab::new();
    spoil(&lab);
    lab.run(code).says(says);
}

#[test]
fn a_missing_right_or_login_fails_with_what_to_do() {
    check(
        100,
        |lab| lab.cluster.forbid("patch", "jobs"),
        &["FAIL     rights: jobs: patch missing", "verbs: [patch]"],
    );
    check(
        100,
        |lab| lab.cluster.forbid("get", "pods/exec"),
        &["FAIL     rights: pods/exec: get missing, which collect needs"],
    );
    check(
        100,
        |lab| lab.cluster.set_token(Some("other")),
        &[
            "FAIL     credentials",
            "does not accept these credentials",
            "log in",
        ],
    );
    check(
        100,
        |lab| lab.remove("namespaces", "", NAMESPACE),
        &["FAIL     namespace: `lemn-lab` is not there"],
    );
}

#[test]
fn an_object_that_is_missing_fails_with_what_to_do() {
    check(
        100,
        |lab| lab.remove("secrets", NAMESPACE, "hf-token"),
        &[
            "FAIL     secret hf-token: is not there",
            "kubectl create secret",
        ],
    );
    check(
        100,
        |lab| {
            lab.put(
                "secrets",
                json!({"metadata": {"name": "hf-token"}, "data": {"OTHER": "eA=="}}),
            );
        },
        &["has no key `HF_TOKEN`"],
    );
    check(
        100,
        |lab| lab.remove("persistentvolumeclaims", NAMESPACE, "cache"),
        &["FAIL     claim cache: is not there, and `create: false`"],
    );
    check(
        100,
        |lab| lab.remove("nodes", "", "a10"),
        &["FAIL     nodes for tiny: none of 0"],
    );
}

#[test]
fn what_can_never_fit_fails_with_what_to_do() {
    check(
        100,
        |lab| lab.quota("3", "0"),
        &[
            "FAIL     quota q: requests.nvidia.com/gpu: 0 of 3 used; `tiny` needs 4",
            "lower --parallelism",
        ],
    );
    check(
        100,
        |lab| {
            lab.claim(
                "results",
                &json!({"phase": "Bound", "capacity": {"storage": "100Mi"}}),
            );
        },
        &["FAIL     storage for results: `results` has 100Mi in all, 250 to 500 MB are planned"],
    );
}

#[test]
fn what_may_still_work_is_a_warning() {
    check(
        0,
        |lab| lab.claim("results", &json!({"phase": "Pending"})),
        &[
            "warn     claim results: is pending",
            "WaitForFirstConsumer",
            "unknown  storage for results",
        ],
    );
    check(
        0,
        |lab| lab.remove("persistentvolumeclaims", NAMESPACE, "results"),
        &["warn     claim results: is not there"],
    );
    check(
        0,
        |lab| lab.quota("6", "4"),
        &["warn     quota q", "4 of 6 used", "pods wait"],
    );
    check(
        0,
        |lab| lab.cluster.forbid("watch", "events"),
        &["warn     rights: events: watch missing"],
    );
    check(
        0,
        |lab| {
            lab.put(
                "nodes",
                node(&json!([{"key": "lab", "effect": "NoSchedule"}])),
            );
        },
        &["warn     nodes for tiny", "cluster.tolerations"],
    );
}

#[test]
fn a_quota_of_some_pods_alone_is_not_judged() {
    for spec in [
        json!({"hard": {"pods": "0"}, "scopes": ["BestEffort"]}),
        json!({"hard": {"pods": "0"}, "scopeSelector": {"matchExpressions": [
            {"scopeName": "PriorityClass", "operator": "In", "values": ["high"]}]}}),
    ] {
        let scoped = json!({"metadata": {"name": "q"}, "spec": spec});
        check(
            0,
            |lab| lab.put("resourcequotas", scoped.clone()),
            &["unknown  quota q: counts the pods of some scopes alone"],
        );
    }
}

#[test]
fn what_these_rights_do_not_show_is_unknown_and_no_failure() {
    let lab = Lab::new();
    for (verb, resource) in [
        ("list", "nodes"),
        ("get", "namespaces"),
        ("get", "secrets"),
        ("list", "resourcequotas"),
    ] {
        lab.cluster.forbid(verb, resource);
    }
    lab.run(0).says(&[
        "unknown  namespace",
        "unknown  secret hf-token",
        "unknown  quota",
        "unknown  nodes for tiny: nodes may not be listed",
    ]);
}

#[test]
fn an_api_that_cannot_be_reached_is_one_failure() {
    let kubeconfig = {
        let lab = Lab::new();
        let folder = lab.folder;
        lab.cluster.kubeconfig(folder.path(), "t");
        folder
    };
    let ended = doctor(kubeconfig.path(), &kubeconfig.path().join("kubeconfig"))
        .run()
        .exits(100);
    let ended = ended.says(&[
        "FAIL     API server",
        "cannot be reached",
        "unknown  all else: not asked",
    ]);
    assert_eq!(ended.stdout.matches("FAIL").count(), 1, "{}", ended.stdout);
}

#[test]
fn a_kubeconfig_that_cannot_be_read_is_said() {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("models.yaml"), CONFIG).unwrap();
    doctor(folder.path(), &folder.path().join("absent"))
        .run()
        .exits(100)
        .says(&["FAIL     kubeconfig"]);
    let lab = Lab::new();
    lab.doctor()
        .args(["--context", "nope"])
        .run()
        .exits(100)
        .says(&["FAIL     kubeconfig", "nope"]);
}

#[test]
fn an_overloaded_api_fails_what_it_does_not_answer() {
    let lab = Lab::new();
    lab.cluster
        .fault(Fault::new("list", "resourcequotas", Trouble::status(500)).times(u32::MAX));
    lab.run(100).says(&["FAIL     quota", "answered 500"]);
}
