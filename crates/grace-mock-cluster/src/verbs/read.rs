//! Get and list.

use serde_json::{Value, json};

use super::Call;
use crate::answer::{Answer, json as answer};
use crate::selector::Selector;
use crate::state::State;
use crate::status::Refusal;

pub(super) fn get(state: &State, call: &Call) -> Result<Answer, Refusal> {
    let target = &call.target;
    let found = state
        .store
        .get(target.resource, target.namespace(), target.name());
    match found {
        Some(object) => Ok(answer(200, object)),
        None => Err(Refusal::not_found(target.resource, target.name())),
    }
}

pub(super) fn list(state: &State, call: &Call) -> Result<Answer, Refusal> {
    let target = &call.target;
    check_version(state, call)?;
    let selector = Selector::of(&call.query, target.resource)?;
    let items: Vec<Value> = state
        .store
        .list(target.resource, target.namespace.as_deref())
        .filter(|object| selector.matches(object))
        .map(|object| without_kind(object))
        .collect();
    let list = json!({
        "kind": format!("{}List", target.resource.kind),
        "apiVersion": target.resource.api_version(),
        "metadata": {"resourceVersion": state.store.version().to_string()},
        "items": items,
    });
    Ok(answer(200, &list))
}

/// Items of a list are of its kind and do not say so.
fn without_kind(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(fields) = object.as_object_mut() {
        fields.remove("kind");
        fields.remove("apiVersion");
    }
    object
}

/// list-future-rv
fn check_version(state: &State, call: &Call) -> Result<(), Refusal> {
    let asked = call
        .query
        .get("resourceVersion")
        .and_then(|text| text.parse::<u64>().ok());
    let current = state.store.version();
    let Some(asked) = asked.filter(|asked| *asked > current) else {
        return Ok(());
    };
    let message = format!("Timeout: Too large resource version: {asked}, current: {current}");
    let mut refusal = Refusal::new(504, "Timeout", message);
    refusal.body["details"] = json!({
        "causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}],
        "retryAfterSeconds": 1,
    });
    refusal.retry_after = Some(1);
    Err(refusal)
}
