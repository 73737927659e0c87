//! How pods and Jobs fail.

use std::fmt;

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::jiff::Timestamp;
use serde::Serialize;

use super::pod;
use crate::error::shortened;
use crate::logs::CONTAINER;

/// A replication whose pod ended without success.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct IndexFailure {
    /// The completion index, which is the replication's.
    pub index: u32,
    /// The pod; absent if it is gone already.
    pub pod: Option<String>,
    /// The container that failed, where it is known.
    pub container: Option<String>,
    /// Its exit code.
    pub exit_code: Option<i32>,
    /// What Kubernetes says: `Error`, `OOMKilled`, `StartError`, `Evicted`, `DeadlineExceeded`…
    pub reason: Option<String>,
    /// What the container or Kubernetes says about it.
    pub message: Option<String>,
    /// When its pod was made.
    #[serde(skip)]
    pub(super) at: Option<Timestamp>,
}

impl IndexFailure {
    /// The failure of an index whose pod is gone.
    pub(super) fn without_pod(index: u32) -> Self {
        Self {
            index,
            pod: None,
            container: None,
            exit_code: None,
            reason: None,
            message: None,
            at: None,
        }
    }

    /// How the `pod` of an index failed, if it did.
    pub(super) fn of_pod(pod: &Pod, index: u32) -> Option<Self> {
        if pod::phase(pod) != "Failed" {
            return None;
        }
        let status = pod.status.as_ref();
        let reason = status.and_then(|it| it.reason.clone());
        let message = status.and_then(|it| it.message.clone());
        let disruption = pod::condition(pod, "DisruptionTarget").filter(|it| it.status == "True");
        let failed = pod::failed_container(pod);
        let ended = failed.map(|(_, ended)| ended);
        Some(Self {
            index,
            pod: Some(pod::name(pod).to_owned()),
            container: failed.map(|(name, _)| name.to_owned()),
            exit_code: ended.map(|it| it.exit_code),
            reason: reason
                .or_else(|| disruption.and_then(|it| it.reason.clone()))
                .or_else(|| ended.and_then(|it| it.reason.clone())),
            message: message
                .or_else(|| disruption.and_then(|it| it.message.clone()))
                .or_else(|| ended.and_then(|it| it.message.clone()))
                .map(|text| shortened(&text)),
            at: pod::created(pod),
        })
    }

    /// What the exit code or the reason means.
    pub fn meaning(&self) -> Option<&'static str> {
        match (self.reason.as_deref(), self.exit_code) {
            (Some("OOMKilled"), _) => Some("out of memory: raise `resources.memory_limit`"),
            (Some("Evicted"), _) => Some("evicted by its node"),
            (Some("DeadlineExceeded"), _) => {
                Some("longer than `pod_deadline_seconds` or `active_deadline_seconds`")
            }
            (Some("StartError"), _) | (_, Some(126..=128)) => {
                Some("the program could not be started")
            }
            (_, Some(code @ (137 | 143))) => meaning(code),
            // Other programs mean other things by their codes.
            (_, Some(code)) if self.container.as_deref() == Some(CONTAINER) => meaning(code),
            _ => None,
        }
    }
}

/// The exit codes of `grace-cli replicate`, and those of signals.
fn meaning(code: i32) -> Option<&'static str> {
    Some(match code {
        1 => "a fault of grace itself",
        2 => "wrong arguments",
        42 => "wrong configuration",
        43 => "too many queries without an answer",
        75 => "server or storage was not there in time",
        130 | 143 => "interrupted",
        137 => "killed",
        _ => return None,
    })
}

impl fmt::Display for IndexFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "index {}", self.index)?;
        if let Some(code) = self.exit_code {
            write!(f, ", exit {code}")?;
        }
        // `Error` says no more than the exit code.
        if let Some(reason) = self.reason.as_deref().filter(|&it| it != "Error") {
            write!(f, ", {reason}")?;
        }
        if let Some(container) = self.container.as_deref().filter(|&it| it != CONTAINER) {
            write!(f, " in container `{container}`")?;
        }
        if let Some(meaning) = self.meaning() {
            write!(f, ", {meaning}")?;
        }
        if let Some(message) = &self.message {
            write!(f, ": {message}")?;
        }
        if self.pod.is_none() {
            f.write_str(", its pod is gone")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_mean_what_they_do_for_grace_in_its_own_container_alone() {
        let failure = |container: &str, code| IndexFailure {
            container: Some(container.to_owned()),
            exit_code: Some(code),
            ..IndexFailure::without_pod(0)
        };
        assert_eq!(
            failure(CONTAINER, 42).meaning(),
            Some("wrong configuration")
        );
        assert_eq!(failure("fetch", 1).meaning(), None);
        assert_eq!(failure("fetch", 137).meaning(), Some("killed"));
    }
}
