//! What the API makes of a Job before it is stored: defaults, and what may not change.

use serde_json::{Value, json};

use crate::gc::jobs;
use crate::status::Refusal;
use crate::store::text;

/// `backoffLimit` where there is one per index (job-failed-perindex0-max1).
const UNLIMITED: u32 = 2_147_483_647;

/// Fills in what job-create-201 has and its request has not.
pub(crate) fn complete(job: &mut Value, uid: &str) {
    job["metadata"]["uid"] = uid.into();
    let name = text(job, "/metadata/name");
    let spec = &mut job["spec"];
    let per_index = !spec["backoffLimitPerIndex"].is_null();
    default(spec, "parallelism", json!(1));
    let non_indexed = spec["completionMode"] != "Indexed";
    if non_indexed {
        default(spec, "completions", json!(1));
    }
    let limit = if per_index { UNLIMITED } else { 6 };
    default(spec, "backoffLimit", json!(limit));
    default(
        spec,
        "selector",
        json!({"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}),
    );
    default(spec, "manualSelector", json!(false));
    default(spec, "completionMode", json!("NonIndexed"));
    default(spec, "suspend", json!(false));
    let replacement = if spec["podFailurePolicy"].is_null() {
        "TerminatingOrFailed"
    } else {
        "Failed"
    };
    default(spec, "podReplacementPolicy", json!(replacement));
    let template = &mut spec["template"];
    for (label, value) in [
        ("batch.kubernetes.io/controller-uid", uid),
        ("batch.kubernetes.io/job-name", &name),
        ("controller-uid", uid),
        ("job-name", &name),
    ] {
        template["metadata"]["labels"][label] = value.into();
    }
    complete_pod(&mut template["spec"]);
    // The labels of the template are those of the Job, unless it has some of its own.
    let labels = template["metadata"]["labels"].clone();
    if job["metadata"]["labels"].is_null() {
        job["metadata"]["labels"] = labels;
    } else if let (Some(own), Some(all)) = (
        job["metadata"]["labels"].as_object_mut(),
        labels.as_object(),
    ) {
        let of_controller = all
            .iter()
            .filter(|(label, _)| label.ends_with("controller-uid") || label.ends_with("job-name"));
        for (label, value) in of_controller {
            own.insert(label.clone(), value.clone());
        }
    }
    job["status"] = json!({});
}

fn complete_pod(spec: &mut Value) {
    default(spec, "terminationGracePeriodSeconds", json!(30));
    default(spec, "dnsPolicy", json!("ClusterFirst"));
    default(spec, "securityContext", json!({}));
    default(spec, "schedulerName", json!("default-scheduler"));
    for list in ["containers", "initContainers"] {
        for container in spec[list].as_array_mut().into_iter().flatten() {
            default(container, "resources", json!({}));
            default(
                container,
                "terminationMessagePath",
                json!("/dev/termination-log"),
            );
            default(container, "terminationMessagePolicy", json!("File"));
            default(container, "imagePullPolicy", json!("IfNotPresent"));
        }
    }
    // Looking for `initContainers` above wrote a null where there are none.
    if let Some(fields) = spec.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
}

fn default(object: &mut Value, field: &str, value: Value) {
    if object[field].is_null() {
        object[field] = value;
    }
}

/// name-63-indexed-422, name-dots-indexed: pods of an Indexed Job are named by a DNS label.
pub(crate) fn check_new(job: &Value) -> Result<(), Refusal> {
    let spec = &job["spec"];
    if spec["completionMode"] != "Indexed" {
        return Ok(());
    }
    let name = text(job, "/metadata/name");
    let last = spec["completions"].as_u64().unwrap_or(1).saturating_sub(1);
    let host = format!("{name}-{last}");
    if host.len() > 63 || name.contains('.') {
        let recorded = if name.contains('.') {
            "name-dots-indexed"
        } else {
            "name-63-indexed-422"
        };
        return Err(renamed(recorded, &name, &host));
    }
    Ok(())
}

/// The recorded refusal of a name, with the names of this Job.
fn renamed(recording: &str, name: &str, host: &str) -> Refusal {
    let response = crate::recorded(recording)["response"].take();
    let text = response["body"].to_string();
    let recorded = response["body"]["details"]["name"].as_str().unwrap_or("");
    let text = text
        .replace(&format!("{recorded}-4"), host)
        .replace(recorded, name);
    let mut refusal = Refusal::new(422, "Invalid", "");
    if let Ok(body) = serde_json::from_str(&text) {
        refusal.body = body;
    }
    refusal
}

/// job-template-immutable-422: what may not change once a Job is there.
pub(crate) fn check_change(before: &Value, after: &Value) -> Result<(), Refusal> {
    let name = text(after, "/metadata/name");
    let (old, new) = (&before["spec"], &after["spec"]);
    let invalid = |field: &str, value: &Value| {
        let problem = format!("Invalid value: {value}: field is immutable");
        Err(Refusal::invalid(jobs(), &name, field, &problem))
    };
    for field in [
        "completionMode",
        "backoffLimitPerIndex",
        "podFailurePolicy",
        "selector",
    ] {
        if old[field] != new[field] {
            return invalid(&format!("spec.{field}"), &new[field]);
        }
    }
    if old["completions"] != new["completions"] && new["completions"] != new["parallelism"] {
        return invalid("spec.completions", &new["completions"]);
    }
    if old["template"]["spec"] != new["template"]["spec"] {
        // The real message prints the whole spec as Go's structs; ours prints it as long, and with all its values.
        return invalid("spec.template.spec", &go_like(&new["template"]["spec"]));
    }
    if old["template"] != new["template"] {
        return invalid("spec.template", &go_like(&new["template"]));
    }
    Ok(())
}

/// The value with capitalised names, and the nulls that Go prints for what is not set.
fn go_like(value: &Value) -> Value {
    const UNSET: [&str; 12] = [
        "InitContainers",
        "EphemeralContainers",
        "ActiveDeadlineSeconds",
        "NodeSelector",
        "Affinity",
        "HostAliases",
        "DNSConfig",
        "ReadinessGates",
        "RuntimeClassName",
        "Overhead",
        "TopologySpreadConstraints",
        "SchedulingGates",
    ];
    let mut value = capitalised(value);
    if let Some(fields) = value.as_object_mut() {
        for name in UNSET {
            fields.entry(name).or_insert(Value::Null);
        }
    }
    value
}

fn capitalised(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let renamed = fields.iter().map(|(name, value)| {
                let mut letters = name.chars();
                let first = letters.next().map(|letter| letter.to_ascii_uppercase());
                (
                    first.into_iter().chain(letters).collect(),
                    capitalised(value),
                )
            });
            Value::Object(renamed.collect())
        }
        Value::Array(items) => items.iter().map(capitalised).collect(),
        other => other.clone(),
    }
}
