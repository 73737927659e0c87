//! A Job of grace's own, broken in one place, is refused there.

use grace_k8s_gen::{Object, check};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{EnvVar, VolumeMount};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use crate::config::{all, job, lab};

/// The field that is named first once `change` is made.
#[track_caller]
fn refused(change: impl FnOnce(&mut Job)) -> String {
    let mut broken = job(&all(&lab()), "jobs/grace-gemma-2b-rtx3090-replicated.yaml");
    change(&mut broken);
    let faults = check::object(&Object::Job(Box::new(broken)), 5000);
    assert_eq!(faults.len(), 1, "{faults:?}");
    faults[0].to_string()
}

#[track_caller]
fn pod_refused(change: impl FnOnce(&mut k8s_openapi::api::core::v1::PodSpec)) -> String {
    refused(|job| change(job.spec.as_mut().unwrap().template.spec.as_mut().unwrap()))
}

#[test]
fn a_mount_needs_its_volume_and_a_path_of_its_own() {
    let mount = |name: &str, path: &str| VolumeMount {
        name: name.to_owned(),
        mount_path: path.to_owned(),
        ..VolumeMount::default()
    };
    let add = |mount| {
        pod_refused(|pod| {
            pod.containers[0]
                .volume_mounts
                .as_mut()
                .unwrap()
                .push(mount);
        })
    };
    assert!(add(mount("nope", "/x")).ends_with("mounts the volume `nope`, which is not there"));
    assert!(add(mount("tmp", "/results")).ends_with("mounts `/results` twice"));
    assert!(add(mount("tmp", "x")).ends_with("expected an absolute path without `:`"));
}

#[test]
fn names_are_not_there_twice() {
    assert!(
        pod_refused(|pod| pod.containers.push(pod.containers[0].clone()))
            .ends_with("is there twice")
    );
    assert!(
        pod_refused(|pod| {
            let volumes = pod.volumes.as_mut().unwrap();
            volumes.push(volumes[0].clone());
        })
        .ends_with("is there twice")
    );
}

#[test]
fn variables_and_arguments_are_what_linux_takes() {
    let add = |name: &str, value: String| {
        let variable = EnvVar {
            name: name.to_owned(),
            value: Some(value),
            value_from: None,
        };
        pod_refused(|pod| pod.containers[0].env.as_mut().unwrap().push(variable))
    };
    assert!(add("A B", String::from("x")).ends_with("has the variable `A B`, which cannot be one"));
    assert!(add("A", String::from("a\0b")).ends_with("with a NUL in it"));
    assert!(add("A", "x".repeat(131_072)).ends_with("of 131072 bytes, expected at most 131071"));
}

#[test]
fn devices_are_whole_and_limits_are_not_under_requests() {
    let set = |resource: &str, amount: &str| {
        pod_refused(|pod| {
            let limits = pod.containers[0]
                .resources
                .as_mut()
                .unwrap()
                .limits
                .as_mut()
                .unwrap();
            limits.insert(resource.to_owned(), Quantity(amount.to_owned()));
        })
    };
    assert!(
        set("nvidia.com/gpu", "2").ends_with(
            "has different request and limit for `nvidia.com/gpu`, which cannot be shared"
        )
    );
    assert!(set("memory", "1Gi").ends_with("asks for 16Gi of `memory`, over the limit of 1Gi"));
    assert!(set("cpu", "many").contains("`many` is no quantity"));
}

#[test]
fn what_happens_to_failed_pods_must_be_possible() {
    let rules = |change: fn(&mut k8s_openapi::api::batch::v1::PodFailurePolicyRule)| {
        refused(|job| {
            change(
                &mut job
                    .spec
                    .as_mut()
                    .unwrap()
                    .pod_failure_policy
                    .as_mut()
                    .unwrap()
                    .rules[0],
            );
        })
    };
    assert!(
        rules(|rule| rule.action = String::from("Explode"))
            .ends_with("has the action `Explode`, which is none")
    );
    assert!(
        rules(|rule| rule.on_exit_codes.as_mut().unwrap().values = vec![43, 42])
            .contains("expected rising ones")
    );
    assert!(
        rules(|rule| rule.on_exit_codes.as_mut().unwrap().container_name = Some(String::from("x")))
            .contains("names the container `x`")
    );
    assert!(rules(|rule| rule.on_exit_codes = None).contains("not exactly one of"));
    assert!(
        refused(|job| job.spec.as_mut().unwrap().pod_replacement_policy =
            Some(String::from("TerminatingOrFailed")))
        .contains("`spec.podReplacementPolicy`")
    );
}

#[test]
fn an_object_that_is_too_large_is_refused() {
    let job = job(&all(&lab()), "jobs/grace-gemma-2b-rtx3090-replicated.yaml");
    assert_eq!(
        check::object(&Object::Job(Box::new(job.clone())), 1_500_000).len(),
        1
    );
    assert_eq!(check::object(&Object::Job(Box::new(job)), 1_300_000), []);
}
