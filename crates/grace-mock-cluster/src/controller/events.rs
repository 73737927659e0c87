//! Events of the Job controller.

use serde_json::{Value, json};

use crate::clock;
use crate::resource::Resource;
use crate::state::State;
use crate::store::text;

/// Writes an event about an object, or counts it if the same was said of it before.
pub(crate) fn tell(state: &mut State, about: &Value, kind: &str, reason: &str, message: &str) {
    let events = Resource::find("events").expect("events are in the table of resources");
    let (namespace, name) = (
        text(about, "/metadata/namespace"),
        text(about, "/metadata/name"),
    );
    let same = |event: &Value| {
        event["involvedObject"]["uid"] == about["metadata"]["uid"]
            && event["reason"] == reason
            && event["message"] == message
    };
    let now = clock::now();
    let there = state
        .store
        .list(events, Some(&namespace))
        .find(|event| same(event));
    if let Some(there) = there {
        let mut event = (**there).clone();
        event["count"] = json!(event["count"].as_u64().unwrap_or(1) + 1);
        event["lastTimestamp"] = now.into();
        state.store.put(events, event);
        return;
    }
    let event = json!({
        "metadata": {
            "name": format!("{name}.{:016x}", state.store.version()),
            "namespace": namespace,
        },
        "involvedObject": {
            "kind": about["kind"],
            "namespace": namespace,
            "name": name,
            "uid": about["metadata"]["uid"],
            "apiVersion": about["apiVersion"],
            "resourceVersion": about["metadata"]["resourceVersion"],
        },
        "reason": reason,
        "message": message,
        "source": {"component": "job-controller"},
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
        "type": kind,
        "eventTime": null,
        "reportingComponent": "job-controller",
        "reportingInstance": "",
    });
    state.store.put(events, event);
}
