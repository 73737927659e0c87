//! Everything the mock knows, behind one lock.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use crate::controller::{Controller, Heard};
use crate::fault::{Fault, is};
use crate::gc::Dying;
use crate::logs::Logs;
use crate::request::Recorded;
use crate::store::Store;

/// Makes the process that an exec runs.
pub(crate) type OnExec = Arc<dyn Fn(&[String]) -> Command + Send + Sync>;

pub(crate) struct State {
    pub(crate) store: Store,
    pub(crate) logs: Logs,
    pub(crate) requests: Vec<Recorded>,
    pub(crate) faults: Vec<Fault>,
    /// The only token that counts, if there is one.
    pub(crate) token: Option<String>,
    pub(crate) user: String,
    /// `(verb, resource)` that the user may not.
    pub(crate) forbidden: BTreeSet<(String, String)>,
    /// How long a pod takes to end once it is deleted.
    pub(crate) grace: Duration,
    pub(crate) bookmark_every: Duration,
    pub(crate) on_exec: Option<OnExec>,
    /// After how many bytes of stdout the next execs are cut.
    pub(crate) exec_cuts: VecDeque<usize>,
    pub(crate) dying: Dying,
    pub(crate) controller: Option<Controller>,
    /// Where processes of pods tell what they do.
    pub(crate) hear: mpsc::UnboundedSender<Heard>,
    pub(crate) open_watches: BTreeMap<&'static str, usize>,
}

impl State {
    pub(crate) fn may(&self, verb: &str, resource: &str) -> bool {
        let pair = |(v, r): &(String, String)| is(v, verb) && is(r, resource);
        !self.forbidden.iter().any(pair)
    }
}

/// The state, and how those who wait for a change learn of it.
pub(crate) struct Shared {
    state: Mutex<State>,
    changed: watch::Sender<u64>,
    /// Rises when all connections are to be closed.
    epoch: watch::Sender<u64>,
}

impl Shared {
    pub(crate) fn new(state: State) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(state),
            changed: watch::Sender::new(0),
            epoch: watch::Sender::new(0),
        })
    }

    /// Looks.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.lock())
    }

    /// Changes the state; who waits is woken if objects or logs changed.
    pub(crate) fn edit<T>(&self, edit: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.lock();
        let before = stamp(&state);
        let result = edit(&mut state);
        let changed = stamp(&state) != before;
        drop(state);
        if changed {
            self.changed.send_modify(|count| *count += 1);
        }
        result
    }

    /// Wakes all who wait.
    pub(crate) fn wake(&self) {
        self.changed.send_modify(|count| *count += 1);
    }

    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    pub(crate) fn cut(&self) {
        self.epoch.send_modify(|count| *count += 1);
    }

    /// Resolves when all connections are to be closed.
    pub(crate) fn cuts(&self) -> watch::Receiver<u64> {
        self.epoch.subscribe()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A test that panics inside of a closure must not hide its own message behind this lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn stamp(state: &State) -> (u64, u64) {
    (state.store.version(), state.logs.written())
}
