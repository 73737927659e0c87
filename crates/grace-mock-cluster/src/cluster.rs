//! The handle that tests hold.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;

use crate::controller::{Controller, Workload};
use crate::gc;
use crate::https::{Https, certificate, forward};
use crate::initial::{ensure_namespace, new_state};
use crate::request::Recorded;
use crate::resource::Resource;
use crate::server::{Order, accept, keep};
use crate::state::Shared;

/// The namespace that is there from the start, and that kubeconfigs name.
pub const NAMESPACE: &str = "lemn-lab";

/// A Kubernetes API on a port of the loopback device, for as long as this value lives.
///
/// It has threads of its own: a test may block while a program talks to it. All methods may be called while requests
/// run. Where a namespace is asked for, kinds of the cluster take an empty one.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use grace_mock_cluster::{MockCluster, NAMESPACE, recorded_object};
///
/// let cluster = MockCluster::start().await;
/// cluster.put("jobs", recorded_object("job-suspended"));
/// assert_eq!(cluster.list("jobs", NAMESPACE).len(), 1);
/// # Ok(())
/// # }
/// ```
pub struct MockCluster {
    address: SocketAddr,
    pub(crate) shared: Arc<Shared>,
    pub(crate) orders: mpsc::UnboundedSender<Order>,
    runtime: Option<Runtime>,
}

/// A free port of the loopback device.
fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port on the loopback device");
    listener
        .set_nonblocking(true)
        .expect("a listener can be non-blocking");
    let address = listener
        .local_addr()
        .expect("a bound listener has an address");
    (listener, address)
}

impl std::fmt::Debug for MockCluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MockCluster")
            .field("address", &self.address)
            .finish()
    }
}

impl MockCluster {
    /// Starts a cluster on a free port.
    ///
    /// # Panics
    ///
    /// If the machine has no port or no thread for it.
    pub async fn start() -> Self {
        std::future::ready(Self::start_blocking()).await
    }

    /// [`start`](Self::start), for tests that are not asynchronous.
    ///
    /// # Panics
    ///
    /// As [`start`](Self::start).
    pub fn start_blocking() -> Self {
        let (listener, address) = listen();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("mock-cluster")
            .enable_all()
            .build()
            .expect("threads for the mock");
        let (hear, heard) = mpsc::unbounded_channel();
        let shared = Shared::new(new_state(hear));
        let (orders, received) = mpsc::unbounded_channel();
        runtime.spawn(accept(listener, address, Arc::clone(&shared), received));
        runtime.spawn(keep(Arc::clone(&shared), heard));
        Self {
            address,
            shared,
            orders,
            runtime: Some(runtime),
        }
    }

    /// Where the API is: `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Opens a second port at which the same API is reached over TLS.
    ///
    /// # Panics
    ///
    /// If the machine has no port for it.
    pub fn https(&self) -> Https {
        let (authority, config) = certificate();
        let (listener, address) = listen();
        let runtime = self.runtime.as_ref().expect("threads until the end");
        let to = self.address;
        runtime.spawn(async move {
            if let Ok(listener) = tokio::net::TcpListener::from_std(listener) {
                forward(listener, config, to).await;
            }
        });
        Https { address, authority }
    }

    /// Writes `kubeconfig` into a folder, with one context (`mock`, namespace [`NAMESPACE`]) and a bearer token, and gives
    /// its path. Whether the token counts is said by [`set_token`](Self::set_token).
    ///
    /// # Panics
    ///
    /// If the file cannot be written.
    pub fn kubeconfig(&self, folder: &Path, token: &str) -> PathBuf {
        let path = folder.join("kubeconfig");
        let config = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "mock",
            "clusters": [{"name": "mock", "cluster": {"server": self.url()}}],
            "users": [{"name": "launcher", "user": {"token": token}}],
            "contexts": [{
                "name": "mock",
                "context": {"cluster": "mock", "user": "launcher", "namespace": NAMESPACE},
            }],
        });
        std::fs::write(&path, config.to_string())
            .unwrap_or_else(|error| panic!("cannot write {}: {error}", path.display()));
        path
    }

    /// Creates an object or replaces it, without what the API makes of a Job; gives it as stored. An object without a
    /// namespace goes into [`NAMESPACE`]; a namespace that is not there is made.
    ///
    /// # Panics
    ///
    /// If the kind is not known or the object has no name.
    pub fn put(&self, resource: &str, mut object: Value) -> Value {
        let resource = known(resource);
        let name = &object["metadata"]["name"];
        assert!(
            name.is_string(),
            "put: the object has no metadata.name: {object}"
        );
        if resource.namespaced && object["metadata"]["namespace"].is_null() {
            object["metadata"]["namespace"] = NAMESPACE.into();
        }
        self.shared.edit(|state| {
            if let (true, Some(namespace)) = (
                resource.namespaced,
                object["metadata"]["namespace"].as_str(),
            ) {
                ensure_namespace(&mut state.store, namespace);
            }
            (*state.store.put(resource, object)).clone()
        })
    }

    /// Changes an object that is there; gives it as stored.
    ///
    /// # Panics
    ///
    /// If the kind is not known or there is no such object.
    pub fn modify(
        &self,
        resource: &str,
        namespace: &str,
        name: &str,
        change: impl FnOnce(&mut Value),
    ) -> Value {
        let resource = known(resource);
        self.shared.edit(|state| {
            let object = state.store.get(resource, namespace, name).cloned();
            let mut object = object
                .unwrap_or_else(|| panic!("modify: no {} {namespace}/{name}", resource.plural));
            change(&mut object);
            (*state.store.put(resource, object)).clone()
        })
    }

    /// Removes an object at once, without grace and without what belongs to it; whether it was there.
    ///
    /// # Panics
    ///
    /// If the kind is not known.
    pub fn remove(&self, resource: &str, namespace: &str, name: &str) -> bool {
        let resource = known(resource);
        self.shared.edit(|state| {
            if resource == gc::pods() {
                state.logs.remove(namespace, name);
            }
            state.store.remove(resource, namespace, name).is_some()
        })
    }

    /// An object as it is now.
    ///
    /// # Panics
    ///
    /// If the kind is not known.
    pub fn get(&self, resource: &str, namespace: &str, name: &str) -> Option<Value> {
        let resource = known(resource);
        self.shared
            .look(|state| state.store.get(resource, namespace, name).cloned())
    }

    /// All objects of a kind in a namespace, in the order of their names.
    ///
    /// # Panics
    ///
    /// If the kind is not known.
    pub fn list(&self, resource: &str, namespace: &str) -> Vec<Value> {
        let resource = known(resource);
        self.shared.look(|state| {
            let all = state.store.list(resource, Some(namespace));
            all.map(|object| (**object).clone()).collect()
        })
    }

    /// Deletes a pod as the API does, with its grace period: what `kubectl delete pod` does. Whether it was there.
    pub fn delete_pod(&self, namespace: &str, name: &str) -> bool {
        self.shared
            .edit(|state| gc::delete_pod(state, namespace, name))
            .is_some()
    }

    /// Evicts a pod: condition `DisruptionTarget`, then as [`delete_pod`](Self::delete_pod). Whether it was there.
    pub fn evict_pod(&self, namespace: &str, name: &str) -> bool {
        self.shared
            .edit(|state| crate::verbs::delete::evict_pod(state, namespace, name))
    }

    /// Runs Jobs from now on; called again, pods to come go the new way.
    pub fn controller(&self, workload: Workload) {
        self.shared.edit(|state| match &mut state.controller {
            Some(controller) => controller.set_workload(workload),
            none => *none = Some(Controller::new(workload)),
        });
        // No object changed, but there is something to do.
        self.shared.wake();
    }

    /// Appends lines to the log of a pod, whether the pod is there or not yet.
    pub fn append_log(&self, namespace: &str, pod: &str, lines: impl AsRef<[u8]>) {
        self.shared
            .edit(|state| state.logs.append(namespace, pod, lines.as_ref()));
    }

    /// All requests so far, in the order of their arrival.
    pub fn requests(&self) -> Vec<Recorded> {
        self.shared.look(|state| state.requests.clone())
    }

    /// The requests so far with this verb for this resource (`jobs`, `pods/log`).
    pub fn requests_for(&self, verb: &str, resource: &str) -> Vec<Recorded> {
        let mut all = self.requests();
        all.retain(|one| one.verb == verb && one.resource == resource);
        all
    }

    /// How many watches of a kind are open.
    pub fn open_watches(&self, resource: &str) -> usize {
        self.shared
            .look(|state| state.open_watches.get(resource).copied().unwrap_or(0))
    }

    /// From now on only this token counts; others get 401, none gets 403. Without one everybody is let in.
    pub fn set_token(&self, token: Option<&str>) {
        self.shared
            .edit(|state| state.token = token.map(str::to_owned));
    }

    /// Takes the right to a verb (or `*`) on a resource (`jobs`, `pods/log`, or `*`) away.
    pub fn forbid(&self, verb: &str, resource: &str) {
        let pair = (verb.to_owned(), resource.to_owned());
        self.shared.edit(|state| state.forbidden.insert(pair));
    }

    /// Gives back what [`forbid`](Self::forbid) took, in the same words.
    pub fn allow(&self, verb: &str, resource: &str) {
        let pair = (verb.to_owned(), resource.to_owned());
        self.shared.edit(|state| state.forbidden.remove(&pair));
    }

    /// How long a running pod takes to end once it is deleted; 20 ms unless set.
    pub fn set_grace(&self, grace: Duration) {
        self.shared.edit(|state| state.grace = grace);
    }

    /// How often watches that asked for bookmarks get one; a minute unless set. Watches that are open keep their pace.
    pub fn set_bookmarks(&self, every: Duration) {
        self.shared.edit(|state| state.bookmark_every = every);
    }

    /// Says which process an exec runs, from the arguments that were asked for.
    pub fn on_exec(&self, make: impl Fn(&[String]) -> Command + Send + Sync + 'static) {
        self.shared
            .edit(|state| state.on_exec = Some(Arc::new(make)));
    }
}

impl Drop for MockCluster {
    fn drop(&mut self) {
        self.shared.cut();
        if let Some(runtime) = self.runtime.take() {
            // Waiting for its threads is not allowed in an asynchronous test.
            runtime.shutdown_background();
        }
    }
}

fn known(resource: &str) -> Resource {
    Resource::find(resource).unwrap_or_else(|| panic!("the mock knows no resource {resource}"))
}
