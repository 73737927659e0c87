//! Progress of `collect`: a bar on a terminal, elsewhere a line every 30 s.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use grace_launch::ClusterError;
use grace_launch::collect::{CollectError, Monitor};
use grace_launch::state::Obstacle;
use indicatif::{ProgressBar, ProgressStyle};

use crate::progress::say;
use crate::runtime;

const EVERY: Duration = Duration::from_secs(30);

/// Tells on stderr how files come.
#[derive(Debug)]
pub(crate) struct Transfer {
    on_terminal: bool,
    running: Mutex<Option<Running>>,
}

#[derive(Debug)]
struct Running {
    bytes: u64,
    all: u64,
    started: Instant,
    told: Instant,
    bar: Option<ProgressBar>,
}

impl Transfer {
    pub(crate) fn new() -> Self {
        Self {
            on_terminal: runtime::on_terminal(),
            running: Mutex::new(None),
        }
    }

    fn with<T>(&self, act: impl FnOnce(&mut Option<Running>) -> T) -> T {
        // A panic elsewhere leaves nothing half-done in here.
        act(&mut self.running.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn clear(&self) {
        if let Some(bar) = self.with(Option::take).and_then(|it| it.bar) {
            bar.finish_and_clear();
        }
    }
}

impl Monitor for Transfer {
    fn reader(&self, pod: &str) {
        say(&format!("pod {pod} is to read the results"));
    }

    fn waiting(&self, obstacle: &Obstacle) {
        say(&format!("      waiting: {obstacle}"));
    }

    fn begin(&self, files: u64, bytes: u64) {
        self.clear();
        say(&format!("{files} files to come, {}", size(bytes)));
        let now = Instant::now();
        let bar = self.on_terminal.then(|| bar(bytes));
        self.with(|running| {
            *running = Some(Running {
                bytes: 0,
                all: bytes,
                started: now,
                told: now,
                bar,
            });
        });
    }

    fn received(&self, bytes: u64) {
        let line = self.with(|running| running.as_mut().and_then(|it| it.received(bytes)));
        if let Some(line) = line {
            say(&line);
        }
    }

    fn again(&self, error: &CollectError, pause: Duration) {
        self.clear();
        say(&format!(
            "note: {error}; again in {} s",
            pause.as_secs_f64()
        ));
    }

    fn left(&self, pod: &str, error: &ClusterError) {
        self.clear();
        say(&format!(
            "note: pod {pod} is left behind ({error}); it ends by itself ten minutes after it was last used"
        ));
    }
}

impl Drop for Transfer {
    fn drop(&mut self) {
        self.clear();
    }
}

impl Running {
    /// Counts; a line if it is time for one.
    fn received(&mut self, bytes: u64) -> Option<String> {
        self.bytes += bytes;
        if let Some(bar) = &self.bar {
            bar.set_position(self.bytes);
            return None;
        }
        (self.told.elapsed() >= EVERY).then(|| {
            self.told = Instant::now();
            let rate = self.bytes as f64 / self.started.elapsed().as_secs_f64();
            format!(
                "      {} of {}, {:.1} MB/s",
                size(self.bytes),
                size(self.all),
                rate / 1e6
            )
        })
    }
}

fn bar(bytes: u64) -> ProgressBar {
    let template =
        "      {bar:32} {decimal_bytes}/{decimal_total_bytes} {decimal_bytes_per_sec} eta {eta}";
    let style = ProgressStyle::with_template(template);
    ProgressBar::new(bytes).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// Bytes as people read them: 10⁶ are 1 MB, as in plans.
pub(crate) fn size(bytes: u64) -> String {
    let units = [
        (1_000_000_000_000, "TB"),
        (1_000_000_000, "GB"),
        (1_000_000, "MB"),
        (1000, "kB"),
    ];
    match units.into_iter().find(|(unit, _)| bytes >= *unit) {
        Some((unit, name)) => format!("{:.1} {name}", bytes as f64 / unit as f64),
        None => format!("{bytes} bytes"),
    }
}
