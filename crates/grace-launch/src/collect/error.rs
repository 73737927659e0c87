//! Why results could not be collected.

use std::io;
use std::path::{Path, PathBuf};

use crate::error::ClusterError;
use crate::exec::ExecError;
use crate::state::Obstacle;

/// Why results could not be collected. What is collected stays, and is not sent again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CollectError {
    /// A request to the cluster failed.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// A command in the pod failed.
    #[error("pod `{pod}`: {source}")]
    Exec {
        /// The pod.
        pod: String,
        /// What happened.
        source: ExecError,
    },
    /// There is no such claim.
    #[error("the claim `{claim}` is not there in the namespace `{namespace}`")]
    NoClaim {
        /// The claim.
        claim: String,
        /// The namespace.
        namespace: String,
    },
    /// The pod did not run in time.
    #[error("pod `{pod}` did not run within {seconds} s: {obstacle}")]
    NotRunning {
        /// The pod.
        pod: String,
        /// How long was waited.
        seconds: u64,
        /// What keeps it from running.
        obstacle: Obstacle,
    },
    /// The pod ended before it was of use.
    #[error("pod `{pod}` ended by itself: {why}")]
    Ended {
        /// The pod.
        pod: String,
        /// How.
        why: String,
    },
    /// The pod says what cannot be understood.
    #[error("the answer of pod `{pod}` cannot be understood: {what}")]
    Answer {
        /// The pod.
        pod: String,
        /// What it says.
        what: String,
    },
    /// Files on the way.
    #[error("files that were listed a moment ago could not be read on the cluster: {}", .0.join("; "))]
    Vanished(Vec<String>),
    /// Local files are others than those that were sealed on the cluster.
    #[error("{} here differ{} from what is sealed on the cluster: {}", count(.0.len()), if .0.len() == 1 { "s" } else { "" }, shown(.0))]
    Differs(Vec<PathBuf>),
    /// Another process collects into the same folder.
    #[error("another `collect` is writing to {}", .0.display())]
    InUse(PathBuf),
    /// A local file or folder could not be used.
    #[error("{action} {} failed: {source}", .path.display())]
    Local {
        /// What was tried.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The caller asked to stop.
    #[error("interrupted: what is here is complete or can be gone on with")]
    Stopped,
}

fn count(files: usize) -> String {
    match files {
        1 => String::from("1 file"),
        files => format!("{files} files"),
    }
}

/// The first few.
fn shown(paths: &[PathBuf]) -> String {
    let shown = paths.iter().take(5).map(|it| it.display().to_string());
    let text = shown.collect::<Vec<_>>().join(", ");
    match paths.len().saturating_sub(5) {
        0 => text,
        more => format!("{text} and {more} more"),
    }
}

impl CollectError {
    pub(super) fn local(action: &'static str, path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        Self::Local {
            action,
            path,
            source,
        }
    }

    /// Whether the same may succeed later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Cluster(error) => error.is_transient(),
            Self::Exec { source, .. } => source.is_transient(),
            Self::NotRunning { .. } | Self::Vanished(_) | Self::InUse(_) | Self::Stopped => true,
            Self::Ended { .. } | Self::NoClaim { .. } | Self::Differs(_) | Self::Answer { .. } => {
                false
            }
            Self::Local { source, .. } => {
                use io::ErrorKind::{QuotaExceeded, StorageFull};
                matches!(source.kind(), StorageFull | QuotaExceeded)
            }
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Cluster(error)
            | Self::Exec {
                source: ExecError::Start(error),
                ..
            } => error.hint(),
            Self::Exec {
                source: ExecError::Failed { .. },
                ..
            }
            | Self::Ended { .. }
            | Self::Answer { .. } => Some(
                "the pod runs `cluster.image` of models.yaml: is it the image of this version of grace?",
            ),
            Self::NoClaim { .. } => Some(
                "check `namespace` and `results_pvc` of models.yaml; `kubectl apply -k manifests/base` makes the claim",
            ),
            Self::NotRunning { obstacle, .. } => obstacle.hint(),
            Self::Differs(_) => Some(
                "collect into another folder with `--out`, or take what is on the cluster with `--replace`",
            ),
            Self::Local { source, .. } if source.kind() == io::ErrorKind::StorageFull => Some(
                "free some space and run the same command again: what is here is not sent again",
            ),
            Self::Exec { .. } | Self::Vanished(_) => {
                Some("run the same command again: what is here is not sent again")
            }
            _ => None,
        }
    }
}
