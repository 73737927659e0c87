//! Create.

use serde_json::{Value, json};

use super::Call;
use crate::answer::{Answer, json as answer};
use crate::clock;
use crate::gc::jobs;
use crate::job;
use crate::owners;
use crate::resource::{Resource, Target};
use crate::state::State;
use crate::status::Refusal;
use crate::store::text;

pub(super) fn create(state: &mut State, call: &Call) -> Result<Answer, Refusal> {
    if !call.body.is_object() {
        return Err(not_an_object(call));
    }
    let object = new_object(state, &call.target, &call.body)?;
    if call.is_dry_run() {
        return Ok(answer(201, &object));
    }
    let created = store(state, call, object);
    Ok(answer(201, &created))
}

/// Stores a new object; what its request set belongs to the manager.
pub(super) fn store(state: &mut State, call: &Call, object: Value) -> Value {
    let target = &call.target;
    let name = text(&object, "/metadata/name");
    let created = state.store.put(target.resource, object);
    let owners = [(call.manager().to_owned(), owners::fields(&call.body))];
    state
        .store
        .set_owners(target.resource, target.namespace(), &name, owners.into());
    (*created).clone()
}

/// What would be stored for a body: with its name, its namespace, its defaults.
pub(super) fn new_object(
    state: &mut State,
    target: &Target,
    body: &Value,
) -> Result<Value, Refusal> {
    let resource = target.resource;
    let mut object = body.clone();
    resource.mark(&mut object);
    check_namespace(state, target, body)?;
    let metadata = &mut object["metadata"];
    if metadata["name"].is_null()
        && let Some(prefix) = metadata["generateName"].as_str()
    {
        metadata["name"] = format!("{prefix}{}", state.store.draw_suffix()).into();
    }
    if let Some(namespace) = &target.namespace {
        metadata["namespace"] = namespace.as_str().into();
    }
    metadata["creationTimestamp"] = clock::now().into();
    let name = text(&object, "/metadata/name");
    if let Some(there) = state.store.get(resource, target.namespace(), &name) {
        let deleting = !there["metadata"]["deletionTimestamp"].is_null();
        return Err(Refusal::already_exists(resource, &name, deleting));
    }
    if resource == jobs() {
        job::check_new(&object)?;
        let uid = state.store.draw_uid();
        job::complete(&mut object, &uid);
    }
    if resource.plural == "pods" && object["status"].is_null() {
        object["status"] = json!({"phase": "Pending"});
    }
    Ok(object)
}

fn check_namespace(state: &State, target: &Target, body: &Value) -> Result<(), Refusal> {
    let Some(namespace) = &target.namespace else {
        return Ok(());
    };
    let namespaces =
        Resource::find("namespaces").expect("namespaces are in the table of resources");
    let Some(there) = state.store.get(namespaces, "", namespace) else {
        return Err(Refusal::not_found(namespaces, namespace));
    };
    if !there["metadata"]["deletionTimestamp"].is_null() {
        // create-in-terminating-namespace-403
        let name = text(body, "/metadata/name");
        let message = format!(
            "{} \"{name}\" is forbidden: unable to create new content in namespace {namespace} because it is being terminated",
            target.resource.qualified()
        );
        return Err(Refusal::new(403, "Forbidden", message));
    }
    match body["metadata"]["namespace"].as_str() {
        // namespace-mismatch-400
        Some(other) if other != namespace => Err(Refusal::bad_request(format!(
            "the namespace of the provided object does not match the namespace sent on the request, {other} != {namespace}"
        ))),
        _ => Ok(()),
    }
}

/// bad-json-400
fn not_an_object(call: &Call) -> Refusal {
    let kind = call.target.resource.kind;
    Refusal::bad_request(format!(
        "the object provided is unrecognized (must be of type {kind}): couldn't get version/kind; json parse error"
    ))
}
