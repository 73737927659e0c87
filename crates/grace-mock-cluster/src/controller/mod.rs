//! A small Job controller, with the scheduler and the kubelet that it needs.

mod bare;
mod book;
mod container;
mod events;
mod kubelet;
mod pods;
mod policy;
mod workload;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use serde_json::Value;

use self::book::{Book, Run};
pub use self::container::Container;
pub(crate) use self::container::Heard;
use self::events::tell;
pub(crate) use self::kubelet::hear;
use self::policy::{Action, Failure, judge};
use self::workload::Stuck;
pub use self::workload::{Attempt, Outcome, Workload};
use crate::gc::{Propagation, delete_job, delete_pod, jobs, pods as pods_resource};
use crate::state::State;
use crate::store::text;

/// The Jobs that the controller looks after.
#[derive(Debug)]
pub(crate) struct Controller {
    workload: Workload,
    /// By the uid of the Job.
    books: BTreeMap<String, Book>,
    bare: bare::Bare,
}

impl Controller {
    pub(crate) fn new(workload: Workload) -> Self {
        Self {
            workload,
            books: BTreeMap::new(),
            bare: bare::Bare::default(),
        }
    }

    /// Other pods to come go another way; those that there are go on.
    pub(crate) fn set_workload(&mut self, workload: Workload) {
        self.workload = workload;
    }
}

/// Does what is due, and says when to look again.
pub(crate) fn step(state: &mut State, now: Instant) -> Option<Instant> {
    let mut controller = state.controller.take()?;
    let all: Vec<Value> = state
        .store
        .list(jobs(), None)
        .map(|job| (**job).clone())
        .collect();
    // Processes of a Job that is gone end with its book.
    let uids: BTreeSet<String> = all.iter().map(|job| text(job, "/metadata/uid")).collect();
    controller.books.retain(|uid, _| uids.contains(uid));
    let mut next = controller.bare.step(state, &controller.workload, now);
    for job in all {
        let book = controller
            .books
            .entry(text(&job, "/metadata/uid"))
            .or_default();
        let mut work = Work {
            state,
            workload: &controller.workload,
            book,
            job,
            now,
        };
        next = next.into_iter().chain(work.reconcile()).min();
    }
    state.controller = Some(controller);
    next
}

/// One look at one Job.
struct Work<'a> {
    state: &'a mut State,
    workload: &'a Workload,
    book: &'a mut Book,
    job: Value,
    now: Instant,
}

impl Work<'_> {
    fn spec(&self) -> &Value {
        &self.job["spec"]
    }

    fn namespace(&self) -> String {
        text(&self.job, "/metadata/namespace")
    }

    fn reconcile(&mut self) -> Option<Instant> {
        if !self.job["metadata"]["deletionTimestamp"].is_null() {
            return None;
        }
        if self.is_finished() {
            return self.expire();
        }
        self.look_at_pods();
        if self.spec()["suspend"] == true {
            self.suspend();
        } else {
            self.go_on();
        }
        self.write_status();
        let spec = &self.job["spec"];
        self.book.next(spec, self.workload.second, self.now)
    }

    fn is_finished(&self) -> bool {
        let conditions = self.job["status"]["conditions"]
            .as_array()
            .into_iter()
            .flatten();
        conditions.into_iter().any(|one| {
            one["status"] == "True" && (one["type"] == "Complete" || one["type"] == "Failed")
        })
    }

    /// A finished Job goes when its time to live is over.
    fn expire(&mut self) -> Option<Instant> {
        let seconds = u32::try_from(self.spec()["ttlSecondsAfterFinished"].as_u64()?).ok()?;
        let finished = *self.book.finished.get_or_insert(self.now);
        let end = finished + self.workload.second * seconds;
        if end > self.now {
            return Some(end);
        }
        let (namespace, name) = (self.namespace(), text(&self.job, "/metadata/name"));
        delete_job(self.state, &namespace, &name, Propagation::Background);
        None
    }

    /// Lets pods start and end, and enters those that ended or that somebody deleted.
    fn look_at_pods(&mut self) {
        let namespace = self.namespace();
        let runs: Vec<(String, Run)> = self.book.running.clone().into_iter().collect();
        for (name, run) in runs {
            let pod = self.state.store.get(pods_resource(), &namespace, &name);
            match pod {
                Some(pod) if pod["metadata"]["deletionTimestamp"].is_null() => {
                    let phase = text(pod, "/status/phase");
                    self.look_at_pod(&name, &run, &phase);
                }
                gone => {
                    let gone = gone.cloned();
                    self.book.running.remove(&name);
                    if gone.is_some() {
                        self.book.ending.insert(name.clone());
                    }
                    let conditions = gone.map(|pod| pods::holding(&pod)).unwrap_or_default();
                    // SIGKILL after the grace period.
                    self.fail(&name, run.index, 137, conditions);
                }
            }
        }
        let store = &self.state.store;
        self.book
            .ending
            .retain(|name| store.get(pods_resource(), &namespace, name).is_some());
    }

    /// Enters a pod that ended.
    fn enter(&mut self, name: &str, index: u32, pod: &Value) {
        self.book.running.remove(name);
        if pod["status"]["phase"] == "Succeeded" {
            self.book.succeed(index);
            return;
        }
        let code = &pod["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"];
        let code = code.as_i64().and_then(|code| i32::try_from(code).ok());
        self.fail(name, index, code.unwrap_or(137), pods::holding(pod));
    }

    fn fail(&mut self, pod: &str, index: u32, exit_code: i32, conditions: Vec<String>) {
        let container = text(&self.job, "/spec/template/spec/containers/0/name");
        let failure = Failure {
            pod,
            namespace: &self.namespace(),
            container: &container,
            exit_code,
            conditions,
        };
        let action = judge(&self.spec()["podFailurePolicy"], &failure);
        let wait = match action {
            // What is ignored is replaced at once.
            Action::Ignore => Duration::ZERO,
            _ => self.workload.retry,
        };
        let spec = &self.job["spec"];
        self.book.fail(spec, index, action, self.now + wait);
    }

    fn suspend(&mut self) {
        if !self.book.has("Suspended", "True") {
            self.end_pods(false);
            self.book.suspend();
            self.book
                .set_condition("Suspended", "True", "JobSuspended", "Job suspended");
            tell(
                self.state,
                &self.job,
                "Normal",
                "Suspended",
                "Job suspended",
            );
        }
    }

    fn go_on(&mut self) {
        if self.book.has("Suspended", "True") {
            self.book
                .set_condition("Suspended", "False", "JobResumed", "Job resumed");
            tell(self.state, &self.job, "Normal", "Resumed", "Job resumed");
        }
        self.book.start(self.now);
        let spec = &self.job["spec"];
        self.book
            .look_at_the_end(spec, self.workload.second, self.now);
        if let Some(verdict) = self.book.verdict.clone() {
            self.fail_job(verdict.reason, &verdict.message);
        } else if self.book.is_complete(spec) {
            self.complete_job();
        } else {
            self.make_pods();
        }
    }

    /// First the target, and the end once all pods have ended.
    fn fail_job(&mut self, reason: &str, message: &str) {
        if !self.book.has("FailureTarget", "True") {
            self.book
                .set_condition("FailureTarget", "True", reason, message);
            self.end_pods(true);
        } else if self.book.ending.is_empty() {
            self.book.set_condition("Failed", "True", reason, message);
            tell(self.state, &self.job, "Warning", reason, message);
        }
    }

    fn complete_job(&mut self) {
        let (reason, message) = (
            "CompletionsReached",
            "Reached expected number of succeeded pods",
        );
        if self.book.has("SuccessCriteriaMet", "True") {
            self.book.set_condition("Complete", "True", reason, message);
            tell(
                self.state,
                &self.job,
                "Normal",
                "Completed",
                "Job completed",
            );
        } else {
            self.book
                .set_condition("SuccessCriteriaMet", "True", reason, message);
        }
    }

    /// Deletes the pods that run.
    fn end_pods(&mut self, counted: bool) {
        let namespace = self.namespace();
        for (name, _) in std::mem::take(&mut self.book.running) {
            delete_pod(self.state, &namespace, &name);
            let message = format!("Deleted pod: {name}");
            tell(
                self.state,
                &self.job,
                "Normal",
                "SuccessfulDelete",
                &message,
            );
            self.book.ending.insert(name);
            if counted {
                self.book.count_ended();
            }
        }
    }

    fn make_pods(&mut self) {
        let spec = &self.job["spec"];
        for index in self.book.due(spec, self.now) {
            self.make_pod(index);
        }
    }

    fn make_pod(&mut self, index: u32) {
        let job = text(&self.job, "/metadata/name");
        let name = pods::prefix(&job, index) + &self.state.store.draw_suffix();
        let attempt = Attempt {
            job,
            namespace: self.namespace(),
            pod: name.clone(),
            index,
            attempt: self.book.attempts.get(&index).copied().unwrap_or(0),
        };
        let outcome = (self.workload.decide)(&attempt);
        if let Some(Stuck::Refused(message)) = &outcome.stuck {
            let message = format!("Error creating: {message}");
            tell(self.state, &self.job, "Warning", "FailedCreate", &message);
            // Longer and longer, as the real one.
            let wait = self.workload.retry * 2_u32.saturating_pow(self.book.refusals.min(10));
            self.book.refusals += 1;
            self.book.retry_at.insert(index, self.now + wait);
            return;
        }
        let failures = self.book.failures_of(index);
        let pod = pods::new(&self.job, index, &name, failures, &outcome);
        self.state.store.put(pods_resource(), pod);
        let message = format!("Created pod: {name}");
        tell(
            self.state,
            &self.job,
            "Normal",
            "SuccessfulCreate",
            &message,
        );
        *self.book.attempts.entry(index).or_default() += 1;
        self.book.retry_at.remove(&index);
        let run = Run {
            index,
            outcome,
            starts: self.now + self.workload.start,
            ends: None,
            process: None,
        };
        self.book.running.insert(name, run);
    }

    fn write_status(&mut self) {
        let (namespace, name) = (self.namespace(), text(&self.job, "/metadata/name"));
        let store = &mut self.state.store;
        let ready = self.book.running.keys().filter(|name| {
            let pod = store.get(pods_resource(), &namespace, name);
            pod.is_some_and(|pod| pod["status"]["phase"] == "Running")
        });
        let status = self.book.status(&self.job["spec"], ready.count());
        let Some(mut job) = store.get(jobs(), &namespace, &name).cloned() else {
            return;
        };
        job["status"] = status;
        store.put(jobs(), job);
    }
}
