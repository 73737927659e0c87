//! Deletion, and what goes with what is deleted.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::clock;
use crate::resource::Resource;
use crate::state::State;
use crate::store::text;

/// Pods that are being deleted, and when they are gone.
pub(crate) type Dying = BTreeMap<(String, String), Instant>;

/// What becomes of the pods of a deleted Job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Propagation {
    Orphan,
    Background,
    Foreground,
}

pub(crate) fn pods() -> Resource {
    Resource::find("pods").expect("pods are in the table of resources")
}

pub(crate) fn jobs() -> Resource {
    Resource::find("jobs").expect("jobs are in the table of resources")
}

/// Begins to delete a pod: what runs ends after the grace period, all else is gone at once. Gives the pod as it is then.
pub(crate) fn delete_pod(state: &mut State, namespace: &str, name: &str) -> Option<Value> {
    let mut pod = state.store.get(pods(), namespace, name)?.clone();
    let place = (namespace.to_owned(), name.to_owned());
    if state.dying.contains_key(&place) {
        return Some(pod);
    }
    pod["metadata"]["deletionTimestamp"] = clock::now().into();
    let seconds = pod["spec"]["terminationGracePeriodSeconds"].clone();
    pod["metadata"]["deletionGracePeriodSeconds"] = seconds;
    let pod = (*state.store.put(pods(), pod)).clone();
    let runs = pod["status"]["phase"] == "Running";
    let grace = if runs { state.grace } else { Duration::ZERO };
    state.dying.insert(place, Instant::now() + grace);
    Some(pod)
}

/// Deletes a Job by a policy. Gives the Job as it is answered, with the state of its deletion.
pub(crate) fn delete_job(
    state: &mut State,
    namespace: &str,
    name: &str,
    propagation: Propagation,
) -> Option<Value> {
    let mut job = state.store.get(jobs(), namespace, name)?.clone();
    let owned = pods_of(state, &job);
    job["metadata"]["deletionTimestamp"] = clock::now().into();
    job["metadata"]["deletionGracePeriodSeconds"] = json!(0);
    match propagation {
        Propagation::Orphan => {
            job["metadata"]["finalizers"] = json!(["orphan"]);
            let job = (*state.store.put(jobs(), job)).clone();
            orphan(state, namespace, &owned);
            state.store.remove(jobs(), namespace, name);
            Some(job)
        }
        Propagation::Background => {
            state.store.remove(jobs(), namespace, name);
            for pod in owned {
                delete_pod(state, namespace, &pod);
            }
            Some(job)
        }
        Propagation::Foreground => {
            job["metadata"]["finalizers"] = json!(["foregroundDeletion"]);
            let job = (*state.store.put(jobs(), job)).clone();
            for pod in owned {
                delete_pod(state, namespace, &pod);
            }
            Some(job)
        }
    }
}

fn orphan(state: &mut State, namespace: &str, names: &[String]) {
    for name in names {
        let Some(mut pod) = state.store.get(pods(), namespace, name).cloned() else {
            continue;
        };
        if let Some(metadata) = pod["metadata"].as_object_mut() {
            metadata.remove("ownerReferences");
        }
        state.store.put(pods(), pod);
    }
}

/// The names of the pods that a Job owns.
pub(crate) fn pods_of(state: &State, job: &Value) -> Vec<String> {
    let uid = &job["metadata"]["uid"];
    let namespace = text(job, "/metadata/namespace");
    let owned = state
        .store
        .list(pods(), Some(&namespace))
        .filter(|pod| pod["metadata"]["ownerReferences"][0]["uid"] == *uid);
    owned.map(|pod| text(pod, "/metadata/name")).collect()
}

/// Removes what has ended by now, and says when to look again.
pub(crate) fn sweep(state: &mut State, now: Instant) -> Option<Instant> {
    let due: Vec<(String, String)> = state
        .dying
        .iter()
        .filter(|(_, end)| **end <= now)
        .map(|(place, _)| place.clone())
        .collect();
    for (namespace, name) in due {
        state.dying.remove(&(namespace.clone(), name.clone()));
        remove_pod(state, &namespace, &name);
    }
    finish_foreground(state);
    state.dying.values().min().copied()
}

/// A pod and its log are gone.
pub(crate) fn remove_pod(state: &mut State, namespace: &str, name: &str) {
    state.store.remove(pods(), namespace, name);
    state.logs.remove(namespace, name);
}

/// Jobs that waited for their pods go after them.
fn finish_foreground(state: &mut State) {
    let waiting: Vec<Value> = state
        .store
        .list(jobs(), None)
        .filter(|job| job["metadata"]["finalizers"][0] == "foregroundDeletion")
        .map(|job| (**job).clone())
        .collect();
    for job in waiting {
        if pods_of(state, &job).is_empty() {
            let (namespace, name) = (
                text(&job, "/metadata/namespace"),
                text(&job, "/metadata/name"),
            );
            state.store.remove(jobs(), &namespace, &name);
        }
    }
}
