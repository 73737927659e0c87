//! What a Job says of itself.

use std::collections::BTreeSet;

use k8s_openapi::api::batch::v1::{Job, JobCondition};
use k8s_openapi::jiff::Timestamp;

use super::{Phase, Verdict, parse_indexes};
use crate::error::shortened;

/// Completions and parallelism.
pub(super) fn size(job: &Job) -> (u32, u32) {
    let spec = job.spec.as_ref();
    let count = |value: Option<i32>| u32::try_from(value.unwrap_or(1)).unwrap_or_default();
    (
        count(spec.and_then(|it| it.completions)),
        count(spec.and_then(|it| it.parallelism)),
    )
}

/// Whether each of its pods has an index.
pub(super) fn is_indexed(job: &Job) -> bool {
    let mode = job
        .spec
        .as_ref()
        .and_then(|it| it.completion_mode.as_deref());
    mode == Some("Indexed")
}

/// The indexes that are complete; of a Job without indexes, one after the other.
pub(super) fn done(job: &Job) -> BTreeSet<u32> {
    let status = job.status.as_ref();
    if !is_indexed(job) {
        let succeeded = status.and_then(|it| it.succeeded).unwrap_or_default();
        return (0..u32::try_from(succeeded).unwrap_or_default()).collect();
    }
    status
        .and_then(|it| it.completed_indexes.as_deref())
        .map(parse_indexes)
        .unwrap_or_default()
}

pub(super) fn failed(job: &Job) -> BTreeSet<u32> {
    let status = job.status.as_ref();
    status
        .and_then(|it| it.failed_indexes.as_deref())
        .map(parse_indexes)
        .unwrap_or_default()
}

pub(super) fn started(job: &Job) -> Option<Timestamp> {
    job.status.as_ref()?.start_time.as_ref().map(|it| it.0)
}

/// When it ended: there is no completion time where it failed, so that of the condition counts.
pub(super) fn ended(job: &Job) -> Option<Timestamp> {
    let completed = job.status.as_ref()?.completion_time.as_ref().map(|it| it.0);
    completed.or_else(|| {
        let condition = ["Complete", "Failed"]
            .into_iter()
            .find_map(|kind| held(job, kind))?;
        condition.last_transition_time.as_ref().map(|it| it.0)
    })
}

/// `Suspended=False` stays in the list for ever, so its status counts.
pub(super) fn is_suspended(job: &Job) -> bool {
    held(job, "Suspended").is_some() || job.spec.as_ref().is_some_and(|it| it.suspend == Some(true))
}

/// Whether it ever was: the condition stays, whatever its status is now.
pub(super) fn was_suspended(job: &Job) -> bool {
    let conditions = job.status.as_ref().and_then(|it| it.conditions.as_deref());
    let mut conditions = conditions.unwrap_or_default().iter();
    conditions.any(|it| it.type_ == "Suspended")
}

/// The phase, where a condition decides it. `FailureTarget` comes first; `Failed` only when all pods have ended.
pub(super) fn phase(job: &Job) -> Option<Phase> {
    if held(job, "Complete").is_some() {
        return Some(Phase::Complete);
    }
    if let Some(condition) = held(job, "Failed") {
        return Some(Phase::Failed(verdict(condition)));
    }
    held(job, "FailureTarget").map(|condition| Phase::Failing(verdict(condition)))
}

fn held<'a>(job: &'a Job, kind: &str) -> Option<&'a JobCondition> {
    let conditions = job.status.as_ref()?.conditions.as_deref()?;
    conditions
        .iter()
        .find(|it| it.type_ == kind && it.status == "True")
}

fn verdict(condition: &JobCondition) -> Verdict {
    Verdict {
        reason: condition.reason.clone().unwrap_or_default(),
        message: shortened(condition.message.as_deref().unwrap_or_default()),
    }
}
