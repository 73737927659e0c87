//! The pod that reads: made, waited for, used, deleted.

use std::time::Duration;

use k8s_openapi::api::core::v1::{Event, PersistentVolumeClaim, Pod};
use kube::Api;
use kube::api::{DeleteParams, ListParams, PostParams};
use tokio::time::Instant;

use super::Monitor;
use super::error::CollectError;
use crate::connect::{Cluster, answer};
use crate::error::{ClusterError, FaultKind};
use crate::exec::{Exec, ExecError};
use crate::state::{Obstacle, pod};

/// How often the pod is looked at while it starts.
const LOOK: Duration = Duration::from_secs(1);
/// Which pods are readers.
const READERS: &str = "app.kubernetes.io/managed-by=grace-cli,app.kubernetes.io/component=reader";

/// A pod that can read the results.
#[derive(Debug, Clone)]
pub struct ReaderPod {
    /// The pod, with its name.
    pub pod: Pod,
    /// Its container.
    pub container: String,
    /// `grace-cli` in it.
    pub program: String,
    /// The results folder in it.
    pub results: String,
    /// The file that exports renew, so that the pod does not end meanwhile.
    pub mark: String,
    /// The claim that it mounts.
    pub claim: String,
    /// How long it may take to run.
    pub start_limit: Duration,
}

/// The pod, as far as it is ours to delete.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    cluster: &'a Cluster,
    wanted: &'a ReaderPod,
    name: String,
    made: Made,
    /// How many pods were made.
    count: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Made {
    No,
    /// Asked for: it may be there.
    Asked,
    Yes,
}

impl<'a> Reader<'a> {
    pub(super) fn new(cluster: &'a Cluster, wanted: &'a ReaderPod) -> Self {
        let name = pod::name(&wanted.pod).to_owned();
        Self {
            cluster,
            wanted,
            name,
            made: Made::No,
            count: 0,
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    fn pods(&self) -> Api<Pod> {
        self.cluster.api()
    }

    /// Makes sure that the pod runs: that there is, or a new one.
    pub(super) async fn ensure(&mut self, monitor: &dyn Monitor) -> Result<(), CollectError> {
        if self.made == Made::Yes {
            let doing = format!("look at pod `{}`", self.name);
            match answer(doing, async || self.pods().get_opt(&self.name).await).await? {
                Some(found) if pod::phase(&found) == "Running" && !pod::is_leaving(&found) => {
                    return Ok(());
                }
                _ => {}
            }
        }
        // One that was asked for and not heard of may be there, too.
        self.remove().await?;
        self.check_claim().await?;
        self.make(monitor).await?;
        self.wait(monitor).await
    }

    /// A claim that is missing would only show as a pod that cannot be scheduled.
    async fn check_claim(&self) -> Result<(), CollectError> {
        let claims: Api<PersistentVolumeClaim> = self.cluster.api();
        let claim = &self.wanted.claim;
        match answer(format!("look at the claim `{claim}`"), async || {
            claims.get_opt(claim).await
        })
        .await
        {
            Ok(None) => Err(CollectError::NoClaim {
                claim: claim.clone(),
                namespace: self.cluster.namespace().to_owned(),
            }),
            // Without the right to look, the pod will tell.
            Err(error) if !matches!(error.kind(), FaultKind::Forbidden(_)) => Err(error.into()),
            _ => Ok(()),
        }
    }

    async fn make(&mut self, monitor: &dyn Monitor) -> Result<(), CollectError> {
        let mut wanted = self.wanted.pod.clone();
        let name = pod::name(&self.wanted.pod);
        // The name of a pod that is being deleted is still taken.
        self.name = match self.count {
            0 => name.to_owned(),
            count => format!("{name}-{count}"),
        };
        self.count += 1;
        wanted.metadata.name = Some(self.name.clone());
        wanted.metadata.namespace = Some(self.cluster.namespace().to_owned());
        self.made = Made::Asked;
        let doing = format!("create pod `{}`", self.name);
        answer(doing, async || {
            self.pods().create(&PostParams::default(), &wanted).await
        })
        .await?;
        self.made = Made::Yes;
        monitor.reader(&self.name);
        Ok(())
    }

    /// Waits until the pod runs; a connection that breaks meanwhile has the same time.
    async fn wait(&self, monitor: &dyn Monitor) -> Result<(), CollectError> {
        let until = Instant::now() + self.wanted.start_limit;
        let mut told = Obstacle::Starting;
        loop {
            let found = answer(format!("look at pod `{}`", self.name), async || {
                self.pods().get(&self.name).await
            })
            .await;
            let lost = match found {
                Ok(found) => match self.judge(&found).await? {
                    None => return Ok(()),
                    Some(obstacle) => {
                        if obstacle != told {
                            monitor.waiting(&obstacle);
                            told = obstacle;
                        }
                        None
                    }
                },
                Err(error) if error.is_transient() => Some(error),
                Err(error) => return Err(error.into()),
            };
            if Instant::now() + LOOK > until {
                return Err(match lost {
                    Some(error) => error.into(),
                    None => CollectError::NotRunning {
                        pod: self.name.clone(),
                        seconds: self.wanted.start_limit.as_secs(),
                        obstacle: told,
                    },
                });
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Why the pod does not run; none if it does.
    async fn judge(&self, found: &Pod) -> Result<Option<Obstacle>, CollectError> {
        match pod::phase(found) {
            "Running" => Ok(None),
            "Succeeded" | "Failed" => Err(CollectError::Ended {
                pod: self.name.clone(),
                why: ending(found),
            }),
            _ => {
                let events = self.events().await;
                let events: Vec<&Event> = events.iter().collect();
                Ok(Some(
                    Obstacle::of_pod(found, &events).unwrap_or(Obstacle::Starting),
                ))
            }
        }
    }

    /// The pod's events; none without the right to them.
    async fn events(&self) -> Vec<Event> {
        let events: Api<Event> = self.cluster.api();
        let own = ListParams::default().fields(&format!("involvedObject.name={}", self.name));
        match answer("list the pod's events", async || events.list(&own).await).await {
            Ok(list) => list.items,
            Err(_) => Vec::new(),
        }
    }

    /// Starts `export-results` in the pod with these arguments.
    pub(super) async fn run(
        &self,
        command: &str,
        args: &[String],
        input: Option<Vec<u8>>,
    ) -> Result<Exec, CollectError> {
        let wanted = self.wanted;
        let mut argv = vec![
            wanted.program.clone(),
            String::from("export-results"),
            command.to_owned(),
            wanted.results.clone(),
            String::from("--mark"),
            wanted.mark.clone(),
        ];
        argv.extend_from_slice(args);
        let place = (self.name.as_str(), wanted.container.as_str());
        let started = Exec::start(self.cluster, place, argv, input).await;
        started.map_err(|source| self.failed(source))
    }

    /// The error with the pod's name.
    pub(super) fn failed(&self, source: ExecError) -> CollectError {
        let pod = self.name.clone();
        CollectError::Exec { pod, source }
    }

    /// Deletes the pod, whatever happened; what is in the way is told.
    pub(super) async fn dismiss(mut self, monitor: &dyn Monitor) {
        if let Err(error) = self.remove().await {
            monitor.left(&self.name, &error);
        }
    }

    /// Deletes the pod, if there may be one.
    async fn remove(&mut self) -> Result<(), ClusterError> {
        if self.made == Made::No {
            return Ok(());
        }
        let deleted = delete(self.cluster, &self.name).await;
        if self.made == Made::Asked && matches!(deleted, Ok(false)) {
            // The request that makes it may still be on its way.
            tokio::time::sleep(LOOK).await;
            delete(self.cluster, &self.name).await?;
        }
        deleted?;
        self.made = Made::No;
        Ok(())
    }
}

/// Deletes a pod; whether it was there.
async fn delete(cluster: &Cluster, name: &str) -> Result<bool, ClusterError> {
    let pods: Api<Pod> = cluster.api();
    let background = DeleteParams::background();
    match answer(format!("delete pod `{name}`"), async || {
        pods.delete(name, &background).await
    })
    .await
    {
        Ok(_) => Ok(true),
        Err(error) if matches!(error.kind(), FaultKind::NotFound(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

/// How a pod ended.
fn ending(found: &Pod) -> String {
    if let Some((container, ended)) = pod::failed_container(found) {
        let message = ended.message.as_deref().unwrap_or_default().trim();
        let message = crate::error::shortened(message);
        let separator = if message.is_empty() { "" } else { ": " };
        return format!(
            "container `{container}` had exit code {}{separator}{message}",
            ended.exit_code
        );
    }
    let status = found.status.as_ref();
    let reason = status.and_then(|it| it.reason.as_deref());
    reason.unwrap_or("it was no longer used").to_owned()
}

/// Deletes readers that have ended: those of a `collect` that was killed.
pub(super) async fn sweep(cluster: &Cluster) {
    let pods: Api<Pod> = cluster.api();
    let readers = ListParams::default().labels(READERS);
    let Ok(found) = answer("list pods", async || pods.list(&readers).await).await else {
        return;
    };
    for old in found
        .items
        .iter()
        .filter(|it| matches!(pod::phase(it), "Succeeded" | "Failed"))
    {
        // Whoever else sweeps may have been first.
        let _ = delete(cluster, pod::name(old)).await;
    }
}
