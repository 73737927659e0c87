//! Pods of Jobs from their start to their end, by the clock or by a process.

use serde_json::Value;

use super::book::Run;
use super::container::{Container, Doing, Heard, Process};
use super::workload::Outcome;
use super::{Work, pods, pods_resource};
use crate::state::State;

/// Takes in what the process of a pod did.
pub(crate) fn hear(state: &mut State, heard: &Heard) {
    let Heard {
        namespace,
        pod: name,
        what,
    } = heard;
    match what {
        Doing::Line(line) => state.logs.append(namespace, name, line.as_bytes()),
        Doing::Ended(code) => {
            let Some(mut pod) = state.store.get(pods_resource(), namespace, name).cloned() else {
                return;
            };
            let is_leaving = !pod["metadata"]["deletionTimestamp"].is_null();
            if pod["status"]["phase"] == "Running" && !is_leaving {
                pods::end(&mut pod, &Outcome::exit(*code));
                state.store.put(pods_resource(), pod);
            }
        }
    }
}

impl Work<'_> {
    pub(super) fn look_at_pod(&mut self, name: &str, run: &Run, phase: &str) {
        if run.outcome.stuck.is_some() {
            return;
        }
        let is_over = run.ends.is_some_and(|ends| ends <= self.now);
        match phase {
            "Pending" if run.starts <= self.now => self.start_pod(name, run),
            "Running" if is_over => self.end_pod(name, run.index, &run.outcome),
            // A test, or its process, may say itself how a pod ends.
            "Succeeded" | "Failed" => {
                if let Some(pod) = self.pod(name) {
                    self.enter(name, run.index, &pod);
                }
            }
            _ => {}
        }
    }

    fn pod(&self, name: &str) -> Option<Value> {
        let namespace = self.namespace();
        let store = &self.state.store;
        store.get(pods_resource(), &namespace, name).cloned()
    }

    fn start_pod(&mut self, name: &str, run: &Run) {
        let Some(mut pod) = self.pod(name) else {
            return;
        };
        pods::run(&mut pod);
        self.state.store.put(pods_resource(), pod.clone());
        let namespace = self.namespace();
        for line in &run.outcome.log {
            self.state.logs.append(&namespace, name, line.as_bytes());
        }
        let Some(program) = &run.outcome.program else {
            let ends = self.now + run.outcome.after.unwrap_or(self.workload.run);
            if let Some(run) = self.book.running.get_mut(name) {
                run.ends = Some(ends);
            }
            return;
        };
        let container = Container::of(&pod, &self.state.store);
        let command = (program.0)(&container);
        match Process::start(command, &namespace, name, &self.state.hear) {
            Ok(process) => {
                if let Some(run) = self.book.running.get_mut(name) {
                    run.process = Some(process);
                }
            }
            Err(error) => {
                let outcome = Outcome::start_error(&error.to_string());
                self.end_pod(name, run.index, &outcome);
            }
        }
    }

    fn end_pod(&mut self, name: &str, index: u32, outcome: &Outcome) {
        let Some(mut pod) = self.pod(name) else {
            return;
        };
        pods::end(&mut pod, outcome);
        let pod = (*self.state.store.put(pods_resource(), pod)).clone();
        self.enter(name, index, &pod);
    }
}
