//! What stands beside the Jobs: claims, prefetch, configuration, and the kustomization that lists all.

use std::collections::BTreeSet;

use grace_k8s_gen::Object;

use crate::config::{SMALL, all, job, lab, parsed, pod, study};

#[test]
fn weights_are_fetched_without_gpus_into_the_models_own_cache() {
    let manifests = all(&lab());
    let job = job(&manifests, "prefetch/grace-llama-70b-rtx3090-prefetch.yaml");
    let pod = pod(&job);
    let resources = pod.containers[0].resources.clone().unwrap();
    assert!(!resources.limits.unwrap().contains_key("nvidia.com/gpu"));
    assert_eq!(
        pod.containers[0].args.as_ref().unwrap()[..2],
        ["download", "meta-llama/Llama-3.1-70B-Instruct"]
    );
    assert_eq!(
        pod.volumes.unwrap()[0]
            .persistent_volume_claim
            .as_ref()
            .unwrap()
            .claim_name,
        "thomas-grace-llama-70b-cache"
    );
}

#[test]
fn a_model_that_is_a_path_is_not_fetched() {
    let manifests = all(&parsed(&SMALL.replace("lab/tiny", "/results/models/tiny")));
    assert!(!manifests.iter().any(|it| it.path.starts_with("prefetch/")));
    assert!(
        manifests
            .iter()
            .any(|it| it.path == "jobs/grace-tiny-replicated.yaml")
    );
}

#[test]
fn claims_that_are_there_already_are_not_made() {
    let config = parsed(&SMALL.replace("cache: {size: 1Gi}", "cache: {size: 1Gi, create: false}"));
    let claims: Vec<String> = all(&config)
        .into_iter()
        .map(|it| it.path)
        .filter(|path| path.contains("claim-"))
        .collect();
    assert_eq!(claims, ["base/claim-results.yaml"]);
}

#[test]
fn kustomizations_list_all_there_is() {
    let manifests = all(&lab());
    let paths: BTreeSet<&str> = manifests.iter().map(|it| it.path.as_str()).collect();
    let mut listed = BTreeSet::from([String::from("kustomization.yaml")]);
    for manifest in &manifests {
        let Object::Kustomization(list) = &manifest.object else {
            continue;
        };
        let folder = manifest.path.trim_end_matches("kustomization.yaml");
        for resource in &list.resources {
            let path = format!("{folder}{resource}");
            listed.insert(if paths.contains(path.as_str()) {
                path
            } else {
                format!("{path}/kustomization.yaml")
            });
        }
    }
    assert_eq!(
        listed.iter().map(String::as_str).collect::<BTreeSet<_>>(),
        paths
    );
}

#[test]
fn configuration_can_be_a_folder_of_a_claim() {
    let config = parsed(&SMALL.replace(
        "namespace: lab",
        "namespace: lab\n  config: {pvc: results, path: study/config}",
    ));
    let manifests = all(&config);
    assert!(!manifests.iter().any(|it| it.object.kind() == "ConfigMap"));
    let pod = pod(&job(&manifests, "jobs/grace-tiny-replicated.yaml"));
    let mount = pod.containers[0]
        .volume_mounts
        .clone()
        .unwrap()
        .into_iter()
        .find(|it| it.name == "config")
        .unwrap();
    assert_eq!(
        (mount.sub_path.as_deref(), mount.read_only),
        (Some("study/config"), Some(true))
    );
}

#[test]
fn config_maps_are_immutable_and_seen_as_the_folder_they_came_from() {
    let config = lab();
    let mut study = study(5);
    study.files.insert(
        String::from("stimuli/study1.csv"),
        String::from("a,b\r\n1,2\r\n"),
    );
    let request = grace_k8s_gen::Request {
        config: &config,
        study: &study,
        parallelism: 2,
        models: &[],
    };
    let manifests = grace_k8s_gen::generate(&request).unwrap();
    let map = manifests.iter().find_map(|it| match &it.object {
        Object::ConfigMap(map) => Some(map),
        _ => None,
    });
    let map = map.unwrap();
    assert_eq!(map.immutable, Some(true));
    assert_eq!(
        map.data.as_ref().unwrap()["stimuli__study1.csv"],
        "a,b\r\n1,2\r\n"
    );
    let pod = pod(&job(
        &manifests,
        "jobs/grace-gemma-2b-rtx3090-replicated.yaml",
    ));
    let volume = pod
        .volumes
        .unwrap()
        .into_iter()
        .find(|it| it.name == "config")
        .unwrap();
    let source = volume.projected.unwrap().sources.unwrap()[0]
        .config_map
        .clone()
        .unwrap();
    assert_eq!(source.name, map.metadata.name.clone().unwrap());
    let paths: Vec<String> = source
        .items
        .unwrap()
        .into_iter()
        .map(|it| it.path)
        .collect();
    assert_eq!(paths, ["models.yaml", "stimuli/study1.csv"]);
}
