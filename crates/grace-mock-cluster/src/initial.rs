//! How a cluster begins.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use serde_json::json;
use tokio::sync::mpsc;

use crate::cluster::NAMESPACE;
use crate::controller::Heard;
use crate::logs::Logs;
use crate::resource::Resource;
use crate::state::State;
use crate::store::Store;

/// A cluster with two namespaces and nothing in them.
pub(crate) fn new_state(hear: mpsc::UnboundedSender<Heard>) -> State {
    let mut store = Store::new();
    for namespace in ["default", NAMESPACE] {
        ensure_namespace(&mut store, namespace);
    }
    State {
        store,
        logs: Logs::default(),
        requests: Vec::new(),
        faults: Vec::new(),
        token: None,
        user: "launcher".to_owned(),
        forbidden: BTreeSet::new(),
        grace: Duration::from_millis(20),
        bookmark_every: Duration::from_mins(1),
        on_exec: None,
        exec_cuts: VecDeque::new(),
        dying: BTreeMap::new(),
        controller: None,
        hear,
        open_watches: BTreeMap::new(),
    }
}

/// Makes a namespace unless it is there.
pub(crate) fn ensure_namespace(store: &mut Store, name: &str) {
    let namespaces =
        Resource::find("namespaces").expect("namespaces are in the table of resources");
    if store.get(namespaces, "", name).is_none() {
        let object = json!({
            "metadata": {"name": name, "labels": {"kubernetes.io/metadata.name": name}},
            "spec": {"finalizers": ["kubernetes"]},
            "status": {"phase": "Active"},
        });
        store.put(namespaces, object);
    }
}
