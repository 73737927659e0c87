//! A model whose Job is on the cluster.

use std::time::Duration;

use k8s_openapi::api::batch::v1::Job;
use kube::ResourceExt;
use tokio::time::Instant;

use super::order::{Ended, LaunchSettings, Order, Outcome};
use crate::apply::{Difference, Step, apply_job, is_queued, step};
use crate::cancel;
use crate::connect::Cluster;
use crate::error::{ClusterError, FaultKind};
use crate::logs;
use crate::state::{JobState, Obstacle, Phase};
use crate::watch::Watch;

/// A model's Job, as it was last seen.
pub(super) struct Running<'a> {
    pub(super) order: &'a Order,
    /// Its place among the orders.
    pub(super) place: usize,
    pub(super) state: JobState,
    is_prefetch: bool,
    uid: String,
    /// Whether a queue decides when it runs: it is suspended until then.
    is_queued: bool,
    /// Since when no pod has run; times of which nothing is known do not count.
    idle_since: Instant,
    looked_at: Instant,
    log: Option<Vec<String>>,
    /// Whether its deletion was heard of.
    saw_the_end: bool,
}

/// What came of starting a model.
pub(super) enum Start<'a> {
    /// Its Job is on the cluster.
    Running {
        running: Box<Running<'a>>,
        is_attached: bool,
        differences: Vec<Difference>,
    },
    /// An earlier Job of the name is still being deleted.
    Later,
    /// The cluster did not answer, or did not accept the credentials.
    Again(ClusterError),
    /// There is nothing to follow.
    Ended(Box<Ended>),
}

/// What a look at a Job shows.
pub(super) struct Seen {
    pub(super) is_new: bool,
    /// Whether it began to fail with this look: its pods may soon be gone.
    pub(super) is_failing: bool,
    pub(super) outcome: Option<Outcome>,
}

/// How a model is started.
#[derive(Debug, Clone, Copy)]
pub(super) struct How {
    /// Whether its weights were fetched just now.
    pub(super) is_fetched: bool,
    /// Whether nobody will be there when the download is over.
    pub(super) detach: bool,
}

/// Applies the Job of a model, its download first, unless it is there already.
pub(super) async fn start<'a>(
    watch: &mut Watch,
    order: &'a Order,
    place: usize,
    how: How,
) -> Start<'a> {
    let prefetch = needed_prefetch(watch, order).filter(|_| !how.is_fetched);
    let started = match prefetch {
        Some(prefetch) => {
            let fetching = start_job(watch, order, place, prefetch, true).await;
            match fetching {
                Ok(Start::Running { .. }) if how.detach => {
                    start_job(watch, order, place, &order.job, false).await
                }
                other => other,
            }
        }
        None => start_job(watch, order, place, &order.job, false).await,
    };
    started.unwrap_or_else(|error| {
        if error.is_transient() || error.is_login() {
            return Start::Again(error);
        }
        let state = watch.world().state(&order.name());
        Start::Ended(Box::new(Ended::new(order, not_applied(&error), state)))
    })
}

pub(super) fn not_applied(error: &ClusterError) -> Outcome {
    Outcome::NotApplied {
        message: match error.hint() {
            Some(hint) => format!("{error}; {hint}"),
            None => error.to_string(),
        },
        is_transient: error.is_transient(),
    }
}

/// The download, while neither it nor the replications have been there.
fn needed_prefetch<'a>(watch: &Watch, order: &'a Order) -> Option<&'a Job> {
    let prefetch = order.prefetch.as_ref()?;
    let world = watch.world();
    let is_fetched = world.state(&prefetch.name_any()).phase == Phase::Complete;
    let is_there = world.job(&order.name()).is_some();
    (!is_fetched && !is_there).then_some(prefetch)
}

async fn start_job<'a>(
    watch: &mut Watch,
    order: &'a Order,
    place: usize,
    job: &Job,
    is_prefetch: bool,
) -> Result<Start<'a>, ClusterError> {
    let name = job.name_any();
    let world = watch.world();
    let found = world.job(&name);
    let state = world.state_of(found);
    let is_suspended = state.phase == Phase::Suspended;
    let is_queued = is_queued(job);
    let step = step(job, found, &state).map_err(|error| {
        ClusterError::new(
            format!("compare Job {name}"),
            FaultKind::Other(error.to_string()),
        )
    })?;
    let (is_attached, differences) = match step {
        Step::Create => (false, Vec::new()),
        Step::Attach => (true, Vec::new()),
        Step::Adjust { differences } => (true, differences),
        Step::Deleting => return Ok(Start::Later),
        Step::Complete => return Ok(ended(order, name, Outcome::AlreadyComplete, state)),
        Step::Failed => return Ok(ended(order, name, Outcome::FailedBefore, state)),
        Step::Refuse { differences } => {
            return Ok(ended(order, name, Outcome::Refused { differences }, state));
        }
    };
    let uid = found.and_then(|it| it.metadata.uid.clone());
    let uid = match uid {
        Some(uid) if differences.is_empty() => uid,
        _ => {
            let (_, applied) = apply_job(watch.cluster(), job, false).await?;
            let uid = applied.metadata.uid.clone().unwrap_or_default();
            watch.put(applied);
            uid
        }
    };
    if is_suspended && !is_queued {
        cancel::suspend(watch.cluster(), &name, &uid, false).await?;
    }
    let state = watch.world().state_of(watch.world().job_with_uid(&uid));
    let running = Box::new(Running {
        order,
        place,
        state,
        is_prefetch,
        uid,
        is_queued,
        idle_since: Instant::now(),
        looked_at: Instant::now(),
        log: None,
        saw_the_end: false,
    });
    Ok(Start::Running {
        running,
        is_attached,
        differences,
    })
}

/// A Job, the model's own or its download, of which there is nothing to follow.
fn ended<'a>(order: &Order, job: String, outcome: Outcome, state: JobState) -> Start<'a> {
    let ended = Ended::new(order, outcome, state);
    Start::Ended(Box::new(Ended { job, ..ended }))
}

/// Deletes the Jobs of a model that are complete: these very ones, and no claim.
pub(super) async fn delete_finished(watch: &Watch, order: &Order) -> Vec<ClusterError> {
    let names = order
        .prefetch
        .iter()
        .chain([&order.job])
        .map(ResourceExt::name_any);
    let mut errors = Vec::new();
    for name in names {
        let world = watch.world();
        let job = world.job(&name);
        let is_complete = world.state_of(job).phase == Phase::Complete;
        let uid = job.and_then(|it| it.metadata.uid.as_deref());
        if let (true, Some(uid)) = (is_complete, uid) {
            errors.extend(cancel::delete(watch.cluster(), &name, uid).await.err());
        }
    }
    errors
}

impl Running<'_> {
    /// The very Job that is followed.
    pub(super) fn uid(&self) -> &str {
        &self.uid
    }

    /// The name of the Job that is followed.
    pub(super) fn job_name(&self) -> String {
        match &self.order.prefetch {
            Some(prefetch) if self.is_prefetch => prefetch.name_any(),
            _ => self.order.name(),
        }
    }

    pub(super) fn is_prefetch(&self) -> bool {
        self.is_prefetch
    }

    /// Takes in how the Job looks now.
    pub(super) fn see(
        &mut self,
        state: JobState,
        is_replaced: bool,
        is_heard: bool,
        settings: &LaunchSettings,
    ) -> Seen {
        let is_new = state != self.state;
        let now = Instant::now();
        if !is_heard {
            self.idle_since += now - self.looked_at;
        }
        self.looked_at = now;
        let is_working = !state.running.is_empty() || state.done.len() > self.state.done.len();
        let waits_for_queue = self.is_queued && state.phase == Phase::Suspended;
        if is_working || waits_for_queue {
            self.idle_since = now;
        }
        let was_complete =
            self.state.left() == 0 && self.state.total > 0 && self.state.failed.is_empty();
        let outcome = match &state.phase {
            Phase::Complete => Some(Outcome::Complete),
            Phase::Failed(_) => Some(self.failed()),
            // Removed after its time to live, which may be nothing.
            Phase::NotThere if was_complete => Some(Outcome::Complete),
            Phase::NotThere => Some(match &self.state.phase {
                Phase::Failing(_) | Phase::Failed(_) => self.failed(),
                _ => Outcome::Deleted {
                    is_replaced,
                    may_be_complete: !self.saw_the_end && self.has_time_to_live(),
                },
            }),
            // A pod on a node that is lost never ends, and the Job does not fail before.
            Phase::Failing(_) => self.stuck(&state, settings).map(|_| self.failed()),
            _ => self.stuck(&state, settings),
        };
        let is_failing =
            matches!(state.phase, Phase::Failing(_) | Phase::Failed(_)) && self.log.is_none();
        // Of a Job that is gone, what was last seen says more.
        let is_gone = state.phase == Phase::NotThere;
        if !is_gone {
            self.state = state;
        }
        Seen {
            is_new: is_new && !is_gone,
            is_failing,
            outcome,
        }
    }

    /// Takes in how the Job looked when it was removed.
    pub(super) fn see_off(&mut self, last: JobState) {
        self.saw_the_end = true;
        // That it is being deleted says less than what was known.
        if last.phase != Phase::Deleting || last.left() == 0 {
            self.state = last;
        }
    }

    fn has_time_to_live(&self) -> bool {
        let spec = self.order.job.spec.as_ref();
        spec.is_some_and(|it| it.ttl_seconds_after_finished.is_some())
    }

    fn failed(&self) -> Outcome {
        let log = self.log.clone().unwrap_or_default();
        Outcome::Failed { log }
    }

    fn stuck(&self, state: &JobState, settings: &LaunchSettings) -> Option<Outcome> {
        let limit = deadline(state, settings);
        let idle = self.idle_since.elapsed();
        (idle >= limit).then_some(Outcome::Stuck {
            seconds: idle.as_secs(),
        })
    }

    /// Reads the end of the log of the pod that failed, which may be gone already.
    pub(super) async fn read_log(&mut self, cluster: &Cluster, lines: u32) -> &[String] {
        let cause = self.state.cause();
        let Some(pod) = cause.and_then(|it| it.pod.as_deref()) else {
            return &[];
        };
        let container = cause.and_then(|it| it.container.as_deref());
        let read = logs::tail(cluster, pod, container.unwrap_or(logs::CONTAINER), lines).await;
        let read = read.unwrap_or_else(|error| vec![format!("(no log: {error})")]);
        self.log.insert(read)
    }

    pub(super) fn ended(self, outcome: Outcome) -> Ended {
        let job = self.job_name();
        // The log may have been read after the outcome was known.
        let outcome = match (outcome, self.log) {
            (Outcome::Failed { .. }, Some(log)) => Outcome::Failed { log },
            (outcome, _) => outcome,
        };
        Ended {
            job,
            ..Ended::new(self.order, outcome, self.state)
        }
    }
}

/// How long there may be no running pod: less where waiting does not help by itself.
fn deadline(state: &JobState, settings: &LaunchSettings) -> Duration {
    let is_hopeless = |it: &Obstacle| {
        matches!(
            it,
            Obstacle::Image(_) | Obstacle::Container(_) | Obstacle::Refused(_)
        )
    };
    let trouble = state.trouble();
    if !trouble.is_empty() && trouble.iter().all(|(it, _)| is_hopeless(it)) {
        settings.stuck_deadline.min(settings.start_deadline)
    } else {
        settings.start_deadline
    }
}

impl Ended {
    pub(super) fn new(order: &Order, outcome: Outcome, state: JobState) -> Self {
        let summary = summary(&outcome, &state);
        Self {
            model: order.model.clone(),
            job: order.name(),
            outcome,
            state,
            summary,
        }
    }
}

fn summary(outcome: &Outcome, state: &JobState) -> String {
    match outcome {
        Outcome::Complete => format!("complete: {0} of {0}", state.total),
        Outcome::AlreadyComplete => format!("complete before: {0} of {0}", state.total),
        Outcome::Failed { .. } => state.to_string(),
        Outcome::FailedBefore => format!("{state}; this was an earlier launch"),
        Outcome::Stuck { seconds } => format!("no pod has run for {seconds} s: {state}"),
        Outcome::Refused { differences } => match differences.as_slice() {
            [] => String::from("another plan"),
            [only] => format!("another plan: {only}"),
            [first, rest @ ..] => format!("another plan: {first}, and {} more", rest.len()),
        },
        Outcome::NotApplied { message, .. } => message.clone(),
        Outcome::Deleted {
            is_replaced,
            may_be_complete,
        } => {
            let then = if *is_replaced {
                "; another Job has its name now"
            } else {
                ""
            };
            let how = if *may_be_complete {
                "deleted by somebody, or complete and removed after its time to live (`grace-cli collect` tells)"
            } else {
                "deleted by somebody"
            };
            format!("{how}, last seen {state}{then}")
        }
        Outcome::LeftRunning if state.phase == Phase::NotThere => String::from(
            "interrupted as it was applied; `grace-cli status` says whether it is there",
        ),
        Outcome::LeftRunning => format!("left running: {state}"),
        Outcome::NotStarted if state.phase == Phase::Suspended => format!("left {state}"),
        Outcome::NotStarted => String::from("not started"),
    }
}
