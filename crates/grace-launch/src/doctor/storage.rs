//! What claims, and what is left on the one for results, mean: pure functions.

use grace_core::quantity::Quantity as Amount;
use k8s_openapi::api::core::v1::PersistentVolumeClaim;

use super::check::Check;
use super::judge::{Answer, is_forbidden, unanswered};
use super::needs::Needs;
use crate::collect::{CollectError, Space};
use crate::exec::ExecError;

/// The name of the check of what is left on the claim.
pub(super) const LEFT: &str = "storage left";

/// A claim.
pub(super) fn claim(
    (name, is_made): (&str, bool),
    found: &Answer<Option<PersistentVolumeClaim>>,
) -> Check {
    let check = format!("claim {name}");
    let found = match found {
        Ok(Some(found)) => found,
        Ok(None) if is_made => {
            return Check::warn(check, "is not there")
                .advise("`grace-cli launch` or `kubectl apply -k manifests/base` makes it");
        }
        Ok(None) => {
            return Check::fail(
                check,
                "is not there, and `create: false` says that it is not made",
            )
            .advise("correct its name in `cluster.pvcs`, or leave `create: false` out");
        }
        Err(error) => return unanswered(&check, error),
    };
    match phase(found) {
        Some("Bound") => {
            let size = capacity(found).map(|it| format!(", {it}")).unwrap_or_default();
            Check::ok(check, format!("is bound{size}"))
        }
        Some("Lost") => Check::fail(check, "has lost its volume").advise("ask whoever administers the cluster; what was on it may be gone"),
        phase => Check::warn(check, format!("is {}", phase.unwrap_or("Pending").to_lowercase())).advise(
            "no harm if its storage class waits for the first pod (WaitForFirstConsumer); else `kubectl describe pvc` says why",
        ),
    }
}

fn capacity(claim: &PersistentVolumeClaim) -> Option<Amount> {
    let capacity = claim.status.as_ref()?.capacity.as_ref()?.get("storage")?;
    capacity.0.parse().ok()
}

/// Whether the claim is large enough for all results.
pub(super) fn storage(needs: &Needs, results: &Answer<Option<PersistentVolumeClaim>>) -> Check {
    let name = "storage for results";
    let planned = planned(needs);
    let Ok(Some(claim)) = results else {
        return Check::unknown(
            name,
            format!("the size of `{}` is not known; {planned}", needs.results),
        );
    };
    let Some(size) = capacity(claim) else {
        return Check::unknown(
            name,
            format!("`{}` does not say its size; {planned}", needs.results),
        );
    };
    let (least, most) = needs.megabytes;
    let found = format!("`{}` has {size} in all, {planned}", needs.results);
    let megabytes = size.value() / 1e6;
    if megabytes < least {
        return Check::fail(name, found)
            .advise("make the claim larger (`cluster.pvcs`), or run fewer replications");
    }
    if megabytes < most {
        return Check::warn(name, found)
            .advise("make the claim larger, or collect and remove what is done");
    }
    Check::ok(name, found)
}

fn planned(needs: &Needs) -> String {
    let (least, most) = needs.megabytes;
    format!("{least:.0} to {most:.0} MB are planned")
}

/// What a pod that runs tells of what is left on the claim.
pub(super) fn told_by_a_pod(
    needs: &Needs,
    claim: Option<&Answer<Option<PersistentVolumeClaim>>>,
    space: &Result<Option<Space>, CollectError>,
) -> Check {
    let measure = "`grace-cli doctor --measure-storage` starts a small pod to measure it; `grace-cli collect` says it, too";
    match space {
        Ok(Some(space)) => left(needs, space),
        Ok(None) if claim.is_some_and(waits_for_a_pod) => {
            let found = format!("`{}` is not bound yet: nothing is on it", needs.results);
            Check::unknown(LEFT, found)
        }
        Ok(None) => {
            let found = format!("no pod of grace runs that has `{}` mounted", needs.results);
            Check::unknown(LEFT, found).advise(measure)
        }
        // What is missing is said beside the rights.
        Err(error) if lacks_rights(error) => Check::unknown(LEFT, error.to_string()),
        Err(error) => Check::unknown(LEFT, error.to_string()).advise(measure),
    }
}

fn lacks_rights(error: &CollectError) -> bool {
    match error {
        CollectError::Cluster(error)
        | CollectError::Exec {
            source: ExecError::Start(error),
            ..
        } => is_forbidden(error),
        _ => false,
    }
}

/// A pod of its own could not tell what is left.
pub(super) fn not_measured(error: &CollectError) -> Check {
    let check = Check::unknown(LEFT, error.to_string());
    match error {
        CollectError::Exec { .. } | CollectError::Answer { .. } | CollectError::Ended { .. } => {
            check.advise("the pod runs `cluster.image` of models.yaml: is it the image of this version of grace?")
        }
        CollectError::NotRunning { obstacle, .. } => match obstacle.hint() {
            Some(hint) => check.advise(hint),
            None => check,
        },
        _ => check,
    }
}

/// Whether a claim is not there yet, or has no volume yet.
fn waits_for_a_pod(claim: &Answer<Option<PersistentVolumeClaim>>) -> bool {
    match claim {
        Ok(claim) => matches!(claim.as_ref().and_then(phase), None | Some("Pending")),
        Err(_) => false,
    }
}

/// Whether a claim has its volume.
pub(super) fn is_bound(claim: Option<&PersistentVolumeClaim>) -> bool {
    claim.and_then(phase) == Some("Bound")
}

fn phase(claim: &PersistentVolumeClaim) -> Option<&str> {
    claim.status.as_ref()?.phase.as_deref()
}

/// Whether what is left on the claim is enough. What is done of the plan is on it already, and is not known here.
pub(super) fn left(needs: &Needs, space: &Space) -> Check {
    let Some(free) = space.free_bytes else {
        let found = format!("the file system of `{}` does not say it", needs.results);
        return Check::unknown(LEFT, found);
    };
    judged(needs, free, space)
}

fn judged(needs: &Needs, free: u64, space: &Space) -> Check {
    let megabytes = |bytes: u64| bytes as f64 / 1e6;
    let of = space
        .total_bytes
        .map(|it| format!(" of {:.0}", megabytes(it)));
    let found = format!(
        "`{}` has {:.0}{} MB left by the word of pod `{}`, {} in all",
        needs.results,
        megabytes(free),
        of.unwrap_or_default(),
        space.pod,
        planned(needs),
    );
    let (least, most) = needs.megabytes;
    let free = megabytes(free);
    if free < needs.smallest {
        Check::fail(LEFT, found).advise(
            "not one further replication fits: make the claim larger, or collect and remove what is done",
        )
    } else if free < least {
        Check::warn(LEFT, found).advise(
            "enough only if the rest of the plan is on it already: else make the claim larger, or collect and remove what is done",
        )
    } else if free < most {
        Check::warn(LEFT, found).advise(
            "it may not be enough: make the claim larger, or collect and remove what is done",
        )
    } else {
        Check::ok(LEFT, found)
    }
}
