//! Whether there are nodes that could take a model.

use std::collections::BTreeMap;

use grace_core::cluster::Toleration;
use grace_core::quantity::Quantity;
use k8s_openapi::api::core::v1::Node;

use super::check::{Check, Verdict};
use super::judge::{Answer, is_forbidden};
use super::needs::{ModelNeeds, Needs};

/// What the nodes of the cluster mean for a model.
pub(super) fn nodes(needs: &Needs, model: &ModelNeeds, found: &Answer<Vec<Node>>) -> Check {
    let name = format!("nodes for {}", model.model);
    match found {
        Ok(found) => judge(name, needs, model, found),
        Err(error) if is_forbidden(error) => Check::unknown(
            name,
            "nodes may not be listed with these rights: whether there are such GPUs shows when pods start",
        ),
        Err(error) => Check::failed(name, Verdict::Unknown, error),
    }
}

fn judge(name: String, needs: &Needs, model: &ModelNeeds, all: &[Node]) -> Check {
    let labelled: Vec<&Node> = all
        .iter()
        .filter(|it| has_labels(it, &model.node_selector))
        .collect();
    let has_gpus = |it: &&&Node| gpus(it, model) >= u64::from(model.gpus);
    let fitting: Vec<&Node> = labelled.iter().filter(has_gpus).copied().collect();
    let wanted = wanted(model);
    if fitting.is_empty() {
        let found = format!(
            "none of {} has {wanted} ({} have the labels)",
            all.len(),
            labelled.len()
        );
        return Check::fail(name, found).advise(
            "correct `gpu` and `node_selector` of models.yaml: `kubectl get nodes --show-labels`",
        );
    }
    let is_open = |it: &&&Node| is_open(it, &needs.tolerations);
    let open: Vec<&Node> = fitting.iter().filter(is_open).copied().collect();
    if open.is_empty() {
        let found = format!("{} with {wanted}, all with taints or closed", fitting.len());
        return Check::warn(name, found)
            .advise("add the taints to `cluster.tolerations`: `kubectl describe node` shows them");
    }
    let of_node = |it: &&Node| gpus(it, model) / u64::from(model.gpus.max(1));
    let at_once: u64 = open.iter().map(of_node).sum();
    let found = format!(
        "{} with {wanted}, room for {at_once} replications if nobody else uses them",
        open.len()
    );
    if at_once < u64::from(model.parallelism) {
        let advice = format!(
            "{} are to run at the same time; the others wait",
            model.parallelism
        );
        return Check::warn(name, found).advise(advice);
    }
    Check::ok(name, found)
}

fn wanted(model: &ModelNeeds) -> String {
    let labels = model.node_selector.iter();
    let labels: Vec<String> = labels
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    let gpus = format!("{} × {}", model.gpus, model.gpu_resource);
    if labels.is_empty() {
        gpus
    } else {
        format!("{gpus} and {}", labels.join(", "))
    }
}

fn has_labels(node: &Node, wanted: &BTreeMap<String, String>) -> bool {
    let labels = node.metadata.labels.as_ref();
    wanted
        .iter()
        .all(|(key, value)| labels.and_then(|it| it.get(key)) == Some(value))
}

fn gpus(node: &Node, model: &ModelNeeds) -> u64 {
    let allocatable = node.status.as_ref().and_then(|it| it.allocatable.as_ref());
    let amount = allocatable.and_then(|it| it.get(&model.gpu_resource));
    let units = amount.and_then(|it| it.0.parse::<Quantity>().ok()?.units());
    units.unwrap_or_default()
}

/// Whether new pods with these tolerations may come to a node.
fn is_open(node: &Node, tolerations: &[Toleration]) -> bool {
    let Some(spec) = node.spec.as_ref() else {
        return true;
    };
    let taints = spec.taints.iter().flatten();
    let mut keeping_off = taints.filter(|it| it.effect != "PreferNoSchedule");
    spec.unschedulable != Some(true)
        && keeping_off.all(|taint| {
            tolerations.iter().any(|it| {
                it.key == taint.key
                    && (it.operator == "Exists" || it.value.as_deref() == taint.value.as_deref())
                    && it
                        .effect
                        .as_ref()
                        .is_none_or(|effect| *effect == taint.effect)
            })
        })
}
