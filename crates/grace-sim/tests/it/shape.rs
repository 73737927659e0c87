//! Recorded answers of real servers, compared key for key.

use serde_json::Value;

/// The recorded body in `testdata/wire`.
macro_rules! recorded {
    ($path:literal) => {
        serde_json::from_str::<serde_json::Value>(include_str!(concat!(
            "../../../../testdata/wire/",
            $path
        )))
        .unwrap()
    };
}
pub(crate) use recorded;

/// Asserts that `ours` has the keys and kinds of values of `theirs`, all the way down; of lists, the first
/// entries that are objects are compared.
#[track_caller]
pub(crate) fn check_shape(ours: &Value, theirs: &Value) {
    compare("answer", ours, theirs);
}

#[track_caller]
fn compare(path: &str, ours: &Value, theirs: &Value) {
    match (ours, theirs) {
        (Value::Object(mine), Value::Object(other)) => {
            if by_token(path, other) {
                let values = mine.values().zip(other.values());
                values.for_each(|(ours, theirs)| compare(&format!("{path}.*"), ours, theirs));
                return;
            }
            let keys: [Vec<&String>; 2] = [mine, other].map(|map| map.keys().collect());
            assert_eq!(keys[0], keys[1], "keys of {path}");
            for (key, theirs) in other {
                compare(&format!("{path}.{key}"), &mine[key], theirs);
            }
        }
        (Value::Array(mine), Value::Array(other)) => {
            let first = |list: &[Value]| list.iter().find(|entry| !entry.is_null()).cloned();
            match (first(mine), first(other)) {
                (Some(ours), Some(theirs)) => compare(&format!("{path}[]"), &ours, &theirs),
                (ours, theirs) => assert_eq!(ours.is_none(), theirs.is_none(), "entries of {path}"),
            }
        }
        _ => assert_eq!(
            kind(ours),
            kind(theirs),
            "{path}: {ours}, recorded {theirs}"
        ),
    }
}

/// Whether an object's keys are tokens.
fn by_token(path: &str, object: &serde_json::Map<String, Value>) -> bool {
    path.ends_with("logprobs[]") && !object.contains_key("logprob")
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a flag",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
