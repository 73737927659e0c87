//! Reference values that other programs made.
//!
//! A selection is in `testdata/stats` of the repository. The whole of it is in `shared/refs` beside
//! the repository, where there is one.

use std::fs;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

/// Reads a file of `testdata/stats`; `None` in a packaged crate, which is without the folder.
pub(crate) fn copied<T: DeserializeOwned>(name: &str) -> Option<T> {
    json(&copied_path(""), name)
}

pub(crate) fn copied_path(name: &str) -> PathBuf {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/stats");
    Path::new(folder).join(name)
}

/// Reads a file of `shared/refs` beside the repository; `None` where that is not there.
pub(crate) fn shared<T: DeserializeOwned>(name: &str) -> Option<T> {
    json(&shared_path(""), name)
}

pub(crate) fn shared_path(name: &str) -> PathBuf {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/refs");
    Path::new(folder).join(name)
}

/// A folder may be absent, but not a file of it.
fn json<T: DeserializeOwned>(folder: &Path, name: &str) -> Option<T> {
    if !folder.exists() {
        println!("skipped: {} is not there", folder.display());
        return None;
    }
    let text = fs::read_to_string(folder.join(name)).unwrap();
    Some(serde_json::from_str(&text).unwrap())
}

/// Fails unless two numbers are within `tolerance` of each other.
#[track_caller]
pub(crate) fn assert_close(what: &str, found: f64, expected: f64, tolerance: f64) {
    let same = found.to_bits() == expected.to_bits() || (found - expected).abs() <= tolerance;
    assert!(same, "{what}: found {found}, expected {expected}");
}

/// Fails unless two numbers are within a share `tolerance` of each other.
#[track_caller]
pub(crate) fn assert_ratio(what: &str, found: f64, expected: f64, tolerance: f64) {
    assert_close(what, found, expected, tolerance * expected.abs());
}
