//! Rules about what pods reserve.

use grace_core::cluster::{Granted, Workload};
use grace_core::quantity::Quantity;
use k8s_openapi::api::core::v1::Container;

use super::breach::Complaint;
use super::file::{LimitsToRequests, Rules};
use crate::amount::amount;

/// The keys of models.yaml for a resource: request and limit.
fn key_of(resource: &str) -> String {
    resource.replace('-', "_")
}

/// Request and limit of a container, if it has both.
fn both(container: &Container, resource: &str) -> Option<(Quantity, Quantity)> {
    let resources = container.resources.as_ref()?;
    let request = amount(resources.requests.as_ref(), resource).ok()??;
    Some((request, amount(resources.limits.as_ref(), resource).ok()??))
}

/// Limits far over requests.
pub(super) fn limits(rule: &LimitsToRequests, container: &Container, path: &str) -> Vec<Complaint> {
    let over = rule.resources.iter().filter_map(|resource| {
        let (request, limit) = both(container, resource)?;
        let exempt = rule
            .exempt_up_to
            .get(resource)
            .is_some_and(|most| request <= *most);
        if exempt || !limit.exceeds_percent_of(rule.most_percent, &request) {
            return None;
        }
        let percent = limit.percent_of(&request).unwrap_or(f64::INFINITY);
        Some(Complaint {
            rule: "limits_to_requests",
            key: format!("{path}.{}_limit", key_of(resource)),
            found: format!("{limit}, {percent:.1} % of the request of {request}"),
            limit: format!("{} %", rule.most_percent),
            fix: format!(
                "set it to {} or less, or raise the request",
                request.percent(rule.most_percent)
            ),
        })
    });
    over.collect()
}

/// Limits that do not equal requests, with many pods.
pub(super) fn equal_limits(
    most: u32,
    pods: u64,
    container: &Container,
    path: &str,
) -> Vec<Complaint> {
    if pods <= u64::from(most) {
        return Vec::new();
    }
    let unequal = ["cpu", "memory", "ephemeral-storage"]
        .iter()
        .filter_map(|resource| {
            let (request, limit) = both(container, resource)?;
            (request != limit).then(|| Complaint {
                rule: "equal_limits_over_pods",
                key: format!("{path}.{}_limit", key_of(resource)),
                found: format!(
                    "{limit}, with a request of {request} and {pods} pods at the same time"
                ),
                limit: format!("limit = request with more than {most} pods"),
                fix: String::from("make limit and request equal, or run fewer at the same time"),
            })
        });
    unequal.collect()
}

/// Too many GPUs, or GPUs of a kind that must be applied for.
pub(super) fn gpus(
    rules: &Rules,
    granted: &Granted,
    workload: &Workload,
    parallelism: u32,
) -> Vec<Complaint> {
    let (gpu, path) = (&workload.gpu, format!("models.{}.gpu", workload.model.key));
    let in_use = u64::from(gpu.count) * u64::from(parallelism);
    let mut complaints = Vec::new();
    let per_pod = rules
        .gpus_per_pod
        .map(|most| most.max(granted.gpus_per_pod.unwrap_or_default()));
    if let Some(most) = per_pod.filter(|most| gpu.count > *most) {
        complaints.push(Complaint {
            rule: "gpus_per_pod",
            key: format!("{path}.count"),
            found: format!("{} GPUs in one pod", gpu.count),
            limit: most.to_string(),
            fix: String::from("use fewer, or ask the cluster's administrators for an exception and state it as `cluster.granted.gpus_per_pod`"),
        });
    }
    let name = format!("{} {}", gpu.kind, gpu.resource).to_uppercase();
    for kind in rules
        .scarce_gpus
        .iter()
        .filter(|kind| name.contains(&kind.to_uppercase()))
    {
        let quota = granted.scarce_gpus.get(kind).copied().unwrap_or_default();
        if in_use > u64::from(quota) {
            complaints.push(Complaint {
                rule: "scarce_gpus",
                key: format!("{path}.type"),
                found: format!("{in_use} GPUs of the kind {kind} at the same time"),
                limit: quota.to_string(),
                fix: format!("choose another kind, or apply for a quota and state it as `cluster.granted.scarce_gpus.{kind}`"),
            });
        }
    }
    complaints
}

/// Pods that could never all run: the rest of them waits, holding the queue of the namespace.
pub(super) fn quota(granted: &Granted, workload: &Workload, parallelism: u32) -> Option<Complaint> {
    let quota = granted.gpu_quota?;
    let count = workload.gpu.count;
    let in_use = u64::from(count) * u64::from(parallelism);
    let fitting = quota / count;
    let fix = if fitting == 0 {
        String::from("no pod of it can ever start: use fewer GPUs, or leave this model out")
    } else {
        format!("run {fitting} at the same time or fewer")
    };
    (in_use > u64::from(quota)).then(|| Complaint {
        rule: "gpu_quota",
        key: format!("models.{}.replication_parallelism", workload.model.key),
        found: format!(
            "{parallelism} replications × {count} GPUs = {in_use} GPUs at the same time"
        ),
        limit: quota.to_string(),
        fix,
    })
}
