//! Who set which field, and merging of what is applied (server-side apply).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

/// For each field manager the fields that it set.
pub(crate) type Owners = BTreeMap<String, BTreeSet<String>>;

/// Lists whose items are told apart by one of their fields; all others are replaced as a whole.
const KEYED_LISTS: &[(&str, &str)] = &[
    ("containers", "name"),
    ("initContainers", "name"),
    ("volumes", "name"),
    ("env", "name"),
    ("volumeMounts", "mountPath"),
    ("imagePullSecrets", "name"),
    ("ports", "containerPort"),
];

fn list_key(field: &str, items: &[Value]) -> Option<&'static str> {
    let (_, key) = KEYED_LISTS.iter().find(|(list, _)| *list == field)?;
    let all_have_it = items.iter().all(|item| item.get(key).is_some());
    all_have_it.then_some(*key)
}

/// The fields that an applied object sets, as `.spec.template.spec.containers[name="run"].command`.
pub(crate) fn fields(applied: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut applied = applied.clone();
    without_identity(&mut applied);
    collect(&applied, "", "", &mut found);
    found
}

/// Takes away what no manager owns.
fn without_identity(object: &mut Value) {
    let Some(fields) = object.as_object_mut() else {
        return;
    };
    for field in ["apiVersion", "kind", "status"] {
        fields.remove(field);
    }
    let Some(metadata) = fields.get_mut("metadata").and_then(Value::as_object_mut) else {
        return;
    };
    metadata.retain(|field, _| ["labels", "annotations", "finalizers"].contains(&field.as_str()));
    if metadata.is_empty() {
        fields.remove("metadata");
    }
}

fn collect(value: &Value, field: &str, path: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(inner) if !inner.is_empty() => {
            for (name, value) in inner {
                collect(value, name, &format!("{path}.{name}"), found);
            }
        }
        Value::Array(items) => match list_key(field, items) {
            Some(key) => {
                for item in items {
                    let path = item_path(path, key, item);
                    found.insert(path.clone());
                    collect(item, "", &path, found);
                }
            }
            None => {
                found.insert(path.to_owned());
            }
        },
        _ => {
            found.insert(path.to_owned());
        }
    }
}

fn item_path(path: &str, key: &str, item: &Value) -> String {
    format!("{path}[{key}={}]", item[key])
}

/// The fields in which two objects differ, among those that `applied` sets.
pub(crate) fn differing(live: &Value, applied: &Value) -> BTreeSet<String> {
    let mut applied = applied.clone();
    without_identity(&mut applied);
    let mut found = BTreeSet::new();
    compare(live, &applied, "", "", &mut found);
    found
}

fn compare(live: &Value, applied: &Value, field: &str, path: &str, found: &mut BTreeSet<String>) {
    match applied {
        Value::Object(inner) if !inner.is_empty() => {
            for (name, value) in inner {
                let path = format!("{path}.{name}");
                compare(&live[name.as_str()], value, name, &path, found);
            }
        }
        Value::Array(items) if list_key(field, items).is_some() => {
            let key = list_key(field, items).unwrap_or_default();
            for item in items {
                let same = live.as_array().into_iter().flatten();
                let twin = same.into_iter().find(|one| one[key] == item[key]);
                let path = item_path(path, key, item);
                compare(twin.unwrap_or(&Value::Null), item, "", &path, found);
            }
        }
        _ => {
            if live != applied {
                found.insert(path.to_owned());
            }
        }
    }
}

/// Writes what is applied over what is there.
pub(crate) fn merge(live: &mut Value, applied: &Value) {
    merge_field(live, applied, "");
}

fn merge_field(live: &mut Value, applied: &Value, field: &str) {
    match applied {
        Value::Object(inner) => {
            if !live.is_object() {
                *live = Value::Object(Map::new());
            }
            for (name, value) in inner {
                merge_field(&mut live[name.as_str()], value, name);
            }
        }
        Value::Array(items) if list_key(field, items).is_some() && live.is_array() => {
            let key = list_key(field, items).unwrap_or_default();
            let Some(there) = live.as_array_mut() else {
                return;
            };
            for item in items {
                match there.iter_mut().find(|one| one[key] == item[key]) {
                    Some(twin) => merge_field(twin, item, ""),
                    None => there.push(item.clone()),
                }
            }
        }
        _ => *live = applied.clone(),
    }
}

/// Takes fields away that their last owner no longer sets.
pub(crate) fn prune(live: &mut Value, dropped: &BTreeSet<String>) {
    if !dropped.is_empty() {
        prune_field(live, "", "", dropped);
    }
}

fn prune_field(live: &mut Value, field: &str, path: &str, dropped: &BTreeSet<String>) {
    match live {
        Value::Object(inner) => {
            inner.retain(|name, _| !dropped.contains(&format!("{path}.{name}")));
            for (name, value) in inner.iter_mut() {
                prune_field(value, name, &format!("{path}.{name}"), dropped);
            }
        }
        Value::Array(items) => {
            let Some(key) = list_key(field, items) else {
                return;
            };
            items.retain(|item| !dropped.contains(&item_path(path, key, item)));
            for item in items {
                let path = item_path(path, key, item);
                prune_field(item, "", &path, dropped);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn items_of_keyed_lists_are_fields_of_their_own() {
        let applied = json!({
            "kind": "Job",
            "metadata": {"name": "x", "labels": {"a": "b"}},
            "spec": {"containers": [{"name": "run", "args": ["1", "2"]}]},
        });
        let expected = [
            ".metadata.labels.a",
            ".spec.containers[name=\"run\"]",
            ".spec.containers[name=\"run\"].args",
            ".spec.containers[name=\"run\"].name",
        ];
        assert_eq!(fields(&applied), expected.map(str::to_owned).into());
    }

    #[test]
    fn defaults_survive_a_merge_and_dropped_fields_do_not() {
        let mut live = json!({"spec": {"containers": [{"name": "run", "env": [{"name": "A"}], "tty": false}]}});
        let applied = json!({"spec": {"containers": [{"name": "run", "image": "i"}]}});
        assert_eq!(
            differing(&live, &applied),
            [".spec.containers[name=\"run\"].image".to_owned()].into()
        );
        merge(&mut live, &applied);
        let dropped = ".spec.containers[name=\"run\"].env[name=\"A\"]";
        prune(&mut live, &[dropped.to_owned()].into());
        assert_eq!(
            live,
            json!({"spec": {"containers": [{"name": "run", "image": "i", "env": [], "tty": false}]}})
        );
    }
}
