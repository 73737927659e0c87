//! What a pod says of itself.

use k8s_openapi::api::core::v1::{ContainerStateTerminated, Pod, PodCondition};
use k8s_openapi::jiff::Timestamp;

const INDEX: &str = "batch.kubernetes.io/job-completion-index";
const CONTROLLER: &str = "batch.kubernetes.io/controller-uid";

/// Its completion index: by label, else annotation (before Kubernetes 1.28), never by name.
pub(crate) fn index(pod: &Pod) -> Option<u32> {
    let labels = pod.metadata.labels.as_ref().and_then(|it| it.get(INDEX));
    let annotations = pod.metadata.annotations.as_ref();
    let text = labels.or_else(|| annotations.and_then(|it| it.get(INDEX)))?;
    text.parse().ok()
}

/// The uid of the Job that made it. Two Jobs of one name may follow each other.
pub(crate) fn controller(pod: &Pod) -> Option<&str> {
    let label = pod
        .metadata
        .labels
        .as_ref()
        .and_then(|it| it.get(CONTROLLER));
    label.map(String::as_str).or_else(|| {
        let owners = pod.metadata.owner_references.as_deref().unwrap_or_default();
        let controller = owners.iter().find(|it| it.controller == Some(true))?;
        Some(controller.uid.as_str())
    })
}

/// Its name.
pub(crate) fn name(pod: &Pod) -> &str {
    pod.metadata.name.as_deref().unwrap_or_default()
}

/// The node it is on; empty before that.
pub(crate) fn node(pod: &Pod) -> &str {
    let spec = pod.spec.as_ref();
    spec.and_then(|it| it.node_name.as_deref())
        .unwrap_or_default()
}

pub(crate) fn phase(pod: &Pod) -> &str {
    let status = pod.status.as_ref();
    status
        .and_then(|it| it.phase.as_deref())
        .unwrap_or("Pending")
}

pub(crate) fn is_leaving(pod: &Pod) -> bool {
    pod.metadata.deletion_timestamp.is_some()
}

pub(crate) fn created(pod: &Pod) -> Option<Timestamp> {
    pod.metadata.creation_timestamp.as_ref().map(|it| it.0)
}

pub(crate) fn condition<'a>(pod: &'a Pod, kind: &str) -> Option<&'a PodCondition> {
    let conditions = pod.status.as_ref()?.conditions.as_deref()?;
    conditions.iter().find(|it| it.type_ == kind)
}

/// Whether it was evicted, preempted or lost with its node.
pub(crate) fn is_disrupted(pod: &Pod) -> bool {
    condition(pod, "DisruptionTarget").is_some_and(|it| it.status == "True")
        || pod.status.as_ref().and_then(|it| it.reason.as_deref()) == Some("Evicted")
}

/// Whether its node stopped answering: the pod is not ready although all its containers are. After some minutes the cluster
/// asks for its deletion, which nobody carries out until the node is back or gone for good.
pub(crate) fn is_lost(pod: &Pod) -> bool {
    let status = |kind| condition(pod, kind).map(|it| it.status.as_str());
    status("Ready") == Some("False") && status("ContainersReady") == Some("True")
}

/// The container that failed, with how it ended: the first of the init containers, else of the others.
pub(crate) fn failed_container(pod: &Pod) -> Option<(&str, &ContainerStateTerminated)> {
    let status = pod.status.as_ref()?;
    let init = status
        .init_container_statuses
        .as_deref()
        .unwrap_or_default();
    let main = status.container_statuses.as_deref().unwrap_or_default();
    init.iter().chain(main).find_map(|container| {
        let ended = container.state.as_ref()?.terminated.as_ref()?;
        (ended.exit_code != 0).then_some((container.name.as_str(), ended))
    })
}
