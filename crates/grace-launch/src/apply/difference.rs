//! How a wanted object differs from the one on the cluster, in the fields that are wanted.
//!
//! The API says of a changed template only that it cannot be changed, in a message that holds the whole pod; so it is found here.

use std::fmt;

use grace_core::quantity::Quantity;
use serde::Serialize;
use serde_json::{Map, Value};

/// A field that has another value on the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Difference {
    /// The field, as `spec.template.spec.containers[replicate].image`.
    pub field: String,
    /// The value that is wanted; `(not shown)` in a container's environment, where secrets may be, `(present)` of whole objects.
    pub wanted: String,
    /// The value on the cluster; `(absent)` without.
    pub found: String,
}

const ABSENT: &str = "(absent)";

impl Difference {
    /// Whether it is only on the cluster.
    pub(super) fn is_extra(&self) -> bool {
        self.wanted == ABSENT
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            field,
            wanted,
            found,
        } = self;
        write!(f, "{field}: {found} on the cluster, {wanted} wanted")
    }
}

/// The fields of `wanted` that `found` has otherwise. Fields that only `found` has are the cluster's defaults.
pub fn differences(wanted: &Value, found: &Value) -> Vec<Difference> {
    let mut found_all = Vec::new();
    compare("", wanted, Some(found), &mut found_all);
    found_all
}

fn compare(field: &str, wanted: &Value, found: Option<&Value>, into: &mut Vec<Difference>) {
    match (wanted, found) {
        (Value::Object(wanted), Some(Value::Object(found))) => {
            compare_maps(field, wanted, found, into);
        }
        (Value::Array(wanted), Some(Value::Array(found))) => {
            compare_lists(field, wanted, found, into);
        }
        (wanted, Some(found)) if wanted == found => {}
        (wanted, Some(found)) if is_amount(field) && is_same_amount(wanted, found) => {}
        // What is empty is left out by the API.
        (wanted, None) if is_empty(wanted) => {}
        (wanted, found) => into.push(Difference {
            field: field.to_owned(),
            wanted: shown(field, Some(wanted)),
            found: shown(field, found),
        }),
    }
}

fn compare_maps(
    field: &str,
    wanted: &Map<String, Value>,
    found: &Map<String, Value>,
    into: &mut Vec<Difference>,
) {
    for (key, value) in wanted {
        let path = if field.is_empty() {
            key.clone()
        } else {
            format!("{field}.{key}")
        };
        compare(&path, value, found.get(key), into);
    }
    for (key, value) in found {
        if !wanted.contains_key(key) && has_no_default(field, key) {
            into.push(extra(&format!("{field}.{key}"), value));
        }
    }
}

/// Whether the cluster sets no such key by itself, so that one that is there only was wanted by an earlier plan.
fn has_no_default(field: &str, key: &str) -> bool {
    let is_within = field.ends_with(".nodeSelector") || field.ends_with(".limits");
    is_within
        || (field.ends_with("spec") && ["activeDeadlineSeconds", "nodeSelector"].contains(&key))
}

/// Lists of named things are compared by name, all others place by place.
fn compare_lists(field: &str, wanted: &[Value], found: &[Value], into: &mut Vec<Difference>) {
    fn name(value: &Value) -> Option<&str> {
        value.get("name").and_then(Value::as_str)
    }
    let is_named = !wanted.is_empty() && wanted.iter().chain(found).all(|it| name(it).is_some());
    if is_named {
        for value in wanted {
            let key = name(value).unwrap_or_default();
            let other = found.iter().find(|it| name(it) == Some(key));
            compare(&format!("{field}[{key}]"), value, other, into);
        }
        for value in found {
            let key = name(value);
            if !wanted.iter().any(|it| name(it) == key) {
                into.push(extra(
                    &format!("{field}[{}]", key.unwrap_or_default()),
                    value,
                ));
            }
        }
        return;
    }
    for (place, value) in wanted.iter().enumerate() {
        compare(&format!("{field}[{place}]"), value, found.get(place), into);
    }
    for (place, value) in found.iter().enumerate().skip(wanted.len()) {
        into.push(extra(&format!("{field}[{place}]"), value));
    }
}

fn extra(field: &str, found: &Value) -> Difference {
    Difference {
        field: field.to_owned(),
        wanted: String::from(ABSENT),
        found: shown(field, Some(found)),
    }
}

fn is_amount(field: &str) -> bool {
    field.contains(".limits.") || field.contains(".requests.") || field.ends_with(".sizeLimit")
}

/// The API writes some amounts in its own way (`0.5` as `500m`).
fn is_same_amount(wanted: &Value, found: &Value) -> bool {
    let amount = |value: &Value| value.as_str()?.parse::<Quantity>().ok();
    matches!((amount(wanted), amount(found)), (Some(a), Some(b)) if a == b)
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(map) => map.is_empty(),
        Value::Array(list) => list.is_empty(),
        _ => false,
    }
}

/// A value as it may be shown: nothing of an environment, and of whole objects only that they are there, since an environment
/// may be in them.
fn shown(field: &str, value: Option<&Value>) -> String {
    match value {
        None => String::from(ABSENT),
        Some(Value::Object(_) | Value::Array(_)) => String::from("(present)"),
        Some(_) if field.contains(".env[") => String::from("(not shown)"),
        Some(Value::String(text)) => format!("`{}`", crate::error::shortened(text)),
        Some(other) => format!("`{other}`"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fields(wanted: &Value, found: &Value) -> Vec<String> {
        differences(wanted, found)
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn the_clusters_defaults_are_no_difference() {
        let wanted = json!({"spec": {"parallelism": 2, "template": {"spec": {"volumes": [{"name": "tmp", "emptyDir": {}}]}}}});
        let found = json!({"spec": {"parallelism": 2, "suspend": false,
            "template": {"spec": {"dnsPolicy": "ClusterFirst", "volumes": [{"name": "tmp", "emptyDir": {}}]}}}});
        assert_eq!(fields(&wanted, &found), [""; 0]);
    }

    #[test]
    fn things_with_names_are_compared_by_name() {
        let wanted =
            json!({"containers": [{"name": "a", "image": "x:1"}, {"name": "b", "image": "y:1"}]});
        let found = json!({"containers": [{"name": "b", "image": "y:2"}, {"name": "a", "image": "x:1"}, {"name": "c"}]});
        assert_eq!(
            fields(&wanted, &found),
            [
                "containers[b].image: `y:2` on the cluster, `y:1` wanted",
                "containers[c]: (present) on the cluster, (absent) wanted",
            ]
        );
    }

    #[test]
    fn quantities_are_compared_by_amount() {
        let wanted = json!({"r": {"limits": {"cpu": "0.5", "memory": "1Gi"}}});
        assert_eq!(
            fields(
                &wanted,
                &json!({"r": {"limits": {"cpu": "500m", "memory": "1024Mi"}}})
            ),
            [""; 0]
        );
        assert_eq!(
            fields(
                &wanted,
                &json!({"r": {"limits": {"cpu": "600m", "memory": "1Gi"}}})
            )
            .len(),
            1
        );
    }

    #[test]
    fn what_only_an_earlier_plan_wanted_is_a_difference() {
        let wanted = json!({"spec": {"template": {"spec": {"dnsPolicy": "x"}}}});
        let found = json!({"spec": {"template": {"spec": {"dnsPolicy": "x", "activeDeadlineSeconds": 5,
            "nodeSelector": {"gpu": "a"}, "schedulerName": "default-scheduler"}}}});
        assert_eq!(
            fields(&wanted, &found),
            [
                "spec.template.spec.activeDeadlineSeconds: `5` on the cluster, (absent) wanted",
                "spec.template.spec.nodeSelector: (present) on the cluster, (absent) wanted",
            ]
        );
    }

    #[test]
    fn no_container_is_shown_with_its_environment() {
        let secret =
            json!([{"name": "a"}, {"name": "b", "env": [{"name": "T", "value": "hunter2"}]}]);
        let without = json!([{"name": "a"}]);
        for (wanted, found) in [(&secret, &without), (&without, &secret)] {
            let text = fields(&json!({"c": wanted}), &json!({"c": found})).join("\n");
            assert!(!text.is_empty() && !text.contains("hunter2"), "{text}");
        }
        let text = fields(&json!({"c": [secret[1]]}), &json!({"c": [{"name": "b"}]})).join("\n");
        assert_eq!(text, "c[b].env: (absent) on the cluster, (present) wanted");
    }

    #[test]
    fn values_of_the_environment_are_not_shown() {
        let wanted = json!({"c": [{"name": "x", "env": [{"name": "TOKEN", "value": "new"}]}]});
        let found = json!({"c": [{"name": "x", "env": [{"name": "TOKEN", "value": "hunter2"}]}]});
        let text = fields(&wanted, &found).join("\n");
        assert_eq!(
            text,
            "c[x].env[TOKEN].value: (not shown) on the cluster, (not shown) wanted"
        );
    }
}
