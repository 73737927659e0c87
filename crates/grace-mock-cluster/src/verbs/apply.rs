//! Server-side apply.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Call, create};
use crate::answer::{Answer, json as answer};
use crate::gc::jobs;
use crate::job;
use crate::owners::{self, Owners};
use crate::state::State;
use crate::status::Refusal;

/// The most that etcd takes (ssa-too-large-1700000): 1.5 MiB.
const MOST_BYTES: usize = 1_572_864;

pub(super) fn apply(state: &mut State, call: &Call) -> Result<Answer, Refusal> {
    if call.query.get("fieldManager").is_none_or(str::is_empty) {
        let field = "fieldManager";
        let message = format!(
            "PatchOptions.meta.k8s.io \"\" is invalid: {field}: Required value: is required for apply patch"
        );
        return Err(Refusal::new(422, "Invalid", message));
    }
    if !call.body.is_object() {
        let message = "error decoding YAML: the mock reads applied objects as JSON";
        return Err(Refusal::bad_request(message));
    }
    if call.size > MOST_BYTES {
        return Err(Refusal::new(500, "", "etcdserver: request is too large"));
    }
    let target = &call.target;
    let there = state
        .store
        .get(target.resource, target.namespace(), target.name())
        .cloned();
    match there {
        Some(live) => change(state, call, &live),
        None => create_applied(state, call),
    }
}

fn create_applied(state: &mut State, call: &Call) -> Result<Answer, Refusal> {
    let target = &call.target;
    // auth-ssa-patchonly-403: what is not there must be created.
    if !state.may("create", &target.right()) {
        return Err(Refusal::forbidden(&state.user, "create", target));
    }
    let mut body = call.body.clone();
    body["metadata"]["name"] = target.name().into();
    let object = create::new_object(state, target, &body)?;
    if call.is_dry_run() {
        return Ok(answer(201, &object));
    }
    Ok(answer(201, &create::store(state, call, object)))
}

fn change(state: &mut State, call: &Call, live: &Value) -> Result<Answer, Refusal> {
    let target = &call.target;
    let (resource, namespace, name) = (target.resource, target.namespace(), target.name());
    let manager = call.manager();
    let mut all = state.store.owners(resource, namespace, name);
    let differing = owners::differing(live, &call.body);
    take_over(&mut all, manager, &differing, call.query.is_on("force"))?;
    let fields = owners::fields(&call.body);
    let dropped = dropped(&all, manager, &fields);
    let mut object = live.clone();
    owners::prune(&mut object, &dropped);
    let mut body = call.body.clone();
    if let Some(metadata) = body["metadata"].as_object_mut() {
        metadata.retain(|field, _| field == "labels" || field == "annotations");
    }
    if let Some(all_fields) = body.as_object_mut() {
        all_fields.remove("status");
    }
    owners::merge(&mut object, &body);
    if resource == jobs() {
        job::check_change(live, &object)?;
    }
    if call.is_dry_run() {
        return Ok(answer(200, &object));
    }
    let stored = state.store.put(resource, object);
    all.insert(manager.to_owned(), fields);
    state.store.set_owners(resource, namespace, name, all);
    Ok(answer(200, &stored))
}

/// Fields that change become the manager's own; without force that is a conflict with those who set them.
fn take_over(
    all: &mut Owners,
    manager: &str,
    differing: &BTreeSet<String>,
    force: bool,
) -> Result<(), Refusal> {
    let mut conflicts = Vec::new();
    for (other, theirs) in all.iter_mut().filter(|(other, _)| *other != manager) {
        for field in differing {
            if force {
                theirs.remove(field);
            } else if theirs.contains(field) {
                conflicts.push((other.clone(), field.clone()));
            }
        }
    }
    if conflicts.is_empty() {
        return Ok(());
    }
    Err(Refusal::conflicts(&conflicts))
}

/// What the manager set before, does not set now, and nobody else sets.
fn dropped(all: &Owners, manager: &str, fields: &BTreeSet<String>) -> BTreeSet<String> {
    let Some(mine) = all.get(manager) else {
        return BTreeSet::new();
    };
    let others = || all.iter().filter(|(other, _)| *other != manager);
    mine.difference(fields)
        .filter(|field| !others().any(|(_, theirs)| theirs.contains(*field)))
        .cloned()
        .collect()
}
