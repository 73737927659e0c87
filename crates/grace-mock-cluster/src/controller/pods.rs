//! Pods of Jobs, from their making to their end.

use serde_json::{Value, json};

use super::workload::{Outcome, Stuck};
use crate::clock;
use crate::store::text;

/// The node that takes all pods.
const NODE: &str = "127.0.0.1";

/// Longer names are cut, so that five more characters fit.
const LONGEST_PREFIX: usize = 58;

/// `NAME-INDEX-`, cut as the Job controller cuts it.
pub(crate) fn prefix(job: &str, index: u32) -> String {
    let end = format!("-{index}-");
    let room = LONGEST_PREFIX.saturating_sub(end.len());
    let name: String = job.chars().take(room).collect();
    name + &end
}

/// The pod of an index as it is made.
pub(crate) fn new(job: &Value, index: u32, name: &str, failures: u32, outcome: &Outcome) -> Value {
    let template = &job["spec"]["template"];
    let job_name = text(job, "/metadata/name");
    let key = "batch.kubernetes.io/job-completion-index";
    let mut metadata = template["metadata"].clone();
    metadata["name"] = name.into();
    metadata["generateName"] = prefix(&job_name, index).into();
    metadata["namespace"] = job["metadata"]["namespace"].clone();
    metadata["labels"][key] = index.to_string().into();
    metadata["annotations"][key] = index.to_string().into();
    if !job["spec"]["backoffLimitPerIndex"].is_null() {
        let key = "batch.kubernetes.io/job-index-failure-count";
        metadata["annotations"][key] = failures.to_string().into();
    }
    metadata["ownerReferences"] = json!([{
        "apiVersion": "batch/v1",
        "kind": "Job",
        "name": job_name,
        "uid": job["metadata"]["uid"],
        "controller": true,
        "blockOwnerDeletion": true,
    }]);
    let mut spec = template["spec"].clone();
    spec["hostname"] = format!("{job_name}-{index}").into();
    for list in ["containers", "initContainers"] {
        let containers = spec.get_mut(list).and_then(Value::as_array_mut);
        for container in containers.into_iter().flatten() {
            add_index(container);
        }
    }
    let mut pod = json!({"metadata": metadata, "spec": spec});
    begin(&mut pod, outcome);
    pod
}

fn add_index(container: &mut Value) {
    let path = "metadata.labels['batch.kubernetes.io/job-completion-index']";
    let variable = json!({
        "name": "JOB_COMPLETION_INDEX",
        "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": path}},
    });
    match container["env"].as_array_mut() {
        Some(env) => env.push(variable),
        None => container["env"] = json!([variable]),
    }
}

/// The status of a new pod: on a node and waiting, or on none.
pub(crate) fn begin(pod: &mut Value, outcome: &Outcome) {
    if let Some(Stuck::Unschedulable(message)) = &outcome.stuck {
        let mut scheduled = condition("PodScheduled", false, "Unschedulable");
        scheduled["message"] = message.as_str().into();
        pod["status"] = json!({"phase": "Pending", "conditions": [scheduled]});
        return;
    }
    pod["spec"]["nodeName"] = NODE.into();
    let mut waiting = json!({"reason": "ContainerCreating"});
    if let Some(Stuck::Waiting { reason, message }) = &outcome.stuck {
        waiting = json!({"reason": reason});
        if let Some(message) = message {
            waiting["message"] = message.as_str().into();
        }
    }
    pod["status"] = json!({
        "phase": "Pending",
        "conditions": conditions(false, "ContainersNotReady"),
        "hostIP": NODE,
        "startTime": clock::now(),
    });
    set_states(pod, &json!({"waiting": waiting}), false);
}

pub(crate) fn run(pod: &mut Value) {
    pod["status"]["phase"] = "Running".into();
    pod["status"]["conditions"] = conditions(true, "");
    set_states(pod, &json!({"running": {"startedAt": clock::now()}}), true);
}

pub(crate) fn end(pod: &mut Value, outcome: &Outcome) {
    let success = outcome.exit_code == 0;
    let started = pod["status"]["containerStatuses"][0]["state"]["running"]["startedAt"].clone();
    let started = if outcome.exit_code == 128 {
        json!("1970-01-01T00:00:00Z") // pod-starterror-128
    } else {
        started
    };
    pod["status"]["phase"] = if success { "Succeeded" } else { "Failed" }.into();
    let reason = if success { "PodCompleted" } else { "PodFailed" };
    pod["status"]["conditions"] = conditions(false, reason);
    if let Some(message) = &outcome.evicted {
        pod["status"]["reason"] = "Evicted".into();
        pod["status"]["message"] = message.as_str().into();
        let mut disrupted = condition("DisruptionTarget", true, "TerminationByKubelet");
        disrupted["message"] = message.as_str().into();
        if let Some(conditions) = pod["status"]["conditions"].as_array_mut() {
            conditions.push(disrupted);
        }
    }
    let terminated = outcome.terminated(&started, &clock::now());
    set_states(pod, &json!({"terminated": terminated}), false);
}

/// The types of the conditions that hold.
pub(crate) fn holding(pod: &Value) -> Vec<String> {
    let conditions = pod["status"]["conditions"].as_array().into_iter().flatten();
    let holding = conditions.filter(|one| one["status"] == "True");
    holding.map(|one| text(one, "/type")).collect()
}

fn set_states(pod: &mut Value, state: &Value, ready: bool) {
    let containers = pod["spec"]["containers"].as_array().into_iter().flatten();
    let statuses: Vec<Value> = containers
        .map(|container| {
            json!({
                "name": container["name"],
                "state": state,
                "lastState": {},
                "ready": ready,
                "restartCount": 0,
                "image": container["image"],
                "imageID": "",
                "started": ready,
            })
        })
        .collect();
    pod["status"]["containerStatuses"] = statuses.into();
}

fn conditions(ready: bool, reason: &str) -> Value {
    json!([
        condition("PodReadyToStartContainers", ready, ""),
        condition(
            "Initialized",
            true,
            if reason == "PodCompleted" { reason } else { "" }
        ),
        condition("Ready", ready, reason),
        condition("ContainersReady", ready, reason),
        condition("PodScheduled", true, ""),
    ])
}

fn condition(kind: &str, holds: bool, reason: &str) -> Value {
    let mut condition = json!({
        "type": kind,
        "observedGeneration": 1,
        "status": if holds { "True" } else { "False" },
        "lastProbeTime": null,
        "lastTransitionTime": clock::now(),
    });
    if !reason.is_empty() {
        condition["reason"] = reason.into();
    }
    condition
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_are_cut_before_the_index() {
        assert_eq!(prefix("a-good", 0), "a-good-0-");
        let long = prefix(&"n".repeat(60), 12);
        assert_eq!(long.len(), 58);
        assert!(long.ends_with("n-12-"), "{long}");
    }
}
