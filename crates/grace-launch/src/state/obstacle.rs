//! What keeps pods from running; most of it never ends by itself.

use std::fmt;

use k8s_openapi::api::core::v1::{ContainerStateWaiting, ContainerStatus, Event, Pod};
use serde::Serialize;

use super::pod;
use crate::error::shortened;

/// Why a pod is not there, or does not run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(tag = "what", content = "message", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Obstacle {
    /// The namespace's quota is used up.
    Quota(String),
    /// The cluster refuses to create pods: no such service account, a security standard, an admission webhook.
    Refused(String),
    /// A container's image cannot be pulled.
    Image(String),
    /// A container cannot be made: a secret, a `ConfigMap`, or a key of one is missing.
    Container(String),
    /// A volume cannot be mounted.
    Volume(String),
    /// The node does not answer any more, and the pod with it.
    NodeLost(String),
    /// No node takes the pod.
    Unschedulable(String),
    /// An init container is at work: nothing is wrong yet.
    Initialising(String),
    /// The pod is being set up: nothing is wrong yet.
    Starting,
}

impl Obstacle {
    /// Whether somebody may have to do something: the pod does not come up by itself, or only when others leave.
    pub fn is_trouble(&self) -> bool {
        !matches!(self, Self::Initialising(_) | Self::Starting)
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Quota(_) => {
                "wait for others to finish, lower --parallelism, or ask for a larger quota"
            }
            Self::Refused(_) => "`grace-cli doctor` looks for what is missing in the namespace",
            Self::Image(_) => {
                "check `image` and `server_image` of models.yaml, and `image_pull_secrets` for a private registry"
            }
            Self::Container(_) => {
                "create the secret or ConfigMap that is named; see `docs/cluster.md`, step 4"
            }
            Self::Volume(_) => "check the claims with `grace-cli doctor`",
            Self::Unschedulable(_) => {
                "check `gpu`, `node_selector`, `resources` and `tolerations` of models.yaml; GPUs may also just be in use"
            }
            Self::NodeLost(_) => {
                "the pod is replaced once its node is back or deleted; if you know that it is gone, `kubectl delete pod NAME --force` frees the replication"
            }
            Self::Initialising(_) | Self::Starting => return None,
        })
    }

    /// Why `pod` does not run, if it does not; `events` are its own.
    pub fn of_pod(pod: &Pod, events: &[&Event]) -> Option<Self> {
        let status = pod.status.as_ref()?;
        match status.phase.as_deref() {
            Some("Running") if pod::is_lost(pod) => Some(Self::NodeLost(pod::node(pod).to_owned())),
            Some("Pending") | None => Some(Self::of_pending(pod, events)),
            _ => None,
        }
    }

    fn of_pending(pod: &Pod, events: &[&Event]) -> Self {
        if let Some(condition) = pod::condition(pod, "PodScheduled")
            && condition.status == "False"
        {
            let message = condition.message.as_deref().unwrap_or("no reason given");
            return Self::Unschedulable(scheduling(message));
        }
        let status = pod.status.as_ref();
        let init = status.and_then(|it| it.init_container_statuses.as_deref());
        let main = status.and_then(|it| it.container_statuses.as_deref());
        let all = || init.into_iter().chain(main).flatten();
        if let Some(found) = all().find_map(of_waiting) {
            return found;
        }
        if let Some(event) =
            newest(events, "FailedMount").or_else(|| newest(events, "FailedAttachVolume"))
        {
            return Self::Volume(shortened(event.message.as_deref().unwrap_or_default()));
        }
        let at_work =
            |it: &&ContainerStatus| it.state.as_ref().is_some_and(|it| it.running.is_some());
        match init.into_iter().flatten().find(at_work) {
            Some(container) => Self::Initialising(container.name.clone()),
            None => Self::Starting,
        }
    }

    /// Why the Job controller could not create pods.
    pub fn of_failed_create(event: &Event) -> Self {
        let message = event.message.as_deref().unwrap_or_default();
        let message = message.trim_start_matches("Error creating: ");
        // `pods "x" is forbidden: ` says nothing.
        let message = message
            .split_once(" is forbidden: ")
            .map_or(message, |(_, rest)| rest);
        // `failed quota: … must specify limits.cpu` is no matter of waiting.
        if message.contains("exceeded quota") {
            Self::Quota(shortened(message))
        } else {
            Self::Refused(shortened(message))
        }
    }
}

/// A container that waits for what does not come by itself.
fn of_waiting(container: &ContainerStatus) -> Option<Obstacle> {
    let waiting: &ContainerStateWaiting = container.state.as_ref()?.waiting.as_ref()?;
    let message = |what: &str| {
        let text = waiting.message.as_deref().unwrap_or(what);
        shortened(text)
    };
    match waiting.reason.as_deref()? {
        "ErrImagePull"
        | "ImagePullBackOff"
        | "InvalidImageName"
        | "ErrImageNeverPull"
        | "RegistryUnavailable" => Some(Obstacle::Image(format!(
            "{}: {}",
            container.image,
            message("no reason given")
        ))),
        reason @ ("CreateContainerConfigError"
        | "CreateContainerError"
        | "RunContainerError"
        | "CrashLoopBackOff") => Some(Obstacle::Container(message(reason))),
        _ => None,
    }
}

/// The newest of the events with this reason.
pub(super) fn newest<'a>(events: &[&'a Event], reason: &str) -> Option<&'a Event> {
    let of_reason = events
        .iter()
        .filter(|it| it.reason.as_deref() == Some(reason));
    of_reason.copied().max_by_key(|it| last_seen(it))
}

pub(super) fn last_seen(event: &Event) -> Option<k8s_openapi::jiff::Timestamp> {
    let series = event
        .series
        .as_ref()
        .and_then(|it| it.last_observed_time.as_ref())
        .map(|it| it.0);
    let last = event.last_timestamp.as_ref().map(|it| it.0);
    let first = event.event_time.as_ref().map(|it| it.0);
    let created = event.metadata.creation_timestamp.as_ref().map(|it| it.0);
    series.or(last).or(first).or(created)
}

/// What the scheduler says, without what it says about preemption.
fn scheduling(message: &str) -> String {
    let end = [". no new claims", ". preemption:", " preemption:"]
        .iter()
        .filter_map(|mark| message.find(mark))
        .min();
    let said = end.and_then(|end| message.get(..end)).unwrap_or(message);
    shortened(said.trim_end_matches(['.', ' ']))
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Quota(message) => write!(f, "quota: {message}"),
            Self::Refused(message) => write!(f, "pods cannot be created: {message}"),
            Self::Image(message) => write!(f, "image cannot be pulled: {message}"),
            Self::Container(message) => write!(f, "container cannot be made: {message}"),
            Self::Volume(message) => write!(f, "volume cannot be mounted: {message}"),
            Self::NodeLost(node) => write!(f, "node `{node}` does not answer"),
            Self::Unschedulable(message) => write!(f, "unschedulable: {message}"),
            Self::Initialising(container) => write!(f, "init container `{container}` is at work"),
            Self::Starting => f.write_str("starting"),
        }
    }
}
