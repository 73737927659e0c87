//! What was looked at, and what came of it.

use serde::Serialize;

use crate::error::ClusterError;

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Check {
    /// What was looked at.
    pub name: String,
    /// What came of it.
    pub verdict: Verdict,
    /// What was found.
    pub found: String,
    /// What to do about it; null if nothing.
    pub advice: Option<String>,
}

/// What came of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// It may work; somebody should know.
    Warn,
    /// It could not be found out.
    Unknown,
    /// It will not work.
    Fail,
}

impl Check {
    pub(super) fn ok(name: impl Into<String>, found: impl Into<String>) -> Self {
        Self::new(name, Verdict::Ok, found)
    }

    pub(super) fn warn(name: impl Into<String>, found: impl Into<String>) -> Self {
        Self::new(name, Verdict::Warn, found)
    }

    pub(super) fn unknown(name: impl Into<String>, found: impl Into<String>) -> Self {
        Self::new(name, Verdict::Unknown, found)
    }

    pub(super) fn fail(name: impl Into<String>, found: impl Into<String>) -> Self {
        Self::new(name, Verdict::Fail, found)
    }

    fn new(name: impl Into<String>, verdict: Verdict, found: impl Into<String>) -> Self {
        let (name, found) = (name.into(), found.into());
        Self {
            name,
            verdict,
            found,
            advice: None,
        }
    }

    /// An error of the cluster: what it means depends on what was asked.
    pub(super) fn failed(name: impl Into<String>, verdict: Verdict, error: &ClusterError) -> Self {
        let check = Self::new(name, verdict, error.to_string());
        match error.hint() {
            // `doctor` is at work already.
            Some(hint) if !hint.contains("doctor") => check.advise(hint),
            _ => check,
        }
    }

    pub(super) fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }
}
