//! What is going on: a pure function of a Job, its pods and its events.
//!
//! Many states of a Job never end by themselves and never show in its conditions (a missing secret, an image that cannot be
//! pulled, a quota): they are read from pods and events.

mod failure;
mod indexes;
mod job;
mod obstacle;
pub(crate) mod pod;
mod text;

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Event, Pod};
use k8s_openapi::jiff::Timestamp;
use serde::Serialize;

pub use failure::IndexFailure;
pub use indexes::{format_indexes, parse_indexes};
pub use obstacle::Obstacle;

/// A Job as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct JobState {
    /// Where it is between not there and ended.
    #[serde(flatten)]
    pub phase: Phase,
    /// Replications it is to make.
    pub total: u32,
    /// Replications at the same time.
    pub parallelism: u32,
    /// Indexes that are complete.
    pub done: BTreeSet<u32>,
    /// Indexes that failed for good.
    pub failed: BTreeSet<u32>,
    /// Indexes whose pod is at work.
    pub running: BTreeSet<u32>,
    /// Indexes whose pod is there and does not run yet, or not any more, with why.
    pub waiting: BTreeMap<u32, Obstacle>,
    /// Why the controller cannot make the pods that are missing.
    pub without_pods: Option<Obstacle>,
    /// How indexes failed: those that failed for good, and the last try of those that are tried again.
    pub failures: Vec<IndexFailure>,
    /// When the controller took it up, in RFC 3339.
    pub started_at: Option<String>,
    /// When it ended, in RFC 3339.
    pub ended_at: Option<String>,
    /// Whether it was suspended before: then it started anew, with some indexes done already.
    #[serde(skip)]
    pub was_suspended: bool,
}

/// Where a Job is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "phase", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Phase {
    /// No such Job: never applied, deleted, or removed after its time to live.
    NotThere,
    /// It is being deleted.
    Deleting,
    /// Suspended: its pods were deleted, and come back when it is resumed.
    Suspended,
    /// No pod runs yet.
    Pending,
    /// At least one pod runs or has run.
    Running,
    /// It will fail: its other pods are being stopped.
    Failing(Verdict),
    /// It failed.
    Failed(Verdict),
    /// All replications are complete.
    Complete,
}

/// What the Job controller says of a failure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Verdict {
    /// `FailedIndexes`, `MaxFailedIndexesExceeded`, `PodFailurePolicy`, `BackoffLimitExceeded`, `DeadlineExceeded`…
    pub reason: String,
    /// Its sentence.
    pub message: String,
}

impl Phase {
    /// Whether nothing more will happen.
    pub fn is_end(&self) -> bool {
        matches!(self, Self::NotThere | Self::Failed(_) | Self::Complete)
    }
}

/// What is going on with `job`. Of `pods` and `events`, those of other Jobs and of an earlier Job of the same name are left out.
///
/// ```
/// use grace_launch::state::{Phase, observe};
/// use k8s_openapi::api::batch::v1::Job;
///
/// let job: Job = serde_json::from_value(serde_json::json!({
///     "metadata": {"name": "x", "uid": "1"},
///     "spec": {"completionMode": "Indexed", "completions": 5, "parallelism": 2, "template": {}},
///     "status": {"conditions": [{"type": "Complete", "status": "True"}], "completedIndexes": "0-4"},
/// }))?;
/// let state = observe(Some(&job), &[], &[]);
/// assert_eq!(state.phase, Phase::Complete);
/// assert_eq!(state.to_string(), "complete: 5 of 5");
/// # Ok::<(), serde_json::Error>(())
/// ```
pub fn observe(job: Option<&Job>, pods: &[&Pod], events: &[&Event]) -> JobState {
    let Some(job) = job else {
        return JobState::not_there();
    };
    let uid = job.metadata.uid.as_deref();
    let pods: Vec<&Pod> = pods
        .iter()
        .copied()
        .filter(|pod| uid.is_some() && pod::controller(pod) == uid)
        .collect();
    let (total, parallelism) = job::size(job);
    let mut state = JobState {
        phase: Phase::Pending,
        total,
        parallelism,
        done: job::done(job),
        failed: job::failed(job),
        started_at: job::started(job).map(text),
        ended_at: job::ended(job).map(text),
        was_suspended: job::was_suspended(job),
        ..JobState::not_there()
    };
    let events = Events::new(events);
    let is_indexed = job::is_indexed(job);
    state.look_at_pods(&pods, is_indexed, &events);
    state.failures = failures(&pods, is_indexed, &state);
    state.phase = job::phase(job).unwrap_or(state.unfinished(job));
    if !state.phase.is_end() {
        let newest_pod = pods.iter().filter_map(|pod| pod::created(pod)).max();
        state.without_pods = state.why_without_pods(events.about(uid), newest_pod);
    }
    state
}

/// Events by the uid of what they are about.
struct Events<'a>(BTreeMap<&'a str, Vec<&'a Event>>);

impl<'a> Events<'a> {
    fn new(events: &[&'a Event]) -> Self {
        let mut about: BTreeMap<&str, Vec<&Event>> = BTreeMap::new();
        for event in events {
            if let Some(uid) = event.involved_object.uid.as_deref() {
                about.entry(uid).or_default().push(event);
            }
        }
        Self(about)
    }

    fn about(&self, uid: Option<&str>) -> &[&'a Event] {
        let found = uid.and_then(|uid| self.0.get(uid));
        found.map(Vec::as_slice).unwrap_or_default()
    }
}

fn text(time: Timestamp) -> String {
    time.to_string()
}

impl JobState {
    fn not_there() -> Self {
        Self {
            phase: Phase::NotThere,
            total: 0,
            parallelism: 0,
            done: BTreeSet::new(),
            failed: BTreeSet::new(),
            running: BTreeSet::new(),
            waiting: BTreeMap::new(),
            without_pods: None,
            failures: Vec::new(),
            started_at: None,
            ended_at: None,
            was_suspended: false,
        }
    }

    fn look_at_pods(&mut self, pods: &[&Pod], is_indexed: bool, events: &Events<'_>) {
        let there = |pod: &&&Pod| !pod::is_leaving(pod) || pod::is_lost(pod);
        for pod in pods.iter().filter(there) {
            let Some(index) = index_of(pod, is_indexed) else {
                continue;
            };
            match Obstacle::of_pod(pod, events.about(pod.metadata.uid.as_deref())) {
                Some(obstacle) => {
                    self.waiting.insert(index, obstacle);
                }
                None if pod::phase(pod) == "Running" => {
                    self.running.insert(index);
                }
                None => {}
            }
        }
    }

    /// The phase of a Job that has no verdict yet.
    fn unfinished(&self, job: &Job) -> Phase {
        let has_run =
            !self.running.is_empty() || !self.done.is_empty() || !self.failures.is_empty();
        if job.metadata.deletion_timestamp.is_some() {
            Phase::Deleting
        } else if job::is_suspended(job) {
            Phase::Suspended
        } else if has_run {
            Phase::Running
        } else {
            Phase::Pending
        }
    }

    /// What the controller says about pods that it could not make; of no interest once all that can be there are there.
    fn why_without_pods(
        &self,
        events: &[&Event],
        newest_pod: Option<Timestamp>,
    ) -> Option<Obstacle> {
        if matches!(self.phase, Phase::Suspended | Phase::Deleting) {
            return None;
        }
        let there = self.running.len() + self.waiting.len();
        let left = (self.total as usize).saturating_sub(self.done.len() + self.failed.len());
        if there >= left.min(self.parallelism as usize) {
            return None;
        }
        let event = obstacle::newest(events, "FailedCreate")?;
        // A pod that was made since then says that this is over.
        let is_later = |pod| obstacle::last_seen(event).is_some_and(|at| at < pod);
        (!newest_pod.is_some_and(is_later)).then(|| Obstacle::of_failed_create(event))
    }

    /// What needs somebody's attention: each obstacle once, with the indexes that it stops.
    pub fn trouble(&self) -> Vec<(&Obstacle, Vec<u32>)> {
        let mut found: BTreeMap<&Obstacle, Vec<u32>> = BTreeMap::new();
        for (index, obstacle) in self.waiting.iter().filter(|(_, it)| it.is_trouble()) {
            found.entry(obstacle).or_default().push(*index);
        }
        let without = self.without_pods.iter().map(|it| (it, Vec::new()));
        without.chain(found).collect()
    }

    /// The failure that ended the Job, or ends it: of the pod that the controller names, else the first of an index that failed
    /// for good, else the last.
    pub fn cause(&self) -> Option<&IndexFailure> {
        let (Phase::Failing(verdict) | Phase::Failed(verdict)) = &self.phase else {
            return None;
        };
        let is_named = |it: &&IndexFailure| {
            let pod = it.pod.as_deref();
            pod.is_some_and(|pod| verdict.message.contains(pod))
        };
        let for_good = |it: &&IndexFailure| self.failed.contains(&it.index);
        let named = self.failures.iter().find(is_named);
        // Time ran out, whatever came of earlier tries.
        if verdict.reason == "DeadlineExceeded" {
            return named;
        }
        named
            .or_else(|| self.failures.iter().find(for_good))
            .or_else(|| self.failures.iter().max_by_key(|it| it.at))
    }

    /// Failures of replications that are tried again: their next pod is there. Before that nobody knows, as the controller
    /// decides a second later.
    pub fn tried_again(&self) -> impl Iterator<Item = &IndexFailure> {
        let again = |index| self.running.contains(index) || self.waiting.contains_key(index);
        let goes_on = self.goes_on();
        let failures = self.failures.iter();
        failures.filter(move |it| goes_on && again(&it.index))
    }

    /// Failures of replications that are not tried again, while the others go on.
    pub fn given_up(&self) -> impl Iterator<Item = &IndexFailure> {
        let goes_on = self.goes_on();
        let failures = self.failures.iter();
        failures.filter(move |it| goes_on && self.failed.contains(&it.index))
    }

    fn goes_on(&self) -> bool {
        !self.phase.is_end() && !matches!(self.phase, Phase::Failing(_))
    }

    /// Replications that are neither complete nor failed for good.
    pub fn left(&self) -> u32 {
        let ended = self.done.len() + self.failed.len();
        self.total
            .saturating_sub(u32::try_from(ended).unwrap_or(u32::MAX))
    }
}

/// The completion index; a Job that is not indexed, such as the download of weights, has but one.
fn index_of(pod: &Pod, is_indexed: bool) -> Option<u32> {
    if is_indexed { pod::index(pod) } else { Some(0) }
}

/// A failure for each index that failed for good, and the last of those that are tried again.
fn failures(pods: &[&Pod], is_indexed: bool, state: &JobState) -> Vec<IndexFailure> {
    let mut newest: BTreeMap<u32, IndexFailure> = BTreeMap::new();
    for pod in pods {
        let failure = index_of(pod, is_indexed).and_then(|index| IndexFailure::of_pod(pod, index));
        let Some(failure) = failure else {
            continue;
        };
        // Lost with its node or evicted: replaced, and no failure of the replication.
        if pod::is_disrupted(pod) && !state.failed.contains(&failure.index) {
            continue;
        }
        let known = newest.get(&failure.index);
        if !state.done.contains(&failure.index) && known.is_none_or(|known| known.at <= failure.at)
        {
            newest.insert(failure.index, failure);
        }
    }
    for &index in &state.failed {
        newest
            .entry(index)
            .or_insert_with(|| IndexFailure::without_pod(index));
    }
    newest.into_values().collect()
}
