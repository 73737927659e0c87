//! Delete and evict.

use http::header::{HeaderValue, WARNING};
use serde_json::{Value, json};

use super::Call;
use crate::answer::{Answer, json as answer};
use crate::clock;
use crate::gc::{Propagation, delete_job, delete_pod, jobs, pods, remove_pod};
use crate::state::State;
use crate::status::{Refusal, details};

/// job-delete-no-policy
const ORPHANS: &str = "299 - \"child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or set propagationPolicy=Orphan to suppress this warning\"";

pub(super) fn delete(state: &mut State, call: &Call) -> Result<Answer, Refusal> {
    let target = &call.target;
    if target.name().is_empty() {
        let message = "the server does not allow this method on the requested resource";
        return Err(Refusal::new(405, "MethodNotAllowed", message));
    }
    let policy = policy(call)?;
    let answer = delete_object(state, call, policy);
    let mut answer = answer.unwrap_or_else(Answer::from);
    if target.resource == jobs() && policy.is_none() {
        let warning = HeaderValue::from_static(ORPHANS);
        answer.headers_mut().insert(WARNING, warning);
    }
    Ok(answer)
}

fn delete_object(
    state: &mut State,
    call: &Call,
    policy: Option<Propagation>,
) -> Result<Answer, Refusal> {
    let target = &call.target;
    let (resource, namespace, name) = (target.resource, target.namespace(), target.name());
    let Some(live) = state.store.get(resource, namespace, name).cloned() else {
        return Err(Refusal::not_found(resource, name));
    };
    check_preconditions(call, &live)?;
    if call.is_dry_run() {
        return Ok(success(call, &live));
    }
    if resource == jobs() {
        let policy = policy.unwrap_or(Propagation::Orphan);
        let job = delete_job(state, namespace, name, policy);
        return Ok(match (policy, job) {
            (Propagation::Background, _) | (_, None) => success(call, &live),
            (_, Some(job)) => answer(200, &job),
        });
    }
    if resource == pods() {
        if grace_seconds(call) == Some(0) {
            remove_pod(state, namespace, name);
            return Ok(answer(200, &live));
        }
        let pod = delete_pod(state, namespace, name).unwrap_or(live);
        return Ok(answer(200, &pod));
    }
    state.store.remove(resource, namespace, name);
    Ok(success(call, &live))
}

/// The policy of the address or of the body.
fn policy(call: &Call) -> Result<Option<Propagation>, Refusal> {
    let in_body = call.body["propagationPolicy"].as_str();
    match call.query.get("propagationPolicy").or(in_body) {
        None => Ok(None),
        Some("Orphan") => Ok(Some(Propagation::Orphan)),
        Some("Background") => Ok(Some(Propagation::Background)),
        Some("Foreground") => Ok(Some(Propagation::Foreground)),
        Some(other) => {
            let message = format!(
                "DeleteOptions.meta.k8s.io \"\" is invalid: propagationPolicy: Unsupported value: \"{other}\": supported values: \"Foreground\", \"Background\", \"Orphan\", \"nil\""
            );
            Err(Refusal::new(422, "Invalid", message))
        }
    }
}

fn grace_seconds(call: &Call) -> Option<u64> {
    let in_query = call.query.get("gracePeriodSeconds");
    let in_query = in_query.and_then(|text| text.parse().ok());
    in_query.or_else(|| call.body["gracePeriodSeconds"].as_u64())
}

fn check_preconditions(call: &Call, live: &Value) -> Result<(), Refusal> {
    for field in ["uid", "resourceVersion"] {
        let wanted = &call.body["preconditions"][field];
        let found = &live["metadata"][field];
        if !wanted.is_null() && wanted != found {
            let target = &call.target;
            let what = if field == "uid" {
                "UID"
            } else {
                "ResourceVersion"
            };
            let mut refusal = Refusal::stale(target.resource, target.name());
            refusal.body["message"] = format!(
                "Operation cannot be fulfilled on {} \"{}\": the {what} in the precondition ({}) does not match the {what} in record ({}). The object might have been deleted and then recreated",
                target.resource.qualified(),
                target.name(),
                wanted.as_str().unwrap_or_default(),
                found.as_str().unwrap_or_default(),
            )
            .into();
            return Err(refusal);
        }
    }
    Ok(())
}

/// job-delete-background
fn success(call: &Call, live: &Value) -> Answer {
    let mut details = details(call.target.resource, call.target.name());
    details["uid"] = live["metadata"]["uid"].clone();
    let status = json!({
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": details,
    });
    answer(200, &status)
}

/// pod-eviction
pub(super) fn evict(state: &mut State, call: &Call) -> Result<Answer, Refusal> {
    let (namespace, name) = (call.target.namespace(), call.target.name());
    if !evict_pod(state, namespace, name) {
        return Err(Refusal::not_found(pods(), name));
    }
    let status = json!({
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "code": 201,
    });
    Ok(answer(201, &status))
}

/// Marks a pod as disrupted and deletes it; whether there is one.
pub(crate) fn evict_pod(state: &mut State, namespace: &str, name: &str) -> bool {
    let Some(mut pod) = state.store.get(pods(), namespace, name).cloned() else {
        return false;
    };
    let condition = json!({
        "type": "DisruptionTarget",
        "status": "True",
        "lastProbeTime": null,
        "lastTransitionTime": clock::now(),
        "reason": "EvictionByEvictionAPI",
        "message": "Eviction API: evicting",
    });
    match pod["status"]["conditions"].as_array_mut() {
        Some(conditions) => conditions.push(condition),
        None => pod["status"]["conditions"] = json!([condition]),
    }
    state.store.put(pods(), pod);
    delete_pod(state, namespace, name).is_some()
}
