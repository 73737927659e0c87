//! Recordings of a real API server.

use std::path::PathBuf;

use serde_json::Value;

/// A recording of `testdata/k8s-api`, by its name without `.json`.
///
/// Most have `request` and `response` (`status`, `headers`, `body`); finished Jobs have `final`, `pods`, `events` and
/// `timeline`; some are a single object. [`recorded_object`] takes the object out of any of them.
///
/// # Panics
///
/// If there is no such recording: a test asked for a wrong name.
///
/// ```
/// let expired = grace_mock_cluster::recorded("watch-expired-410");
/// assert_eq!(expired["response"]["body"]["object"]["code"], 410);
/// ```
pub fn recorded(name: &str) -> Value {
    let path = folder().join(format!("{name}.json"));
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("no recording {}: {error}", path.display()));
    serde_json::from_str(&text)
        .unwrap_or_else(|error| panic!("{} is no JSON: {error}", path.display()))
}

/// The object of a recording: the body of its response, the last state of its Job, or the object that it is.
///
/// # Panics
///
/// As [`recorded`].
///
/// ```
/// let job = grace_mock_cluster::recorded_object("job-failed-backofflimit0");
/// assert_eq!(job["status"]["conditions"][1]["reason"], "BackoffLimitExceeded");
/// ```
pub fn recorded_object(name: &str) -> Value {
    let mut whole = recorded(name);
    if let Some(body) = whole.pointer_mut("/response/body") {
        return body.take();
    }
    if let Some(job) = whole.get_mut("final") {
        return job.take();
    }
    match whole {
        Value::Array(mut items) if items.len() == 1 => items.remove(0),
        other => other,
    }
}

fn folder() -> PathBuf {
    PathBuf::from(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../testdata/k8s-api"
    ))
}
