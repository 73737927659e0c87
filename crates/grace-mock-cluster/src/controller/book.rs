//! What the controller knows of a Job, and what follows from it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use super::container::Process;
use super::policy::Action;
use super::workload::Outcome;
use crate::clock;

/// A pod that has not ended.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    pub(crate) index: u32,
    pub(crate) outcome: Outcome,
    pub(crate) starts: Instant,
    pub(crate) ends: Option<Instant>,
    pub(crate) process: Option<Process>,
}

/// Why a Job is to fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) reason: &'static str,
    pub(crate) message: String,
}

#[derive(Debug, Default)]
pub(crate) struct Book {
    pub(crate) running: BTreeMap<String, Run>,
    /// Pods that the controller deletes; a Job fails only once they are gone.
    pub(crate) ending: BTreeSet<String>,
    pub(crate) attempts: BTreeMap<u32, u32>,
    pub(crate) retry_at: BTreeMap<u32, Instant>,
    pub(crate) started: Option<Instant>,
    pub(crate) finished: Option<Instant>,
    pub(crate) conditions: Vec<Value>,
    pub(crate) verdict: Option<Verdict>,
    /// How often no pod could be made.
    pub(crate) refusals: u32,
    completed: BTreeSet<u32>,
    failed: BTreeSet<u32>,
    failures: BTreeMap<u32, u32>,
    failed_pods: u32,
    start_time: Option<String>,
    completion_time: Option<String>,
}

impl Book {
    pub(crate) fn failures_of(&self, index: u32) -> u32 {
        self.failures.get(&index).copied().unwrap_or(0)
    }

    pub(crate) fn start(&mut self, now: Instant) {
        if self.started.is_none() {
            self.started = Some(now);
            self.start_time = Some(clock::now());
        }
    }

    pub(crate) fn suspend(&mut self) {
        self.started = None;
        self.start_time = None;
    }

    pub(crate) fn succeed(&mut self, index: u32) {
        self.completed.insert(index);
    }

    /// A pod that the controller itself ended counts as failed.
    pub(crate) fn count_ended(&mut self) {
        self.failed_pods += 1;
    }

    /// Enters a failed pod: the index is tried again later, or failed, or the whole Job is to fail.
    pub(crate) fn fail(&mut self, spec: &Value, index: u32, action: Action, retry: Instant) {
        match action {
            Action::Ignore => {
                self.retry_at.insert(index, retry);
                return;
            }
            Action::FailJob(message) => {
                self.failed_pods += 1;
                self.condemn("PodFailurePolicy", &message);
            }
            Action::FailIndex => {
                self.failed_pods += 1;
                self.failed.insert(index);
            }
            Action::Count => {
                self.failed_pods += 1;
                *self.failures.entry(index).or_default() += 1;
                self.count(spec, index, retry);
            }
        }
        let most = spec["maxFailedIndexes"].as_u64();
        if most.is_some_and(|most| self.failed.len() as u64 > most) {
            let message = "Job has exceeded the specified maximal number of failed indexes";
            self.condemn("MaxFailedIndexesExceeded", message);
        }
    }

    fn count(&mut self, spec: &Value, index: u32, retry: Instant) {
        if let Some(limit) = spec["backoffLimitPerIndex"].as_u64() {
            if u64::from(self.failures_of(index)) > limit {
                self.failed.insert(index);
            } else {
                self.retry_at.insert(index, retry);
            }
            return;
        }
        if u64::from(self.failed_pods) > spec["backoffLimit"].as_u64().unwrap_or(6) {
            let message = "Job has reached the specified backoff limit";
            self.condemn("BackoffLimitExceeded", message);
        } else {
            self.retry_at.insert(index, retry);
        }
    }

    /// The first verdict stands.
    pub(crate) fn condemn(&mut self, reason: &'static str, message: &str) {
        let message = message.to_owned();
        self.verdict.get_or_insert(Verdict { reason, message });
    }

    /// Fails a Job that ran too long, or that has no index left and failed ones.
    pub(crate) fn look_at_the_end(&mut self, spec: &Value, second: Duration, now: Instant) {
        let deadline = self.deadline(spec, second);
        if deadline.is_some_and(|deadline| deadline <= now) {
            self.condemn(
                "DeadlineExceeded",
                "Job was active longer than specified deadline",
            );
        }
        let all = completions(spec);
        let ended = self.completed.union(&self.failed).count();
        if !self.failed.is_empty() && ended as u64 >= u64::from(all) {
            self.condemn("FailedIndexes", "Job has failed indexes");
        }
    }

    pub(crate) fn deadline(&self, spec: &Value, second: Duration) -> Option<Instant> {
        let seconds = u32::try_from(spec["activeDeadlineSeconds"].as_u64()?).ok()?;
        Some(self.started? + second * seconds)
    }

    pub(crate) fn is_complete(&self, spec: &Value) -> bool {
        self.completed.len() as u64 >= u64::from(completions(spec))
    }

    /// The indexes to make pods for now, the lowest first.
    pub(crate) fn due(&self, spec: &Value, now: Instant) -> Vec<u32> {
        let parallelism = spec["parallelism"].as_u64().unwrap_or(1);
        let free = usize::try_from(parallelism)
            .unwrap_or(0)
            .saturating_sub(self.running.len());
        let active: BTreeSet<u32> = self.running.values().map(|run| run.index).collect();
        let open = |index: &u32| {
            !self.completed.contains(index)
                && !self.failed.contains(index)
                && !active.contains(index)
                && self.retry_at.get(index).is_none_or(|at| *at <= now)
        };
        (0..completions(spec)).filter(open).take(free).collect()
    }

    /// The next time at which something is due.
    pub(crate) fn next(&self, spec: &Value, second: Duration, now: Instant) -> Option<Instant> {
        let runs = self.running.values();
        let of_pods = runs.filter_map(|run| {
            run.ends
                .or_else(|| run.process.is_none().then_some(run.starts))
        });
        let retries = self.retry_at.values().copied();
        let times = of_pods.chain(retries).chain(self.deadline(spec, second));
        times.filter(|time| *time > now).min()
    }

    /// Adds a condition, or changes the one of its type where it stands.
    pub(crate) fn set_condition(&mut self, kind: &str, status: &str, reason: &str, message: &str) {
        let now = clock::now();
        let condition = json!({
            "type": kind,
            "status": status,
            "lastProbeTime": now,
            "lastTransitionTime": now,
            "reason": reason,
            "message": message,
        });
        match self.conditions.iter_mut().find(|one| one["type"] == kind) {
            Some(there) => *there = condition,
            None => self.conditions.push(condition),
        }
        if kind == "Complete" {
            self.completion_time = Some(now);
        }
    }

    pub(crate) fn has(&self, kind: &str, status: &str) -> bool {
        let mut all = self.conditions.iter();
        all.any(|one| one["type"] == kind && one["status"] == status)
    }

    /// `status` of the Job; zeros are left out as the API does.
    pub(crate) fn status(&self, spec: &Value, ready: usize) -> Value {
        let mut status = Map::new();
        let mut set = |field: &str, value: Value| {
            status.insert(field.to_owned(), value);
        };
        if !self.conditions.is_empty() {
            set("conditions", self.conditions.clone().into());
        }
        for (field, time) in [
            ("startTime", &self.start_time),
            ("completionTime", &self.completion_time),
        ] {
            if let Some(time) = time {
                set(field, time.as_str().into());
            }
        }
        let counts = [
            ("active", self.running.len()),
            ("succeeded", self.completed.len()),
            ("failed", self.failed_pods as usize),
        ];
        for (field, count) in counts.into_iter().filter(|(_, count)| *count > 0) {
            set(field, count.into());
        }
        set("terminating", self.ending.len().into());
        if !self.completed.is_empty() {
            set("completedIndexes", ranges(&self.completed).into());
        }
        if !spec["backoffLimitPerIndex"].is_null() {
            set("failedIndexes", ranges(&self.failed).into());
        }
        set("uncountedTerminatedPods", json!({}));
        set("ready", ready.into());
        Value::Object(status)
    }
}

fn completions(spec: &Value) -> u32 {
    let completions = spec["completions"].as_u64().unwrap_or(1);
    u32::try_from(completions).unwrap_or(u32::MAX)
}

/// Indexes as the API writes them: `0-2,5`, and two in a row as `1,2`.
fn ranges(indexes: &BTreeSet<u32>) -> String {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for &index in indexes {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == index => *last = index,
            _ => runs.push((index, index)),
        }
    }
    let written = runs.iter().map(|(first, last)| match last - first {
        0 => first.to_string(),
        1 => format!("{first},{last}"),
        _ => format!("{first}-{last}"),
    });
    written.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indexes_are_ranges_as_recorded() {
        let of = |indexes: &[u32]| ranges(&indexes.iter().copied().collect());
        assert_eq!(of(&[]), "");
        assert_eq!(of(&[0, 1, 2, 3, 4]), "0-4");
        assert_eq!(of(&[1, 2]), "1,2"); // job-podfailurepolicy-failindex
        assert_eq!(of(&[0, 2, 4]), "0,2,4");
    }
}
