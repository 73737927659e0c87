//! What the Jobs say.

use std::collections::BTreeSet;

use grace_core::cluster::LAB;
use grace_k8s_gen::Object;
use k8s_openapi::api::core::v1::Container;

use crate::config::{SMALL, all, job, lab, made, parsed, pod};

fn variables(container: &Container) -> BTreeSet<String> {
    container
        .env
        .iter()
        .flatten()
        .map(|variable| variable.name.clone())
        .collect()
}

#[test]
fn there_is_an_indexed_job_for_each_model_of_the_lab() {
    let manifests = all(&lab());
    let mut seen = Vec::new();
    for manifest in manifests
        .iter()
        .filter(|it| it.path.starts_with("jobs/grace-"))
    {
        let job = job(&manifests, &manifest.path);
        let spec = job.spec.as_ref().unwrap();
        let pod = pod(&job);
        let limits = pod.containers[0]
            .resources
            .as_ref()
            .unwrap()
            .limits
            .as_ref()
            .unwrap();
        assert_eq!(spec.completion_mode.as_deref(), Some("Indexed"));
        assert_eq!(spec.completions, Some(5));
        assert_eq!(
            pod.node_selector.unwrap()["nvidia.com/gpu.product"],
            "NVIDIA-GeForce-RTX-3090"
        );
        seen.push(format!(
            "{} {} {}",
            job.metadata.name.unwrap(),
            spec.parallelism.unwrap(),
            limits["nvidia.com/gpu"].0
        ));
    }
    assert_eq!(
        seen,
        [
            "grace-deepseek-r1-70b-rtx3090-replicated 1 8",
            "grace-gemma-27b-rtx3090-replicated 1 4",
            "grace-gemma-2b-rtx3090-replicated 3 1",
            "grace-gemma-9b-rtx3090-replicated 3 1",
            "grace-llama-3b-rtx3090-replicated 3 1",
            "grace-llama-70b-rtx3090-replicated 1 8",
            "grace-llama-8b-rtx3090-replicated 3 1",
        ]
    );
}

#[test]
fn the_parallelism_that_is_asked_for_holds_where_a_model_has_none() {
    let manifests = made(&parsed(SMALL), 5, 4, &[]).unwrap();
    assert_eq!(
        job(&manifests, "jobs/grace-tiny-replicated.yaml")
            .spec
            .unwrap()
            .parallelism,
        Some(4)
    );
}

#[test]
fn failed_pods_end_what_their_exit_code_says() {
    let manifests = all(&lab());
    let spec = job(&manifests, "jobs/grace-gemma-2b-rtx3090-replicated.yaml")
        .spec
        .unwrap();
    let rules = spec.pod_failure_policy.unwrap().rules;
    let said: Vec<(String, Option<Vec<i32>>)> = rules
        .into_iter()
        .map(|rule| (rule.action, rule.on_exit_codes.map(|codes| codes.values)))
        .collect();
    let expected = [
        ("FailJob", Some(vec![42])),
        ("FailIndex", Some(vec![43])),
        ("Ignore", None),
    ];
    assert_eq!(
        said,
        expected.map(|(action, codes)| (action.to_owned(), codes))
    );
    assert_eq!(
        (
            spec.backoff_limit,
            spec.backoff_limit_per_index,
            spec.max_failed_indexes
        ),
        (None, Some(3), Some(2))
    );
    assert_eq!(spec.pod_replacement_policy.as_deref(), Some("Failed"));
}

#[test]
fn fail_fast_is_the_stricter_form() {
    let config = parsed(&SMALL.replace("namespace: lab", "namespace: lab\n  fail_fast: true"));
    let spec = job(&all(&config), "jobs/grace-tiny-replicated.yaml")
        .spec
        .unwrap();
    assert_eq!(
        (
            spec.backoff_limit,
            spec.backoff_limit_per_index,
            spec.max_failed_indexes
        ),
        (Some(0), None, None)
    );
}

#[test]
fn kueue_and_priority_and_deadlines_come_on_request() {
    let more = "namespace: lab\n  queue: q\n  priority_class: low\n  active_deadline_seconds: 7\n  pod_deadline_seconds: 6\n  ttl_seconds_after_finished: 60";
    let job = job(
        &all(&parsed(&SMALL.replace("namespace: lab", more))),
        "jobs/grace-tiny-replicated.yaml",
    );
    assert_eq!(
        job.metadata.labels.as_ref().unwrap()["kueue.x-k8s.io/queue-name"],
        "q"
    );
    let spec = job.spec.as_ref().unwrap();
    assert_eq!(
        (
            spec.suspend,
            spec.active_deadline_seconds,
            spec.ttl_seconds_after_finished
        ),
        (None, Some(7), Some(60))
    );
    let pod = pod(&job);
    assert_eq!(
        (
            pod.priority_class_name.as_deref(),
            pod.active_deadline_seconds
        ),
        (Some("low"), Some(6))
    );
}

#[test]
fn pods_get_what_grace_and_the_server_need_and_no_more() {
    let job = job(&all(&lab()), "jobs/grace-llama-70b-rtx3090-replicated.yaml");
    let pod = pod(&job);
    assert_eq!(pod.automount_service_account_token, Some(false));
    let (install, main) = (
        &pod.init_containers.as_ref().unwrap()[0],
        &pod.containers[0],
    );
    assert_eq!(
        install.image.as_deref(),
        Some("gitlab-registry.nrp-nautilus.io/lemn-lab/grace:0.1.0")
    );
    for variable in [
        "HF_HOME",
        "HF_TOKEN",
        "NODE_NAME",
        "POD_NAME",
        "POD_UID",
        "VLLM_NO_USAGE_STATS",
    ] {
        assert!(variables(main).contains(variable), "{variable}");
    }
    assert!(variables(install).is_empty());
    let token = main
        .env
        .as_ref()
        .unwrap()
        .iter()
        .find(|it| it.name == "HF_TOKEN")
        .unwrap();
    assert_eq!(token.value, None);
    let secret = token.value_from.clone().unwrap().secret_key_ref.unwrap();
    assert_eq!(
        (secret.name.as_str(), secret.key.as_str()),
        ("hf-token-thomas", "HF_TOKEN")
    );
    let claims: Vec<String> = pod
        .volumes
        .iter()
        .flatten()
        .filter_map(|it| Some(it.persistent_volume_claim.as_ref()?.claim_name.clone()))
        .collect();
    assert_eq!(
        claims,
        ["thomas-grace-results", "thomas-grace-llama-70b-cache"]
    );
    let shm = pod
        .volumes
        .iter()
        .flatten()
        .find(|it| it.name == "shm")
        .unwrap()
        .empty_dir
        .clone()
        .unwrap();
    assert_eq!(
        (shm.medium.as_deref(), shm.size_limit.unwrap().0.as_str()),
        (Some("Memory"), "32Gi")
    );
}

#[test]
fn no_container_has_a_shell() {
    for manifest in all(&lab()) {
        let Object::Job(job) = manifest.object else {
            continue;
        };
        let pod = pod(&job);
        for container in pod.init_containers.iter().flatten().chain(&pod.containers) {
            let words: Vec<&String> = container
                .command
                .iter()
                .chain(&container.args)
                .flatten()
                .collect();
            assert!(
                !words
                    .iter()
                    .any(|word| word.ends_with("sh") || word.as_str() == "-c"),
                "{words:?}"
            );
        }
    }
}

#[test]
fn the_same_configuration_makes_the_same_bytes() {
    assert_eq!(all(&lab()), all(&parsed(LAB)));
}

#[test]
fn the_fingerprint_changes_with_what_decides_results_alone() {
    let fingerprint = |config: &str, replications| {
        let manifests = made(&parsed(config), replications, 1, &[]).unwrap();
        job(&manifests, "jobs/grace-tiny-replicated.yaml")
            .metadata
            .annotations
            .unwrap()["grace/plan-fingerprint"]
            .clone()
    };
    let own = fingerprint(SMALL, 5);
    assert_eq!(
        fingerprint(
            &SMALL
                .replace("4Gi", "5Gi")
                .replace("lab/vllm:1", "lab/vllm:2"),
            5
        ),
        own
    );
    assert_ne!(fingerprint(&SMALL.replace("lab/tiny", "lab/other"), 5), own);
    assert_ne!(
        fingerprint(&SMALL.replace("lab/tiny", "lab/tiny\n    stop: [x]"), 5),
        own
    );
    assert_ne!(fingerprint(SMALL, 6), own);
}
