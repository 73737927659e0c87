//! Breaches name rule, value, limit and fix, and where they are.

use grace_core::cluster::ClusterConfig;
use grace_k8s_gen::policy::{Breach, Policy, check};

use crate::config::{SMALL, all, lab, parsed};

fn builtin(name: &str) -> Policy {
    Policy::builtin(name).unwrap().unwrap()
}

fn breaches(config: &ClusterConfig, policies: &[Policy]) -> Vec<Breach> {
    check(policies, config, &all(config))
}

/// The only breach of NRP's policy by the small configuration with `from` changed to `to`.
#[track_caller]
fn only(from: &str, to: &str) -> String {
    let text = SMALL.replace(from, to);
    assert_ne!(text, SMALL, "{from}");
    let found = breaches(&parsed(&text), &[builtin("nrp")]);
    assert_eq!(found.len(), 1, "{found:#?}");
    found[0].to_string()
}

#[test]
fn the_lab_keeps_to_its_policies() {
    assert_eq!(
        breaches(&lab(), &[builtin("nrp"), builtin("restricted")]),
        []
    );
    assert_eq!(
        breaches(&parsed(SMALL), &[builtin("nrp"), builtin("restricted")]),
        []
    );
}

#[test]
fn limits_far_over_requests_are_a_breach() {
    assert_eq!(
        only("memory_limit: 4Gi", "memory_limit: 5Gi"),
        "models.yaml:5: `models.tiny.resources.memory_limit` breaks the rule `limits_to_requests` of the policy `nrp` \
         (Job/grace-tiny-replicated): found 5Gi, 125.0 % of the request of 4Gi, limit 120 %; set it to 4915Mi or less, or raise the request"
    );
    assert!(only("cpu_limit: 1", "cpu_limit: 1201m").contains(
        "found 1201m, 120.1 % of the request of 1, limit 120 %; set it to 1200m or less"
    ));
    assert!(
        only(
            "cpu_limit: 1",
            "cpu_limit: 1, ephemeral_storage_limit: 100Gi"
        )
        .contains("ephemeral_storage_limit` breaks")
    );
}

#[test]
fn small_requests_of_memory_are_exempt() {
    let small = SMALL.replace(
        "memory_request: 4Gi, memory_limit: 4Gi",
        "memory_request: 2Gi, memory_limit: 3Gi",
    );
    assert_eq!(breaches(&parsed(&small), &[builtin("nrp")]), []);
}

#[test]
fn many_gpus_in_a_pod_take_an_exception() {
    let many = SMALL
        .replace("count: 1", "count: 3")
        .replace("lab/tiny", "lab/tiny\n    vllm: {tensor_parallel_size: 3}");
    let found = breaches(&parsed(&many), &[builtin("nrp")]);
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].rule, found[0].key.as_str(), found[0].line),
        ("gpus_per_pod", "models.tiny.gpu.count", Some(5))
    );
    assert!(found[0].fix.contains("cluster.granted.gpus_per_pod"));
    let granted = many.replace(
        "namespace: lab",
        "namespace: lab\n  granted: {gpus_per_pod: 3}",
    );
    assert_eq!(breaches(&parsed(&granted), &[builtin("nrp")]), []);
}

#[test]
fn scarce_gpus_take_a_quota() {
    let found = only("type: T4", "type: NVIDIA-A100-SXM4-80GB");
    assert!(
        found.contains("models.yaml:4: `models.tiny.gpu.type` breaks the rule `scarce_gpus`"),
        "{found}"
    );
    assert!(
        found.contains("found 2 GPUs of the kind A100 at the same time, limit 0"),
        "{found}"
    );
    let by_resource = only("type: T4", "type: T4, resource: nvidia.com/a100");
    assert!(by_resource.contains("scarce_gpus"), "{by_resource}");
    let granted = SMALL
        .replace("type: T4", "type: NVIDIA-A100-SXM4-80GB")
        .replace(
            "namespace: lab",
            "namespace: lab\n  granted: {scarce_gpus: {A100: 2}}",
        );
    assert_eq!(breaches(&parsed(&granted), &[builtin("nrp")]), []);
}

#[test]
fn a_quota_holds_under_any_policy() {
    let found = breaches(
        &parsed(&SMALL.replace("namespace: lab", "namespace: lab\n  gpu_quota: 1")),
        &[],
    );
    assert_eq!(
        found[0].to_string(),
        "models.yaml:2: `models.tiny.replication_parallelism` breaks the rule `gpu_quota` of the policy `models.yaml` \
         (Job/grace-tiny-replicated): found 2 replications × 1 GPUs = 2 GPUs at the same time, limit 1; run 1 at the same time or fewer"
    );
    let never = SMALL
        .replace("count: 1", "count: 2")
        .replace("lab/tiny", "lab/tiny\n    vllm: {tensor_parallel_size: 2}")
        .replace("namespace: lab", "namespace: lab\n  gpu_quota: 1");
    assert!(
        breaches(&parsed(&never), &[])[0]
            .fix
            .starts_with("no pod of it can ever start")
    );
}

#[test]
fn priority_classes_that_users_may_not_choose_are_a_breach_in_each_job() {
    let text = SMALL.replace(
        "namespace: lab",
        "namespace: lab\n  priority_class: system-node-critical",
    );
    let found = breaches(&parsed(&text), &[builtin("nrp")]);
    let objects: Vec<&str> = found.iter().map(|breach| breach.object.as_str()).collect();
    assert_eq!(
        objects,
        ["Job/grace-tiny-prefetch", "Job/grace-tiny-replicated"]
    );
    let first = found[0].to_string();
    assert!(
        first.starts_with(
            "models.yaml:8: `cluster.priority_class` breaks the rule `priority_classes`"
        ),
        "{first}"
    );
}

#[test]
fn storage_that_is_deleted_without_notice_is_a_breach() {
    let found = only(
        "results: {size: 1Gi}",
        "results: {size: 1Gi, storage_class: rook-cephfs-ucsd}",
    );
    assert!(
        found.contains(
            "`cluster.pvcs.results.storage_class` breaks the rule `forbidden_storage_classes`"
        ),
        "{found}"
    );
}

#[test]
fn installs_on_shared_file_systems_are_a_breach() {
    let found = breaches(
        &parsed(&SMALL.replace(
            "namespace: lab",
            "namespace: lab\n  env: {PYTHONUSERBASE: /results/py, PIP_TARGET: /tmp/x}",
        )),
        &[builtin("nrp")],
    );
    let rules: Vec<(&str, &str)> = found
        .iter()
        .map(|breach| (breach.rule, breach.object.as_str()))
        .collect();
    assert_eq!(rules, [("install_variables", "Job/grace-tiny-replicated")]);
}

#[test]
fn commands_that_sleep_or_install_are_breaches() {
    let own = "policy: own\nas_of: 2026-01-01\nrules: {forbidden_commands: [replicate], installers: [download, grace-cli, hf]}\n";
    let found = breaches(&parsed(SMALL), &[Policy::parse("own.yaml", own).unwrap()]);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(
        (found[0].rule, found[0].found.as_str()),
        (
            "forbidden_commands",
            "`replicate` in the container `replicate`"
        )
    );
}

#[test]
fn many_pods_need_equal_limits_and_many_jobs_are_too_many() {
    let own = "policy: own\nas_of: 2026-01-01\nrules: {equal_limits_over_pods: 2, most_jobs: 1, most_name_characters: 23}\n";
    let text = SMALL
        .replace("memory_request: 4Gi", "memory_request: 3900Mi")
        .replace("cache: {", "a-cache-with-a-long-name: {")
        .replace("pvc: cache", "pvc: a-cache-with-a-long-name");
    let found = breaches(&parsed(&text), &[Policy::parse("own.yaml", own).unwrap()]);
    let rules: Vec<(&str, &str)> = found
        .iter()
        .map(|breach| (breach.rule, breach.object.as_str()))
        .collect();
    assert_eq!(
        rules,
        [
            ("most_jobs", "all Jobs"),
            ("equal_limits_over_pods", "Job/grace-tiny-replicated"),
            ("equal_limits_over_pods", "Job/grace-tiny-replicated"),
            (
                "most_name_characters",
                "PersistentVolumeClaim/a-cache-with-a-long-name"
            ),
        ],
        "{found:#?}"
    );
}
