//! Pods without a Job, such as a reader of results: they start, and run until they are deleted.

use std::collections::BTreeMap;
use std::time::Instant;

use serde_json::Value;

use super::pods;
use super::workload::Workload;
use crate::gc::pods as pods_resource;
use crate::state::State;
use crate::store::text;

/// When those that were seen start.
#[derive(Debug, Default)]
pub(crate) struct Bare {
    starts: BTreeMap<String, Instant>,
}

impl Bare {
    pub(crate) fn step(
        &mut self,
        state: &mut State,
        workload: &Workload,
        now: Instant,
    ) -> Option<Instant> {
        let all = state.store.list(pods_resource(), None);
        let pending: Vec<Value> = all
            .filter(|pod| is_ours(pod))
            .map(|pod| (**pod).clone())
            .collect();
        let mut next = None;
        for mut pod in pending {
            let uid = text(&pod, "/metadata/uid");
            if pod["status"]["conditions"].is_null() {
                let outcome = workload.bare.clone();
                pods::begin(&mut pod, &outcome);
                state.store.put(pods_resource(), pod);
                if outcome.stuck.is_none() {
                    self.starts.insert(uid, now + workload.start);
                }
                continue;
            }
            match self.starts.get(&uid) {
                Some(starts) if *starts <= now => {
                    self.starts.remove(&uid);
                    pods::run(&mut pod);
                    state.store.put(pods_resource(), pod);
                }
                Some(starts) => next = next.into_iter().chain([*starts]).min(),
                None => {}
            }
        }
        next
    }
}

fn is_ours(pod: &Value) -> bool {
    pod["metadata"]["ownerReferences"].is_null()
        && pod["metadata"]["deletionTimestamp"].is_null()
        && pod["status"]["phase"] == "Pending"
}
