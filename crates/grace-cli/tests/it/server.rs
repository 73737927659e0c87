//! A simulated server with a runtime of its own, for tests that are not asynchronous.

use std::time::Duration;

use grace_sim::{Counts, Faults, Life, Request, Sim, SimConfig, Startup};
use tokio::runtime::Runtime;

/// The model that servers of these tests serve.
pub(crate) const MODEL: &str = "lab/tiny";

/// What all probes ask.
const PROBE_PROMPT: &str = "list of random words";

/// A server on a free port of 127.0.0.1.
pub(crate) struct Server {
    sim: Sim,
    runtime: Runtime,
}

/// The usual configuration.
pub(crate) fn tiny() -> SimConfig {
    SimConfig::new(MODEL)
}

impl Server {
    pub(crate) fn start(config: SimConfig) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let sim = runtime.block_on(Sim::start(config)).unwrap();
        Self { sim, runtime }
    }

    /// A server that begins by refusing connections: its port is closed when this returns.
    ///
    /// Before that, a process started at the wrong moment would inherit the open port for an instant, and the
    /// server could not take it again.
    pub(crate) fn refusing_for(time: Duration) -> Self {
        let server = Self::start(tiny().with_startup(Startup::Refusing(time)));
        server.set_life(Life::Gone);
        server
    }

    /// A server that answers at once and has no faults.
    pub(crate) fn plain() -> Self {
        Self::start(tiny())
    }

    pub(crate) fn url(&self) -> String {
        self.sim.base_url()
    }

    pub(crate) fn counts(&self) -> Counts {
        self.sim.counts()
    }

    pub(crate) fn set_faults(&self, faults: Faults) {
        self.sim.set_faults(faults);
    }

    pub(crate) fn set_life(&self, life: Life) {
        self.runtime.block_on(self.sim.set_life(life));
    }

    /// The completion requests in the log, those of probes left out.
    pub(crate) fn asked(&self) -> Vec<Request> {
        let mut requests = self.sim.requests();
        requests.retain(|request| {
            request.path.ends_with("completions") && !request.text().contains(PROBE_PROMPT)
        });
        requests
    }
}
