//! Looking into a replication's folder.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

/// What is sealed, by file, without what differs from run to run: times, and ids that the server gives.
pub(crate) type Sealed = BTreeMap<String, Value>;

/// Reads the sealed files of a replication. The manifest names them.
#[track_caller]
pub(crate) fn sealed(replication: &Path) -> Sealed {
    let manifest = fs::read_to_string(replication.join("MANIFEST.sha256")).unwrap();
    let names = manifest
        .lines()
        .map(|line| line.split_once("  ").unwrap().1);
    names
        .map(|name| {
            let text = fs::read_to_string(replication.join(name)).unwrap();
            (name.to_owned(), timeless(name, &text))
        })
        .collect()
}

fn timeless(name: &str, text: &str) -> Value {
    if Path::new(name).extension().is_some_and(|it| it == "jsonl") {
        return text.lines().map(parse).collect();
    }
    let mut value = parse(text);
    if name == "metadata.json" {
        timeless_metadata(&mut value);
    } else {
        value
            .as_array_mut()
            .unwrap()
            .iter_mut()
            .for_each(timeless_record);
    }
    value
}

fn timeless_record(record: &mut Value) {
    for (key, value) in record.as_object_mut().unwrap() {
        match key.as_str() {
            "run_timestamp" => *value = json!("a time"),
            "timings" => value
                .as_object_mut()
                .unwrap()
                .values_mut()
                .for_each(|timing| *timing = json!("a time")),
            // An id is the server's; that there is one is ours.
            key if key.starts_with("result_id_") => *value = json!(value.is_string()),
            _ => {}
        }
    }
}

fn timeless_metadata(metadata: &mut Value) {
    let metadata = metadata.as_object_mut().unwrap();
    for key in ["replication_id", "timestamps", "attempts", "configuration"] {
        metadata.remove(key).unwrap();
    }
    // One server or two of the same answers: the undisturbed run has its server from elsewhere.
    let inputs = metadata["inputs"].as_object_mut().unwrap();
    inputs.remove("scoring_server");
    // How often a server had to be started again is no result. GPUs are known of servers that grace started.
    let deployment = metadata["deployment_info"].as_object_mut().unwrap();
    for key in [
        "server_restarts",
        "cuda_version",
        "driver_version",
        "gpu_count",
        "gpu_type",
    ] {
        deployment.remove(key).unwrap();
        let unknown = deployment["unknown"].as_object_mut().unwrap();
        unknown.remove(key);
    }
    for counts in metadata["counts"].as_object_mut().unwrap().values_mut() {
        for key in ["retries", "duplicates", "damaged_lines"] {
            counts.as_object_mut().unwrap().remove(key).unwrap();
        }
    }
}

/// `metadata.json`.
#[track_caller]
pub(crate) fn metadata(replication: &Path) -> Value {
    parse(&fs::read_to_string(replication.join("metadata.json")).unwrap())
}

/// One count of `metadata.json`, over all experiments.
#[track_caller]
pub(crate) fn count(replication: &Path, key: &str) -> u64 {
    let metadata = metadata(replication);
    let counts = metadata["counts"].as_object().unwrap().values();
    counts.map(|counts| counts[key].as_u64().unwrap()).sum()
}

/// The sealed records of an experiment.
#[track_caller]
pub(crate) fn records(replication: &Path, experiment: &str) -> Vec<Value> {
    let path = replication.join(format!("{experiment}.json"));
    match parse(&fs::read_to_string(path).unwrap()) {
        Value::Array(records) => records,
        other => panic!("{other} is no array"),
    }
}

/// The folders of all attempts, by start.
pub(crate) fn attempts(replication: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(replication.join("attempts")) else {
        return Vec::new();
    };
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut folders: Vec<PathBuf> = paths.filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

/// All journals, in the order of attempts.
pub(crate) fn journals(replication: &Path) -> Vec<PathBuf> {
    let mut journals = Vec::new();
    for attempt in attempts(replication) {
        let paths = fs::read_dir(attempt).unwrap();
        let paths = paths.map(|entry| entry.unwrap().path());
        journals.extend(paths.filter(|path| path.extension().is_some_and(|e| e == "jsonl")));
    }
    journals.sort();
    journals
}

/// Every whole line of all journals.
pub(crate) fn journal_lines(replication: &Path) -> Vec<Value> {
    let mut lines = Vec::new();
    for path in journals(replication) {
        let text = fs::read_to_string(path).unwrap();
        let whole = text
            .split_inclusive('\n')
            .filter(|line| line.ends_with('\n'));
        lines.extend(whole.map(parse));
    }
    lines
}

/// How many whole lines there are in all journals; they may be growing.
pub(crate) fn lines_so_far(replication: &Path) -> usize {
    let bytes = |path: PathBuf| fs::read(path).unwrap_or_default();
    let breaks = |bytes: Vec<u8>| {
        bytes
            .split_inclusive(|byte| *byte == b'\n')
            .filter(|line| line.ends_with(b"\n"))
            .count()
    };
    journals(replication)
        .into_iter()
        .map(bytes)
        .map(breaks)
        .sum()
}

/// Every file under `folder` with its content, but locks.
pub(crate) fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    collect(folder, &mut found);
    found
}

fn collect(folder: &Path, found: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.file_name().unwrap() != ".lock" {
            found.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
}

/// Copies a folder with all it holds.
pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

#[track_caller]
fn parse(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}
