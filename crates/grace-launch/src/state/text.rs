//! A Job's state in words.

use std::fmt;

use super::indexes::format_indexes;
use super::{JobState, Obstacle, Phase, Verdict};

impl fmt::Display for JobState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.phase {
            Phase::NotThere => f.write_str("not there"),
            Phase::Deleting => f.write_str("being deleted"),
            Phase::Suspended => write!(f, "suspended: done {} of {}", self.done.len(), self.total),
            Phase::Pending => self.write_pending(f),
            Phase::Running => f.write_str(&(self.counts() + &self.troubles())),
            Phase::Failing(verdict) => {
                f.write_str("failing: ")?;
                self.write_failure(f, verdict)
            }
            Phase::Failed(verdict) => {
                f.write_str("failed: ")?;
                self.write_failure(f, verdict)
            }
            Phase::Complete => write!(f, "complete: {} of {}", self.done.len(), self.total),
        }
    }
}

impl JobState {
    fn counts(&self) -> String {
        format!(
            "running {}/{}, done {}, failed {}",
            self.running.len(),
            self.total,
            self.done.len(),
            self.failed.len()
        )
    }

    fn troubles(&self) -> String {
        let of = |(obstacle, indexes): (&Obstacle, Vec<u32>)| match indexes.as_slice() {
            [] => format!("; {obstacle}"),
            [index] => format!("; index {index}: {obstacle}"),
            many => format!(
                "; indexes {}: {obstacle}",
                format_indexes(many.iter().copied())
            ),
        };
        self.trouble().into_iter().map(of).collect()
    }

    /// Its text, with `aside` behind the counts of a Job that runs and before what is wrong with it, else at the end.
    pub fn with_aside(&self, aside: &str) -> String {
        match self.phase {
            Phase::Running => format!("{}{aside}{}", self.counts(), self.troubles()),
            _ => format!("{self}{aside}"),
        }
    }

    fn write_pending(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.trouble().first() {
            Some((obstacle @ (Obstacle::Quota(_) | Obstacle::Refused(_)), _)) => {
                write!(f, "pending: {obstacle}")
            }
            Some((obstacle, _)) => write!(f, "{obstacle}"),
            None => match self.waiting.values().next() {
                Some(obstacle) => write!(f, "pending: {obstacle}"),
                None => f.write_str("pending: no pod yet"),
            },
        }
    }

    fn write_failure(&self, f: &mut fmt::Formatter<'_>, verdict: &Verdict) -> fmt::Result {
        match self.cause() {
            Some(failure) => write!(f, "{failure}")?,
            None => f.write_str(&verdict.message)?,
        }
        if self.failed.len() > 1 {
            write!(
                f,
                "; failed indexes {}",
                format_indexes(self.failed.iter().copied())
            )?;
        }
        write!(
            f,
            " ({}, done {} of {})",
            verdict.reason,
            self.done.len(),
            self.total
        )
    }
}
