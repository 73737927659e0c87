//! Vectors that other programs made, in `testdata/seeds` of the repository.

use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;

#[derive(Deserialize)]
struct File<C> {
    cases: Vec<C>,
}

/// The cases of one file; none in a packaged crate, which is without the folder.
pub(crate) fn cases<C: DeserializeOwned>(name: &str) -> Vec<C> {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/seeds"));
    if !folder.exists() {
        println!("skipped: {} is not there", folder.display());
        return Vec::new();
    }
    let text = std::fs::read_to_string(folder.join(name)).unwrap();
    let file: File<C> = serde_json::from_str(&text).unwrap();
    assert!(!file.cases.is_empty());
    file.cases
}
