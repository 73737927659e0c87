//! What is to be launched, and what came of it.

use std::time::Duration;

use k8s_openapi::api::batch::v1::Job;
use kube::ResourceExt;
use serde::Serialize;

use crate::apply::Difference;
use crate::state::JobState;
use crate::watch::WatchSettings;

/// The Jobs of a model.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Order {
    /// The model's key.
    pub model: String,
    /// The Job whose indexes are the replications.
    pub job: Job,
    /// A Job that fetches the weights first, on a node without GPUs.
    pub prefetch: Option<Job>,
    /// GPUs of all pods that run at the same time.
    pub gpus: u32,
}

impl Order {
    /// The replications of a model, which take this many GPUs together.
    pub fn new(model: impl Into<String>, job: Job, gpus: u32) -> Self {
        Self {
            model: model.into(),
            job,
            prefetch: None,
            gpus,
        }
    }

    /// Fetches the weights first.
    #[must_use]
    pub fn with_prefetch(mut self, job: Job) -> Self {
        self.prefetch = Some(job);
        self
    }

    /// The name of the Job.
    pub fn name(&self) -> String {
        self.job.name_any()
    }
}

/// How to launch.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LaunchSettings {
    /// As many models at once as fit into this many GPUs; one after the other without.
    pub max_gpus: Option<u32>,
    /// Whether the other models go on after one has failed.
    pub keep_going: bool,
    /// Whether to apply what may start now, and not to wait for it.
    pub detach: bool,
    /// Whether to delete the Jobs that are complete. Claims stay.
    pub delete_finished: bool,
    /// How long a Job may be without any running pod; GPUs may be long in coming.
    pub start_deadline: Duration,
    /// The same where waiting does not help by itself: no image, no secret, pods refused.
    pub stuck_deadline: Duration,
    /// Lines of the log of a pod that failed.
    pub log_lines: u32,
    /// How the cluster is watched.
    pub watch: WatchSettings,
}

impl Default for LaunchSettings {
    fn default() -> Self {
        Self {
            max_gpus: None,
            keep_going: false,
            detach: false,
            delete_finished: false,
            start_deadline: Duration::from_hours(2),
            stuck_deadline: Duration::from_mins(10),
            log_lines: 20,
            watch: WatchSettings::default(),
        }
    }
}

/// What came of a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Outcome {
    /// All replications are complete.
    Complete,
    /// They were so before.
    AlreadyComplete,
    /// The Job failed.
    Failed {
        /// The last lines of the pod that failed; empty if it is gone.
        log: Vec<String>,
    },
    /// A Job with this plan failed earlier; it was left alone.
    FailedBefore,
    /// No pod ran for too long. The Job was left there, and takes GPUs as soon as it can.
    Stuck {
        /// For how long, in seconds.
        seconds: u64,
    },
    /// A Job of this name is there with another plan; it was left alone.
    Refused {
        /// How it differs.
        differences: Vec<Difference>,
    },
    /// The cluster did not take it.
    NotApplied {
        /// Why.
        message: String,
        /// Whether it may take it later.
        is_transient: bool,
    },
    /// Somebody deleted the Job before it was complete.
    Deleted {
        /// Whether another Job has its name now.
        is_replaced: bool,
        /// Whether it may have been complete, and removed after its time to live: its last moments were not heard of.
        may_be_complete: bool,
    },
    /// It goes on without being watched.
    LeftRunning,
    /// It was not started, because another failed, or because it was not its turn.
    NotStarted,
}

impl Outcome {
    /// Whether its results are, or may yet become, complete without anybody doing something.
    pub fn is_fine(&self) -> bool {
        matches!(
            self,
            Self::Complete | Self::AlreadyComplete | Self::LeftRunning
        )
    }
}

/// How a model ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Ended {
    /// The model's key.
    pub model: String,
    /// The Job's name.
    pub job: String,
    /// What came of it.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// The Job as it was last seen.
    pub state: JobState,
    /// What it says, in a line.
    pub summary: String,
}

/// How all models ended.
#[derive(Debug)]
#[non_exhaustive]
pub struct Launched {
    /// Each model, in the order that was given.
    pub ended: Vec<Ended>,
    /// Why the cluster could not be watched any more, if that is what ended the launch. What was applied goes on there.
    pub error: Option<crate::ClusterError>,
}

/// What happens meanwhile.
#[derive(Debug)]
#[non_exhaustive]
pub enum Update<'a> {
    /// A Job was made, or one that was there is followed.
    Started {
        /// The model.
        model: &'a str,
        /// The Job.
        job: &'a str,
        /// Whether it was there already.
        is_attached: bool,
    },
    /// Fields of a Job that was there were changed.
    Adjusted {
        /// The model.
        model: &'a str,
        /// What changed.
        differences: &'a [Difference],
    },
    /// A Job looks different now.
    State {
        /// The model.
        model: &'a str,
        /// Whether it is the download of weights.
        is_prefetch: bool,
        /// How.
        state: &'a JobState,
    },
    /// The last lines of the pod that made a Job fail, as soon as it fails.
    Log {
        /// The model.
        model: &'a str,
        /// The lines.
        lines: &'a [String],
    },
    /// A model has ended.
    Ended(&'a Ended),
    /// A Job that is complete could not be deleted.
    NotDeleted {
        /// The model.
        model: &'a str,
        /// Why.
        error: &'a crate::ClusterError,
    },
    /// The connection is lost, and tried again.
    Lost(&'a crate::ClusterError),
    /// The connection is back.
    Back,
}
