//! What answers of the cluster mean: pure functions.

use grace_core::cluster::SecretKey;
use grace_core::quantity::Quantity as Amount;
use k8s_openapi::api::authentication::v1::SelfSubjectReview;
use k8s_openapi::api::core::v1::{Namespace, ResourceQuota, ResourceQuotaSpec, Secret};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use super::check::{Check, Verdict};
use super::needs::{ModelNeeds, Needs};
use crate::error::{ClusterError, FaultKind};

pub(super) type Answer<T> = Result<T, ClusterError>;

pub(super) fn is_forbidden(error: &ClusterError) -> bool {
    matches!(error.kind(), FaultKind::Forbidden(_))
}

/// What is not known for want of a right is unknown; any other error is one.
pub(super) fn unanswered(name: &str, error: &ClusterError) -> Check {
    let verdict = if is_forbidden(error) {
        Verdict::Unknown
    } else {
        Verdict::Fail
    };
    Check::failed(name, verdict, error)
}

/// Whether the API can be reached; its version, if it tells it.
pub(super) fn server(url: &str, version: &Answer<String>) -> Check {
    let name = "API server";
    match version {
        Ok(version) => Check::ok(name, format!("{version} at {url}")),
        Err(error)
            if error.is_transient() || matches!(error.kind(), FaultKind::Configuration(_)) =>
        {
            Check::failed(name, Verdict::Fail, error)
        }
        // It answers, and that is what was asked.
        Err(_) => Check::ok(
            name,
            format!("answers at {url}, without telling its version"),
        ),
    }
}

/// The minor version in `v1.36.2`.
pub(super) fn minor(version: &str) -> Option<u32> {
    let rest = version.split_once('.')?.1;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// Who we are.
pub(super) fn credentials(review: &Answer<SelfSubjectReview>) -> Check {
    let name = "credentials";
    let review = match review {
        Ok(review) => review,
        Err(error) if matches!(error.kind(), FaultKind::NotFound(_)) => {
            return Check::unknown(
                name,
                "accepted, but this server is too old to say for whom (before 1.28)",
            );
        }
        Err(error) => return unanswered(name, error),
    };
    let user = review.status.as_ref().and_then(|it| it.user_info.as_ref());
    match user.and_then(|it| it.username.as_deref()) {
        None => Check::unknown(name, "the cluster does not say for whom it takes us"),
        Some("system:anonymous") => Check::fail(
            name,
            "none were sent: the cluster takes us for `system:anonymous`",
        )
        .advise("log in to the cluster, or choose another context with --context"),
        Some(user) => Check::ok(name, format!("accepted, as `{user}`")),
    }
}

/// Whether the namespace is there.
pub(super) fn namespace(namespace: &str, found: &Answer<Option<Namespace>>) -> Check {
    let name = "namespace";
    match found {
        Ok(Some(it)) => {
            let status = it.status.as_ref().and_then(|it| it.phase.as_deref());
            match status {
                Some("Terminating") => Check::fail(name, format!("`{namespace}` is being deleted"))
                    .advise("wait until it is gone and make it again, or use another one"),
                _ => Check::ok(name, format!("`{namespace}` is there")),
            }
        }
        Ok(None) => Check::fail(name, format!("`{namespace}` is not there"))
            .advise("set `cluster.namespace` of models.yaml, or --namespace"),
        Err(error) if is_forbidden(error) => Check::unknown(
            name,
            format!(
                "these rights do not let us look whether `{namespace}` is there; the rights below are those in it"
            ),
        ),
        Err(error) => unanswered(name, error),
    }
}

/// The secret and its key. Its value is looked at for nothing but whether it is empty.
pub(super) fn secret(wanted: &SecretKey, found: &Answer<Option<Secret>>) -> Check {
    let name = format!("secret {}", wanted.name);
    let make = format!(
        "`kubectl create secret generic {} --from-literal={}=…` makes it",
        wanted.name, wanted.key
    );
    match found {
        Ok(Some(secret)) => match secret.data.as_ref().and_then(|it| it.get(&wanted.key)) {
            Some(value) if !value.0.is_empty() => {
                Check::ok(name, format!("has the key `{}`", wanted.key))
            }
            Some(_) => Check::fail(
                name,
                format!("has the key `{}`, which is empty", wanted.key),
            )
            .advise(make),
            None => Check::fail(name, format!("has no key `{}`", wanted.key)).advise(make),
        },
        Ok(None) => Check::fail(name, "is not there").advise(make),
        Err(error) if is_forbidden(error) => Check::unknown(
            name,
            "these rights do not let us look; pods may use it all the same",
        )
        .advise(format!("if it is missing, {make}")),
        Err(error) => unanswered(&name, error),
    }
}

/// Quotas against what the most demanding model needs.
pub(super) fn quotas(needs: &Needs, found: &Answer<Vec<ResourceQuota>>) -> Vec<Check> {
    let name = "quota";
    let found = match found {
        Ok(found) => found,
        Err(error) => return vec![unanswered(name, error)],
    };
    let mut checks: Vec<Check> = found.iter().flat_map(|it| quota(needs, it)).collect();
    if checks.is_empty() {
        checks.push(Check::ok(name, "nothing limits what replications ask for"));
    }
    checks
}

fn is_scoped(spec: &ResourceQuotaSpec) -> bool {
    let scopes = spec.scopes.as_ref().is_some_and(|it| !it.is_empty());
    scopes || spec.scope_selector.is_some()
}

fn quota(needs: &Needs, quota: &ResourceQuota) -> Vec<Check> {
    let status = quota.status.as_ref();
    let spec = quota.spec.as_ref().and_then(|it| it.hard.as_ref());
    let hard = status.and_then(|it| it.hard.as_ref()).or(spec);
    let used = status.and_then(|it| it.used.as_ref());
    let of = quota.metadata.name.as_deref().unwrap_or_default();
    if quota.spec.as_ref().is_some_and(is_scoped) {
        let why = "counts the pods of some scopes alone, of which grace does not know whether they mean its own";
        return vec![Check::unknown(format!("quota {of}"), why)];
    }
    let mut checks = Vec::new();
    for (key, hard) in hard.into_iter().flatten() {
        let need = needs
            .models
            .iter()
            .filter_map(|it| Some((*it.demand.get(key)?, it)));
        let Some((need, model)) = need.max_by(|a, b| a.0.total_cmp(&b.0)) else {
            continue;
        };
        let name = format!("quota {of}: {key}");
        let used = used.and_then(|it| it.get(key));
        checks.push(limit(name, (hard, used), (need, model)));
    }
    checks
}

fn limit(
    name: String,
    (hard, used): (&Quantity, Option<&Quantity>),
    (need, model): (f64, &ModelNeeds),
) -> Check {
    let value = |it: &Quantity| it.0.parse::<Amount>().ok().map(|it| it.value());
    let (Some(limit), Some(taken)) = (value(hard), used.map_or(Some(0.0), value)) else {
        return Check::unknown(
            name,
            format!(
                "`{}` and `{}` are no amounts that grace knows",
                hard.0,
                used.map_or("", |it| &it.0)
            ),
        );
    };
    let used = used.map_or("none", |it| it.0.as_str());
    let found = format!(
        "{used} of {} used; `{}` needs {} for {} replications at the same time",
        hard.0,
        model.model,
        shown(need),
        model.parallelism
    );
    if need > limit {
        Check::fail(name, found).advise("lower --parallelism, or ask for a larger quota: they can never all run at the same time")
    } else if taken + need > limit {
        Check::warn(name, found).advise("pods wait until others have ended")
    } else {
        Check::ok(name, found)
    }
}

/// An amount in the largest unit of 1024 that keeps it at 1 or above.
fn shown(amount: f64) -> String {
    let units = [("Ti", 40), ("Gi", 30), ("Mi", 20)];
    let fitting = units
        .into_iter()
        .find(|(_, power)| amount >= 2_f64.powi(*power));
    match fitting {
        Some((unit, power)) => format!("{:.1}{unit}", amount / 2_f64.powi(power)),
        None => format!("{amount}"),
    }
}
