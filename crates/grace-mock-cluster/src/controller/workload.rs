//! What containers do: the part of a Job that a test makes up.

use std::fmt;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::container::{Container, Program};

/// One try of an index of a Job.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Attempt {
    /// The Job.
    pub job: String,
    /// The namespace.
    pub namespace: String,
    /// The pod that is made for it.
    pub pod: String,
    /// The index.
    pub index: u32,
    /// 0 for the first pod of this index, 1 for the next, …
    pub attempt: u32,
}

/// How a pod goes.
#[derive(Debug, Clone)]
pub struct Outcome {
    pub(crate) after: Option<Duration>,
    pub(crate) exit_code: i32,
    pub(crate) reason: Option<String>,
    pub(crate) message: Option<String>,
    pub(crate) log: Vec<String>,
    pub(crate) stuck: Option<Stuck>,
    pub(crate) evicted: Option<String>,
    pub(crate) program: Option<Program>,
}

/// Why a pod does not start, or is not made.
#[derive(Debug, Clone)]
pub(crate) enum Stuck {
    Unschedulable(String),
    Waiting {
        reason: String,
        message: Option<String>,
    },
    Refused(String),
}

impl Outcome {
    /// The container ends with this exit code; zero is success.
    pub fn exit(code: i32) -> Self {
        Self {
            after: None,
            exit_code: code,
            reason: None,
            message: None,
            log: Vec::new(),
            stuck: None,
            evicted: None,
            program: None,
        }
    }

    /// The container succeeds.
    pub fn success() -> Self {
        Self::exit(0)
    }

    /// The container is killed for its memory: exit 137, `OOMKilled`.
    pub fn oom_killed() -> Self {
        Self::exit(137).because("OOMKilled")
    }

    /// The container cannot be started: exit 128, `StartError`.
    pub fn start_error(message: &str) -> Self {
        Self::exit(128).because("StartError").saying(message)
    }

    /// The container runs until its pod is deleted.
    pub fn runs_on() -> Self {
        Self::success().after(Duration::from_secs(1_000_000))
    }

    /// No node takes the pod; the message is the scheduler's.
    pub fn unschedulable(message: &str) -> Self {
        Self::stuck(Stuck::Unschedulable(message.to_owned()))
    }

    /// The container waits for ever: `ErrImagePull`, `CreateContainerConfigError`, `PodInitializing`, …
    pub fn waiting(reason: &str, message: Option<&str>) -> Self {
        Self::stuck(Stuck::Waiting {
            reason: reason.to_owned(),
            message: message.map(str::to_owned),
        })
    }

    /// No pod is made: an event `FailedCreate` says `Error creating: ` and this.
    pub fn refused(message: &str) -> Self {
        Self::stuck(Stuck::Refused(message.to_owned()))
    }

    /// Kubelet evicts the pod at its end: phase Failed, reason `Evicted`, condition `DisruptionTarget`.
    pub fn evicted(message: &str) -> Self {
        Self {
            evicted: Some(message.to_owned()),
            ..Self::exit(137)
        }
    }

    /// The container is a local process: its output is the log, its exit code the container's. It is killed as soon as the
    /// pod is deleted.
    ///
    /// `make` is called as the container starts, while the cluster waits for it.
    ///
    /// ```
    /// use std::process::Command;
    /// use grace_mock_cluster::{Outcome, Workload};
    ///
    /// let real = Workload::new(|_| Outcome::process(|container| {
    ///     let mut command = Command::new("echo");
    ///     command.args(container.argv.iter().skip(1)).envs(&container.env);
    ///     command
    /// }));
    /// # let _ = real;
    /// ```
    pub fn process(make: impl Fn(&Container) -> Command + Send + Sync + 'static) -> Self {
        Self {
            program: Some(Program(Arc::new(make))),
            ..Self::success()
        }
    }

    fn stuck(stuck: Stuck) -> Self {
        Self {
            stuck: Some(stuck),
            ..Self::success()
        }
    }

    /// How long the container runs, in place of the workload's time.
    #[must_use]
    pub fn after(mut self, time: Duration) -> Self {
        self.after = Some(time);
        self
    }

    /// `terminated.reason`, in place of `Completed` or `Error`.
    #[must_use]
    pub fn because(mut self, reason: &str) -> Self {
        self.reason = Some(reason.to_owned());
        self
    }

    /// `terminated.message`: what the container wrote into its termination log.
    #[must_use]
    pub fn saying(mut self, message: &str) -> Self {
        self.message = Some(message.to_owned());
        self
    }

    /// A line of the log, written as the container starts.
    #[must_use]
    pub fn log(mut self, line: &str) -> Self {
        self.log.push(line.to_owned());
        self
    }

    /// `state.terminated` of the container.
    pub(crate) fn terminated(&self, started: &Value, finished: &str) -> Value {
        let default = if self.exit_code == 0 {
            "Completed"
        } else {
            "Error"
        };
        let mut terminated = json!({
            "exitCode": self.exit_code,
            "reason": self.reason.as_deref().unwrap_or(default),
            "startedAt": started,
            "finishedAt": finished,
        });
        if let Some(message) = &self.message {
            terminated["message"] = message.as_str().into();
        }
        terminated
    }
}

type Decide = Arc<dyn Fn(&Attempt) -> Outcome + Send + Sync>;

/// What the controller runs, and how fast.
///
/// ```
/// use grace_mock_cluster::{Outcome, Workload};
/// let third_fails = Workload::new(|attempt| match attempt.index {
///     3 => Outcome::exit(42).saying("no GPU").log("CUDA error"),
///     _ => Outcome::success().log("done"),
/// });
/// # let _ = third_fails;
/// ```
#[derive(Clone)]
pub struct Workload {
    pub(crate) decide: Decide,
    pub(crate) start: Duration,
    pub(crate) run: Duration,
    pub(crate) retry: Duration,
    pub(crate) second: Duration,
    /// How pods without a Job go.
    pub(crate) bare: Outcome,
}

impl fmt::Debug for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Workload")
            .field("start", &self.start)
            .field("run", &self.run)
            .finish_non_exhaustive()
    }
}

impl Workload {
    /// Pods start after 10 ms, run for 20 ms, and are tried again 20 ms after a failure.
    pub fn new(decide: impl Fn(&Attempt) -> Outcome + Send + Sync + 'static) -> Self {
        Self {
            decide: Arc::new(decide),
            start: Duration::from_millis(10),
            run: Duration::from_millis(20),
            retry: Duration::from_millis(20),
            second: Duration::from_secs(1),
            bare: Outcome::runs_on(),
        }
    }

    /// How long pods are pending.
    #[must_use]
    pub fn starts_after(mut self, time: Duration) -> Self {
        self.start = time;
        self
    }

    /// How long containers run whose outcome says nothing of it.
    #[must_use]
    pub fn runs_for(mut self, time: Duration) -> Self {
        self.run = time;
        self
    }

    /// How long a failed index waits for its next pod.
    #[must_use]
    pub fn retries_after(mut self, time: Duration) -> Self {
        self.retry = time;
        self
    }

    /// Whether pods without a Job get stuck: all start and run on, unless this is
    /// [`unschedulable`](Outcome::unschedulable) or [`waiting`](Outcome::waiting).
    #[must_use]
    pub fn bare_pods(mut self, outcome: Outcome) -> Self {
        self.bare = outcome;
        self
    }

    /// How long a second of `activeDeadlineSeconds` and `ttlSecondsAfterFinished` takes.
    #[must_use]
    pub fn second_is(mut self, time: Duration) -> Self {
        self.second = time;
        self
    }
}
