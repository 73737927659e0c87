//! The file by which processes in a pod tell its main process that they are at work.

use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

/// How often the mark is renewed at most, and looked at.
const EVERY: Duration = Duration::from_secs(2);

/// Renews a file while work goes on.
#[derive(Debug)]
pub struct UseMark {
    path: Option<PathBuf>,
    renewed: Cell<Option<Instant>>,
}

impl UseMark {
    /// A mark in `path`; without one, none is made.
    pub fn at(path: Option<PathBuf>) -> Self {
        let renewed = Cell::new(None);
        Self { path, renewed }
    }

    /// Says that work goes on. A mark that cannot be written only lets the pod end sooner.
    pub fn renew(&self) {
        let Some(path) = &self.path else { return };
        if self
            .renewed
            .get()
            .is_none_or(|then| then.elapsed() >= EVERY)
        {
            let _ = fs::write(path, b"in use\n");
            self.renewed.set(Some(Instant::now()));
        }
    }
}

/// Returns once the mark in `path` was not renewed for `longest`.
pub async fn idle(path: &Path, longest: Duration) {
    let mark = || fs::metadata(path).and_then(|it| it.modified()).ok();
    let mut seen: Option<SystemTime> = mark();
    let mut since = tokio::time::Instant::now();
    while since.elapsed() < longest {
        tokio::time::sleep(EVERY.min(longest)).await;
        let now = mark();
        if now != seen {
            seen = now;
            since = tokio::time::Instant::now();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn waits_as_long_as_the_mark_is_renewed() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("mark");
        let begun = tokio::time::Instant::now();
        let renewing = async {
            for _ in 0..5 {
                tokio::time::sleep(Duration::from_secs(8)).await;
                UseMark::at(Some(path.clone())).renew();
                // Time stands still for the file system: its clock goes on by itself.
                std::thread::sleep(Duration::from_millis(12));
            }
        };
        tokio::join!(renewing, idle(&path, Duration::from_secs(10)));
        let took = begun.elapsed().as_secs();
        assert!((50..=54).contains(&took), "{took}");
    }
}
