//! Results from a volume of the cluster to a local folder, and what is left on that volume.
//!
//! A small pod of grace's own image mounts the volume read-only. It lists what is there, sends what is missing here as a tar
//! stream, and is deleted whatever happens. A replication is whole here once its manifest is, which comes last.

mod compare;
mod error;
mod listing;
mod local;
mod outcome;
mod reader;
mod receive;
mod space;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use grace_core::ModelKey;
use grace_core::export::{FilePath, PathError};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::connect::Cluster;
use crate::state::Obstacle;
use compare::{Known, Wanted, files, missing, open_up};
pub use error::CollectError;
use listing::{Listing, heard};
use local::Lock;
pub use outcome::{Collected, Collection, Outcome};
pub use reader::ReaderPod;
use reader::{Reader, sweep};
use receive::{Fault, Received, Taker};
pub use space::{Space, space_by_reader, space_in_running_pod};

/// Pieces of the stream that wait to be written.
const PIECES: usize = 16;

/// What is to be collected, and by which pod.
#[derive(Debug, Clone)]
pub struct Order {
    /// The pod.
    pub reader: ReaderPod,
    /// Only these models; none: all.
    pub models: Vec<ModelKey>,
    /// The local folder.
    pub out: PathBuf,
    /// Whether local files that differ may be replaced.
    pub replace: bool,
    /// How often a cut connection is made anew without any file having come in between.
    pub retries: u32,
    /// The wait before the first of these; doubled for each further one, up to 30 s.
    pub pause: Duration,
}

/// Hears what happens; from any thread.
pub trait Monitor: Send + Sync {
    /// The pod was made.
    fn reader(&self, _pod: &str) {}
    /// The pod does not run yet.
    fn waiting(&self, _obstacle: &Obstacle) {}
    /// So many files of so many bytes are to come.
    fn begin(&self, _files: u64, _bytes: u64) {}
    /// Bytes came.
    fn received(&self, _bytes: u64) {}
    /// A file is here and right.
    fn file(&self, _path: &FilePath, _bytes: u64) {}
    /// It did not work, and is tried again after a pause.
    fn again(&self, _error: &CollectError, _pause: Duration) {}
    /// The pod could not be deleted; it ends by itself later.
    fn left(&self, _pod: &str, _error: &crate::ClusterError) {}
}

/// Brings all sealed replications to the local folder that are not there yet.
///
/// Cancelling `stop` ends it soon; the pod is deleted then, too.
///
/// # Errors
///
/// Returns an error if the cluster, the pod or the local folder is in the way. What came until then stays, and is not sent
/// again. A file that is not what was sealed is no error but part of the outcome.
pub async fn collect(
    cluster: &Cluster,
    order: &Order,
    monitor: Arc<dyn Monitor>,
    stop: &CancellationToken,
) -> Result<Collected, CollectError> {
    let _lock = Lock::acquire(&order.out)?;
    let mut session = Session {
        order,
        reader: Reader::new(cluster, &order.reader),
        known: Known::default(),
        monitor: Arc::clone(&monitor),
        taking: None,
    };
    let result = tokio::select! {
        biased;
        () = stop.cancelled() => Err(CollectError::Stopped),
        result = session.rounds(cluster) => result,
    };
    if let Some(taking) = session.taking.take() {
        // Its stream has ended; it removes what it has begun.
        let _ = taking.await;
    }
    session.reader.dismiss(&*monitor).await;
    result
}

struct Session<'a> {
    order: &'a Order,
    reader: Reader<'a>,
    known: Known,
    monitor: Arc<dyn Monitor>,
    /// The thread that writes files.
    taking: Option<JoinHandle<Received>>,
}

impl Session<'_> {
    /// Rounds of listing and sending, until nothing is missing.
    async fn rounds(&mut self, cluster: &Cluster) -> Result<Collected, CollectError> {
        sweep(cluster).await;
        let (mut failures, mut here) = (0, 0);
        loop {
            let result = match self.round().await {
                // A stream that ends well without what was asked for.
                Ok(None) if self.known.is_as_before(here) => {
                    let what = String::from(
                        "its stream ended without any of the files that were asked for",
                    );
                    Err(self.misunderstood(what))
                }
                result => result,
            };
            match result {
                Ok(Some(listing)) => return Ok(Collected::of(&listing, &self.known)),
                Ok(None) => (failures, here) = (0, self.known.count()),
                Err(error) => {
                    if !self.known.is_as_before(here) {
                        (failures, here) = (0, self.known.count());
                    }
                    if !is_worth_another_try(&error) || failures >= self.order.retries {
                        return Err(error);
                    }
                    let pause = self.order.pause * 2_u32.saturating_pow(failures);
                    let pause = pause.min(Duration::from_secs(30));
                    failures += 1;
                    self.monitor.again(&error, pause);
                    tokio::time::sleep(pause).await;
                }
            }
        }
    }

    /// One listing, and the sending of what is missing; the list once nothing is.
    async fn round(&mut self) -> Result<Option<Listing>, CollectError> {
        self.reader.ensure(&*self.monitor).await?;
        let listing = self.list().await?;
        let wanted = self.compare(&listing).await?;
        if wanted.is_empty() {
            return Ok(Some(listing));
        }
        let bytes = wanted.iter().map(|it| it.bytes).sum();
        self.monitor.begin(wanted.len() as u64, bytes);
        self.transfer(wanted).await?;
        Ok(None)
    }

    async fn list(&self) -> Result<Listing, CollectError> {
        let models = self.order.models.iter();
        let args: Vec<String> = models.map(|key| format!("--model={key}")).collect();
        let exec = self.reader.run("list", &args, None).await?;
        heard(self.reader.name(), exec).await
    }

    /// Reads what is here; between replications it may be stopped.
    async fn compare(&mut self, listing: &Listing) -> Result<Vec<Wanted>, CollectError> {
        let (mut wanted, mut differing) = (Vec::new(), Vec::new());
        for replication in &listing.replications {
            tokio::task::yield_now().await;
            let files = files(replication);
            let files = files.map_err(|error: PathError| self.misunderstood(error.to_string()))?;
            let choice = (self.order.replace, &mut differing);
            wanted.extend(missing(&self.order.out, files, &mut self.known, choice)?);
        }
        if !differing.is_empty() {
            return Err(CollectError::Differs(differing));
        }
        open_up(&self.order.out, &wanted)?;
        Ok(wanted)
    }

    async fn transfer(&mut self, wanted: Vec<Wanted>) -> Result<(), CollectError> {
        let names: Vec<String> = wanted.iter().map(|it| it.path.to_string()).collect();
        // An empty line is the end.
        let names = (names.join("\n") + "\n\n").into_bytes();
        let mut exec = self.reader.run("send", &[], Some(names)).await?;
        let taker = Taker {
            out: self.order.out.clone(),
            wanted: wanted.into_iter().map(|it| (it.path.clone(), it)).collect(),
            known: std::mem::take(&mut self.known),
            monitor: Arc::clone(&self.monitor),
        };
        let (sender, receiver) = tokio::sync::mpsc::channel(PIECES);
        self.taking = Some(tokio::task::spawn_blocking(move || taker.take(receiver)));
        let ended = loop {
            match exec.next().await {
                Ok(Some(piece)) => {
                    // A writer that takes no more has found the end, or a fault.
                    if sender.send(piece).await.is_err() {
                        break Ok(());
                    }
                }
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        drop((sender, exec));
        let Some(taking) = self.taking.as_mut() else {
            return Ok(());
        };
        let received = taking.await;
        self.taking = None;
        let received = received.map_err(|error| self.misunderstood(error.to_string()))?;
        self.known = received.known;
        let cut = || ended.map_err(|error| self.reader.failed(error));
        match received.fault {
            Some(Fault::Local(error)) => Err(error),
            Some(Fault::Answer(what)) => Err(self.misunderstood(what)),
            Some(Fault::Cut) => {
                cut()?;
                Err(self.reader.failed(crate::exec::ExecError::Cut))
            }
            None if received.vanished.is_empty() => Ok(()),
            None => Err(CollectError::Vanished(received.vanished)),
        }
    }

    fn misunderstood(&self, what: String) -> CollectError {
        let pod = self.reader.name().to_owned();
        CollectError::Answer { pod, what }
    }
}

/// Whether the same may work at once. A pod that does not run had its time already.
fn is_worth_another_try(error: &CollectError) -> bool {
    error.is_transient()
        && matches!(
            error,
            CollectError::Cluster(_) | CollectError::Exec { .. } | CollectError::Vanished(_)
        )
}
