//! What is left on the volume of results: only from within a pod that mounts it can that be seen with rights in one namespace.

use grace_core::export::Volume;
use k8s_openapi::api::core::v1::{Container, Pod};
use kube::Api;
use kube::api::ListParams;
use tokio_util::sync::CancellationToken;

use super::Monitor;
use super::error::CollectError;
use super::listing::heard;
use super::reader::{Reader, ReaderPod, sweep};
use crate::connect::{ANSWER, Cluster, answer};
use crate::error::{ClusterError, FaultKind};
use crate::exec::Exec;
use crate::state::pod;
use crate::watch::OURS;

/// How many pods are asked, as one may be about to end.
const TRIES: usize = 3;

/// What the file system of a claim says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Space {
    /// Bytes that are left to the user; none if the file system does not say.
    pub free_bytes: Option<u64>,
    /// Bytes in all; none if the file system does not say.
    pub total_bytes: Option<u64>,
    /// The pod that was asked.
    pub pod: String,
}

impl Space {
    fn of(volume: &Volume, pod: &str) -> Self {
        Self {
            free_bytes: volume.free_bytes,
            total_bytes: volume.total_bytes,
            pod: pod.to_owned(),
        }
    }
}

/// Asks a pod of grace that runs and has `claim` mounted: one that replicates, or one that reads. None if there is none.
///
/// # Errors
///
/// Returns an error if pods cannot be listed, or none of those that run gives an answer within 30 s.
pub async fn space_in_running_pod(
    cluster: &Cluster,
    claim: &str,
) -> Result<Option<Space>, CollectError> {
    let asked = tokio::time::timeout(ANSWER, ask_running_pods(cluster, claim)).await;
    asked.unwrap_or_else(|_| {
        let doing = format!("ask a running pod what is left on `{claim}`");
        let fault = FaultKind::TimedOut(ANSWER.as_secs());
        Err(ClusterError::new(doing, fault).into())
    })
}

async fn ask_running_pods(cluster: &Cluster, claim: &str) -> Result<Option<Space>, CollectError> {
    let pods: Api<Pod> = cluster.api();
    let ours = ListParams::default().labels(OURS);
    let pods = answer("list pods", async || pods.list(&ours).await).await?;
    let places = pods.items.iter().filter_map(|it| Place::in_pod(it, claim));
    let mut last = None;
    for place in places.take(TRIES) {
        match place.ask(cluster).await {
            Ok(space) => return Ok(Some(space)),
            Err(error) => last = Some(error),
        }
    }
    last.map_or(Ok(None), Err)
}

/// Asks a pod of its own, which is deleted whatever happens. Cancelling `stop` ends it soon.
///
/// # Errors
///
/// Returns an error if the pod does not run in time or gives no answer.
pub async fn space_by_reader(
    cluster: &Cluster,
    wanted: &ReaderPod,
    monitor: &dyn Monitor,
    stop: &CancellationToken,
) -> Result<Space, CollectError> {
    let mut reader = Reader::new(cluster, wanted);
    let asked = async {
        sweep(cluster).await;
        reader.ensure(monitor).await?;
        let place = Place {
            pod: reader.name(),
            container: &wanted.container,
            program: &wanted.program,
            results: &wanted.results,
        };
        place.ask(cluster).await
    };
    let result = tokio::select! {
        biased;
        () = stop.cancelled() => Err(CollectError::Stopped),
        result = asked => result,
    };
    reader.dismiss(monitor).await;
    result
}

/// Where `grace-cli` runs and sees the results.
#[derive(Debug, PartialEq, Eq)]
struct Place<'a> {
    pod: &'a str,
    container: &'a str,
    program: &'a str,
    results: &'a str,
}

impl<'a> Place<'a> {
    /// The place in a pod that runs, if it has one.
    fn in_pod(found: &'a Pod, claim: &str) -> Option<Self> {
        if pod::phase(found) != "Running" || pod::is_leaving(found) || pod::is_lost(found) {
            return None;
        }
        let spec = found.spec.as_ref()?;
        let volume = spec.volumes.iter().flatten().find(|it| {
            let source = it.persistent_volume_claim.as_ref();
            source.is_some_and(|it| it.claim_name == claim)
        })?;
        let mut containers = spec.containers.iter();
        containers
            .find_map(|container| Self::in_container(pod::name(found), container, &volume.name))
    }

    fn in_container(pod: &'a str, container: &'a Container, volume: &str) -> Option<Self> {
        let program = container.command.as_ref()?.first()?;
        let mut mounts = container.volume_mounts.iter().flatten();
        let results = mounts.find(|it| it.name == volume)?;
        program.ends_with("/grace-cli").then_some(Self {
            pod,
            container: &container.name,
            program,
            results: &results.mount_path,
        })
    }

    async fn ask(&self, cluster: &Cluster) -> Result<Space, CollectError> {
        let argv = [self.program, "export-results", "volume", self.results];
        let argv = argv.map(str::to_owned).to_vec();
        let exec = Exec::start(cluster, (self.pod, self.container), argv, None).await;
        let exec = exec.map_err(|source| CollectError::Exec {
            pod: self.pod.to_owned(),
            source,
        })?;
        Ok(Space::of(&heard(self.pod, exec).await?.volume, self.pod))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn pod(status: &str, claim: &str, program: &str) -> Value {
        json!({
            "metadata": {"name": "p"},
            "spec": {
                "containers": [
                    {"name": "other", "volumeMounts": [{"name": "v", "mountPath": "/elsewhere"}]},
                    {"name": "replicate", "command": [program],
                     "volumeMounts": [{"name": "w", "mountPath": "/w"}, {"name": "v", "mountPath": "/results"}]},
                ],
                "volumes": [
                    {"name": "w", "emptyDir": {}},
                    {"name": "v", "persistentVolumeClaim": {"claimName": claim}},
                ],
            },
            "status": {"phase": status},
        })
    }

    fn place(pod: Value) -> Option<[String; 4]> {
        let pod: Pod = serde_json::from_value(pod).unwrap();
        let place = Place::in_pod(&pod, "results")?;
        Some([place.pod, place.container, place.program, place.results].map(str::to_owned))
    }

    #[test]
    fn only_a_pod_that_runs_grace_on_the_claim_is_asked() {
        let wanted = ["p", "replicate", "/grace/grace-cli", "/results"].map(str::to_owned);
        assert_eq!(
            place(pod("Running", "results", "/grace/grace-cli")),
            Some(wanted)
        );
        assert_eq!(place(pod("Pending", "results", "/grace/grace-cli")), None);
        assert_eq!(place(pod("Running", "cache", "/grace/grace-cli")), None);
        assert_eq!(place(pod("Running", "results", "vllm")), None);
        let mut leaving = pod("Running", "results", "/grace/grace-cli");
        leaving["metadata"]["deletionTimestamp"] = json!("2026-11-29T00:00:00Z");
        assert_eq!(place(leaving), None);
        let mut lost = pod("Running", "results", "/grace/grace-cli");
        lost["status"]["conditions"] = json!([
            {"type": "Ready", "status": "False"}, {"type": "ContainersReady", "status": "True"},
        ]);
        assert_eq!(place(lost), None);
    }
}
