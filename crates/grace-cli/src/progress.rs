//! Progress: bars on a terminal, elsewhere a line every 30 s.

use std::io::Write;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use grace_core::ExperimentId;
use grace_core::journal::RequestOutcome;
use grace_runner::Monitor;
use indicatif::{ProgressBar, ProgressStyle};

use crate::runtime;

const EVERY: Duration = Duration::from_secs(30);

/// Tells progress on stderr.
#[derive(Debug)]
pub(crate) struct Progress {
    on_terminal: bool,
    experiment: Mutex<Option<Running>>,
}

#[derive(Debug)]
struct Running {
    name: String,
    requests: u64,
    answered: u64,
    at_start: u64,
    failed: u64,
    started: Instant,
    told: Instant,
    bar: Option<ProgressBar>,
}

impl Progress {
    pub(crate) fn new() -> Self {
        Self {
            on_terminal: runtime::on_terminal(),
            experiment: Mutex::new(None),
        }
    }

    fn with_running(&self, act: impl FnOnce(&mut Option<Running>)) {
        // A panic elsewhere leaves nothing half-done in here.
        act(&mut self
            .experiment
            .lock()
            .unwrap_or_else(PoisonError::into_inner));
    }

    fn finish_experiment(&self) {
        self.with_running(|running| {
            if let Some(running) = running.take() {
                if let Some(bar) = &running.bar {
                    bar.finish_and_clear();
                }
                say(&running.summary());
            }
        });
    }
}

impl Monitor for Progress {
    fn step(&self, number: u8, what: &str) {
        self.finish_experiment();
        say(&format!("[{number}/7] {what}"));
    }

    fn experiment(&self, id: &ExperimentId, requests: u64, answered: u64) {
        self.finish_experiment();
        let now = Instant::now();
        let bar = self.on_terminal.then(|| bar(id, requests, answered));
        self.with_running(|running| {
            *running = Some(Running {
                name: id.to_string(),
                requests,
                answered,
                at_start: answered,
                failed: 0,
                started: now,
                told: now,
                bar,
            });
        });
    }

    fn finished(&self, outcome: RequestOutcome) {
        self.with_running(|running| {
            if let Some(running) = running {
                running.finished(outcome);
            }
        });
    }

    fn note(&self, text: &str) {
        say(&format!("note: {text}"));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.finish_experiment();
    }
}

impl Running {
    fn finished(&mut self, outcome: RequestOutcome) {
        if outcome == RequestOutcome::Failed {
            self.failed += 1;
        } else {
            self.answered += 1;
        }
        if let Some(bar) = &self.bar {
            bar.set_position(self.answered);
        } else if self.told.elapsed() >= EVERY {
            self.told = Instant::now();
            say(&self.summary());
        }
    }

    fn summary(&self) -> String {
        let seconds = self.started.elapsed().as_secs_f64();
        let new = self.answered - self.at_start;
        let mut parts = vec![format!("{} of {} requests", self.answered, self.requests)];
        if self.at_start > 0 {
            parts.push(format!("{} from before", self.at_start));
        }
        if new > 0 && seconds > 0.0 {
            parts.push(format!("{:.0} a second", new as f64 / seconds));
        }
        if self.failed > 0 {
            parts.push(format!("{} failed", self.failed));
        }
        format!("      {}: {}", self.name, parts.join(", "))
    }
}

fn bar(id: &ExperimentId, requests: u64, answered: u64) -> ProgressBar {
    let template = "      {msg} {bar:32} {pos}/{len} {per_sec} eta {eta}";
    let style =
        ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = ProgressBar::new(requests)
        .with_style(style)
        .with_message(id.to_string());
    bar.set_position(answered);
    bar.reset_eta();
    bar
}

/// Writes a line to stderr.
pub(crate) fn say(text: &str) {
    // A closed stderr must not end a run.
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}
