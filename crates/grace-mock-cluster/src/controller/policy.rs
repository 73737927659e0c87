//! `podFailurePolicy`: what a failed pod means for its Job.

use serde_json::Value;

/// How a pod ended.
#[derive(Debug, Clone)]
pub(crate) struct Failure<'a> {
    pub(crate) pod: &'a str,
    pub(crate) namespace: &'a str,
    pub(crate) container: &'a str,
    pub(crate) exit_code: i32,
    /// The types of conditions of the pod that are true.
    pub(crate) conditions: Vec<String>,
}

/// What is done about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action {
    FailJob(String),
    FailIndex,
    Ignore,
    Count,
}

/// The action of the first rule that fits; without one the failure counts.
pub(crate) fn judge(policy: &Value, failure: &Failure<'_>) -> Action {
    let rules = policy["rules"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    for (place, rule) in rules.iter().enumerate() {
        let Some(what) = fits(rule, failure) else {
            continue;
        };
        return match rule["action"].as_str() {
            Some("FailJob") => {
                Action::FailJob(format!("{what} matching FailJob rule at index {place}"))
            }
            Some("FailIndex") => Action::FailIndex,
            Some("Ignore") => Action::Ignore,
            _ => Action::Count,
        };
    }
    Action::Count
}

/// What fitted, in the words of job-podfailurepolicy-failjob.
fn fits(rule: &Value, failure: &Failure<'_>) -> Option<String> {
    let (pod, namespace) = (failure.pod, failure.namespace);
    if let Some(codes) = rule.get("onExitCodes") {
        let container = codes["containerName"].as_str();
        let values = codes["values"].as_array()?;
        let among = values.iter().any(|value| *value == failure.exit_code);
        let wanted = codes["operator"] != "NotIn";
        let fits = among == wanted && container.is_none_or(|name| name == failure.container);
        return fits.then(|| {
            let (container, code) = (failure.container, failure.exit_code);
            format!("Container {container} for pod {namespace}/{pod} failed with exit code {code}")
        });
    }
    let patterns = rule["onPodConditions"].as_array()?;
    let found = patterns.iter().find_map(|pattern| {
        let wanted = pattern["type"].as_str()?;
        failure.conditions.iter().find(|one| *one == wanted)
    })?;
    Some(format!("Pod {namespace}/{pod} has condition {found}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_first_rule_that_fits_decides() {
        let policy = json!({"rules": [
            {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget"}]},
            {"action": "FailJob", "onExitCodes": {"containerName": "run", "operator": "In", "values": [42]}},
            {"action": "FailIndex", "onExitCodes": {"operator": "NotIn", "values": [1]}},
        ]});
        let of = |exit_code, disrupted: bool| {
            let conditions = if disrupted {
                vec!["DisruptionTarget".to_owned()]
            } else {
                Vec::new()
            };
            let failure = Failure {
                pod: "d-pfp-0-mlrtf",
                namespace: "lemn-lab",
                container: "run",
                exit_code,
                conditions,
            };
            judge(&policy, &failure)
        };
        assert_eq!(of(42, true), Action::Ignore);
        let recorded = crate::recorded_object("job-podfailurepolicy-failjob");
        let message = recorded["status"]["conditions"][0]["message"]
            .as_str()
            .unwrap();
        assert_eq!(
            of(42, false),
            Action::FailJob(message.replace("index 0", "index 1"))
        );
        assert_eq!(of(3, false), Action::FailIndex);
        assert_eq!(of(1, false), Action::Count);
    }
}
