//! What applying a Job would mean for one that is there already.

use k8s_openapi::api::batch::v1::Job;
use serde::Serialize;

use super::difference::{Difference, differences};
use crate::state::{JobState, Phase};

/// Fields of a Job that can be changed while it is there, without another plan.
const ADJUSTABLE: [&str; 6] = [
    "spec.parallelism",
    "spec.activeDeadlineSeconds",
    "spec.ttlSecondsAfterFinished",
    "spec.backoffLimit",
    "metadata.labels",
    "metadata.annotations",
];
/// The annotation that holds the digest of all that results depend on.
const FINGERPRINT: &str = "metadata.annotations.grace/plan-fingerprint";

/// What is to be done with a wanted Job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "step", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Step {
    /// It is not there.
    Create,
    /// It is there as wanted, and has not ended.
    Attach,
    /// It is there, but for what can be adjusted.
    Adjust {
        /// What changes.
        differences: Vec<Difference>,
    },
    /// It is there as wanted, and complete.
    Complete,
    /// It is there as wanted, and has failed.
    Failed,
    /// It is being deleted.
    Deleting,
    /// A Job of this name is there with another plan.
    Refuse {
        /// How it differs.
        differences: Vec<Difference>,
    },
}

/// What is to be done with `wanted`, while `found` is on the cluster in this state.
///
/// # Errors
///
/// Returns an error if one of them is no JSON, which a typed Job always is.
pub fn step(wanted: &Job, found: Option<&Job>, state: &JobState) -> serde_json::Result<Step> {
    let Some(found) = found else {
        return Ok(Step::Create);
    };
    if state.phase == Phase::Deleting || found.metadata.deletion_timestamp.is_some() {
        return Ok(Step::Deleting);
    }
    let mut differences = differences(
        &serde_json::to_value(wanted)?,
        &serde_json::to_value(found)?,
    );
    if is_queued(wanted) {
        differences.retain(|it| !is_by_queue(it));
    }
    if !differences.iter().all(is_adjustable) {
        return Ok(Step::Refuse { differences });
    }
    Ok(match &state.phase {
        Phase::Complete => Step::Complete,
        Phase::Failed(_) | Phase::Failing(_) => Step::Failed,
        _ if differences.is_empty() => Step::Attach,
        _ => Step::Adjust { differences },
    })
}

/// Whether Kueue suspends it until it is its turn; nobody else may resume it then.
pub(crate) fn is_queued(job: &Job) -> bool {
    let labels = job.metadata.labels.as_ref();
    labels.is_some_and(|it| it.contains_key("kueue.x-k8s.io/queue-name"))
}

/// Whether a queue put it there as it let the Job in: where its pods are to run.
fn is_by_queue(difference: &Difference) -> bool {
    let mut fields = ["nodeSelector", "tolerations["].iter();
    let field = difference.field.strip_prefix("spec.template.spec.");
    let is_where = field.is_some_and(|field| fields.any(|it| field.starts_with(it)));
    is_where && difference.is_extra()
}

fn is_adjustable(difference: &Difference) -> bool {
    let field = difference.field.as_str();
    let is_within = |whole: &&str| {
        let rest = field.strip_prefix(*whole);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    field != FINGERPRINT && ADJUSTABLE.iter().any(is_within)
}
