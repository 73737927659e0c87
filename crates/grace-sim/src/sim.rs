//! A server with a handle, for tests.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::config::SimConfig;
use crate::faults::Faults;
use crate::flaws::ScoringFault;
use crate::model::ToyModel;
use crate::record::{Counts, Request};
use crate::server::{Life, Shared, run};

/// A running simulated server on a port of its own.
///
/// Dropping it ends the server at once.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// use grace_sim::{Faults, Sim, SimConfig};
///
/// let sim = Sim::start(SimConfig::new("sim").with_faults(Faults::status(503).times(2))).await?;
/// assert!(sim.base_url().ends_with("/v1"));
/// // … let a client talk to `sim.base_url()` …
/// assert_eq!(sim.counts().generations, 0);
/// sim.stop().await
/// # }
/// ```
#[derive(Debug)]
pub struct Sim {
    address: SocketAddr,
    server: Arc<Shared>,
    task: Option<JoinHandle<io::Result<()>>>,
    shutdown: Option<oneshot::Sender<()>>,
}

impl Sim {
    /// Starts a server on a free port of 127.0.0.1, inside the current tokio runtime.
    ///
    /// # Errors
    ///
    /// Fails if no port can be had.
    pub async fn start(config: SimConfig) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let server = Arc::new(Shared::new(config));
        let (shutdown, stopped) = oneshot::channel();
        let task = tokio::spawn(run(listener, Arc::clone(&server), async {
            // A handle that was dropped has aborted this task already.
            let _ = stopped.await;
        }));
        Ok(Self {
            address,
            server,
            task: Some(task),
            shutdown: Some(shutdown),
        })
    }

    /// The address for OpenAI clients, such as `http://127.0.0.1:40123/v1`.
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// The address without `/v1`, where `/health` and `/version` are.
    pub fn root_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The socket address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The requests that have arrived, in order of arrival, as far as
    /// [`SimConfig::with_request_log`] keeps them.
    pub fn requests(&self) -> Vec<Request> {
        self.server.record.requests()
    }

    /// Totals since the start.
    pub fn counts(&self) -> Counts {
        self.server.record.counts()
    }

    /// Replaces what goes wrong from now on; scripts start anew.
    pub fn set_faults(&self, faults: Faults) {
        self.server.faults.replace(faults);
    }

    /// The model that this server scores with, for comparison with what it says.
    pub fn toy_model(&self) -> &ToyModel {
        &self.server.toy_model
    }

    /// Replaces what is wrong with log-probabilities from now on.
    pub fn set_scoring_fault(&self, fault: Option<ScoringFault>) {
        self.server.flaws.replace(fault);
    }

    /// Brings the server into another state; returns when its port has followed.
    pub async fn set_life(&self, life: Life) {
        self.server.change_life(life).await;
    }

    /// Closes the port and cuts all connections: the server is gone, until [`Sim::resume`].
    pub async fn pause(&self) {
        self.set_life(Life::Gone).await;
    }

    /// Opens the same port again, and answers.
    pub async fn resume(&self) {
        self.set_life(Life::Ready).await;
    }

    /// From now on takes connections and requests and never answers, until [`Sim::resume`].
    /// Requests in flight get no answer either, until then.
    pub async fn stop_silently(&self) {
        self.set_life(Life::Silent).await;
    }

    /// Ends the server: port closed, connections cut, task over.
    ///
    /// # Errors
    ///
    /// Passes on what [`serve`](crate::serve) would have returned.
    pub async fn stop(mut self) -> io::Result<()> {
        if let Some(shutdown) = self.shutdown.take() {
            // An error means that the server has ended by itself; its result says why.
            let _ = shutdown.send(());
        }
        match self.task.take() {
            Some(task) => task
                .await
                .unwrap_or_else(|error| Err(io::Error::other(error))),
            None => Ok(()),
        }
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}
