//! Jobs: counts, limits, what happens to failed pods.

use grace_core::cluster::names::{MOST_LABEL_CHARACTERS, is_dns_label};
use k8s_openapi::api::batch::v1::{Job, JobSpec, PodFailurePolicy, PodFailurePolicyRule};

use super::{Faults, meta, pod};

/// The most pods at the same time in an Indexed Job.
const MOST_PARALLELISM: i32 = 100_000;

pub(super) fn check(job: &Job, faults: &mut Faults) {
    meta::check(&job.metadata, faults);
    let name = job.metadata.name.as_deref().unwrap_or_default();
    faults.unless(
        name.len() <= MOST_LABEL_CHARACTERS,
        "metadata.labels",
        || {
            format!(
                "would hold the name `{name}`, expected at most {MOST_LABEL_CHARACTERS} characters"
            )
        },
    );
    let Some(spec) = &job.spec else {
        faults.push("spec", "is required");
        return;
    };
    counts(name, spec, faults);
    not_negative(spec, faults);
    meta::labels(
        spec.template
            .metadata
            .as_ref()
            .and_then(|meta| meta.labels.as_ref()),
        "spec.template.labels",
        faults,
    );
    let Some(template) = &spec.template.spec else {
        faults.push("spec.template.spec", "is required");
        return;
    };
    let restart = template.restart_policy.as_deref();
    faults.unless(
        matches!(restart, Some("Never" | "OnFailure")),
        "spec.template.spec.restartPolicy",
        || String::from("is required: `Never` or `OnFailure`"),
    );
    if let Some(policy) = &spec.pod_failure_policy {
        faults.unless(
            restart == Some("Never"),
            "spec.template.spec.restartPolicy",
            || String::from("is not `Never`, which `podFailurePolicy` needs"),
        );
        faults.unless(
            spec.pod_replacement_policy
                .as_deref()
                .is_none_or(|it| it == "Failed"),
            "spec.podReplacementPolicy",
            || String::from("is not `Failed`, which `podFailurePolicy` needs"),
        );
        let containers: Vec<&str> = template
            .containers
            .iter()
            .map(|container| container.name.as_str())
            .collect();
        failure_policy(policy, spec, &containers, faults);
    }
    pod::check(template, "spec.template.spec", faults);
}

/// Completions, parallelism, and what the index does to names.
fn counts(name: &str, spec: &JobSpec, faults: &mut Faults) {
    if spec.completion_mode.as_deref() != Some("Indexed") {
        return;
    }
    let Some(completions) = spec.completions else {
        faults.push("spec.completions", "is required, as the Job is Indexed");
        return;
    };
    let last = format!("{name}-{}", (completions - 1).max(0));
    faults.unless(is_dns_label(&last), "metadata.name", || {
        format!("makes the pod `{last}`, whose name must be a DNS label")
    });
    let parallelism = spec.parallelism.unwrap_or(1);
    faults.unless(parallelism <= MOST_PARALLELISM, "spec.parallelism", || {
        format!("is {parallelism}, expected at most {MOST_PARALLELISM}, as the Job is Indexed")
    });
    if let Some(failed) = spec.max_failed_indexes {
        faults.unless(
            spec.backoff_limit_per_index.is_some(),
            "spec.backoffLimitPerIndex",
            || String::from("is required beside `maxFailedIndexes`"),
        );
        faults.unless(failed <= completions, "spec.maxFailedIndexes", || {
            format!("is {failed}, expected at most the {completions} completions")
        });
    }
}

fn not_negative(spec: &JobSpec, faults: &mut Faults) {
    for (field, value) in [
        ("spec.parallelism", spec.parallelism.map(i64::from)),
        ("spec.completions", spec.completions.map(i64::from)),
        ("spec.backoffLimit", spec.backoff_limit.map(i64::from)),
        (
            "spec.backoffLimitPerIndex",
            spec.backoff_limit_per_index.map(i64::from),
        ),
        (
            "spec.maxFailedIndexes",
            spec.max_failed_indexes.map(i64::from),
        ),
        (
            "spec.ttlSecondsAfterFinished",
            spec.ttl_seconds_after_finished.map(i64::from),
        ),
        ("spec.activeDeadlineSeconds", spec.active_deadline_seconds),
    ] {
        let value = value.unwrap_or_default();
        faults.unless(value >= 0, field, || {
            format!("is {value}, expected 0 or more")
        });
    }
}

fn failure_policy(
    policy: &PodFailurePolicy,
    spec: &JobSpec,
    containers: &[&str],
    faults: &mut Faults,
) {
    for (position, rule) in policy.rules.iter().enumerate() {
        let field = format!("spec.podFailurePolicy.rules[{position}]");
        rule_of_policy(rule, spec, containers, &field, faults);
    }
}

fn rule_of_policy(
    rule: &PodFailurePolicyRule,
    spec: &JobSpec,
    containers: &[&str],
    field: &str,
    faults: &mut Faults,
) {
    let known = matches!(
        rule.action.as_str(),
        "FailJob" | "FailIndex" | "Ignore" | "Count"
    );
    faults.unless(known, field, || {
        format!("has the action `{}`, which is none", rule.action)
    });
    let per_index = spec.backoff_limit_per_index.is_some();
    faults.unless(rule.action != "FailIndex" || per_index, field, || {
        String::from("has the action `FailIndex`, which needs `backoffLimitPerIndex`")
    });
    let conditions = rule
        .on_pod_conditions
        .as_ref()
        .is_some_and(|list| !list.is_empty());
    faults.unless(conditions != rule.on_exit_codes.is_some(), field, || {
        String::from("has not exactly one of `onExitCodes` and `onPodConditions`")
    });
    if let Some(codes) = &rule.on_exit_codes {
        let name = codes.container_name.as_deref();
        faults.unless(
            name.is_none_or(|name| containers.contains(&name)),
            field,
            || {
                format!(
                    "names the container `{}`, which is not there",
                    name.unwrap_or_default()
                )
            },
        );
        let rising = codes.values.is_sorted_by(|a, b| a < b);
        let zero = codes.operator == "In" && codes.values.contains(&0);
        faults.unless(rising && !codes.values.is_empty() && !zero, field, || {
            format!(
                "has the exit codes {:?}, expected rising ones, without 0",
                codes.values
            )
        });
    }
}
