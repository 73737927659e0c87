//! Merge patch and update.

use serde_json::{Map, Value};

use super::Call;
use crate::answer::{Answer, json as answer};
use crate::gc::jobs;
use crate::job;
use crate::owners;
use crate::state::State;
use crate::status::Refusal;

/// A JSON merge patch (RFC 7386); strategic merge patches are taken for such.
pub(super) fn merge_patch(state: &mut State, call: &Call) -> Result<Answer, Refusal> {
    if !call.content_type.contains("merge-patch") {
        let message = format!(
            "the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml; the mock does not know {}",
            call.content_type
        );
        return Err(Refusal::new(415, "UnsupportedMediaType", message));
    }
    let live = live(state, call)?;
    let mut object = live.clone();
    merge(&mut object, &call.body);
    write(state, call, &live, object)
}

pub(super) fn update(state: &mut State, call: &Call) -> Result<Answer, Refusal> {
    let live = live(state, call)?;
    write(state, call, &live, call.body.clone())
}

fn live(state: &State, call: &Call) -> Result<Value, Refusal> {
    let target = &call.target;
    let live = state
        .store
        .get(target.resource, target.namespace(), target.name());
    live.cloned()
        .ok_or_else(|| Refusal::not_found(target.resource, target.name()))
}

fn write(state: &mut State, call: &Call, live: &Value, object: Value) -> Result<Answer, Refusal> {
    let target = &call.target;
    let (resource, namespace, name) = (target.resource, target.namespace(), target.name());
    let version = &call.body["metadata"]["resourceVersion"];
    if !version.is_null() && *version != live["metadata"]["resourceVersion"] {
        return Err(Refusal::stale(resource, name));
    }
    if resource == jobs() {
        job::check_change(live, &object)?;
    }
    if call.is_dry_run() {
        return Ok(answer(200, &object));
    }
    let changed = owners::differing(live, &call.body);
    let stored = state.store.put(resource, object);
    let mut all = state.store.owners(resource, namespace, name);
    for theirs in all.values_mut() {
        theirs.retain(|field| !changed.contains(field));
    }
    let mine = all.entry(call.manager().to_owned()).or_default();
    mine.extend(changed);
    state.store.set_owners(resource, namespace, name, all);
    Ok(answer(200, &stored))
}

fn merge(live: &mut Value, patch: &Value) {
    let Some(fields) = patch.as_object() else {
        *live = patch.clone();
        return;
    };
    if !live.is_object() {
        *live = Value::Object(Map::new());
    }
    for (name, value) in fields {
        if value.is_null() {
            if let Some(object) = live.as_object_mut() {
                object.remove(name);
            }
        } else {
            merge(&mut live[name.as_str()], value);
        }
    }
}
