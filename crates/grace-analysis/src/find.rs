//! Finding the folders of replications.

use std::fs;
use std::path::{Path, PathBuf};

use grace_core::layout::ReplicationLayout;

/// How deep replications may lie: results, model, replication.
const DEEPEST: usize = 2;

/// A path without results.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FindError {
    /// Nothing is there.
    #[error("no results found at or under {}: expected <model>/replication-<N>/ with records", .path.display())]
    None {
        /// Where was looked.
        path: PathBuf,
    },
    /// A folder cannot be listed.
    #[error("{} cannot be listed", .path.display())]
    Unreadable {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
}

/// What is at or under a path.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// The folders of replications, sorted by model folder, index and name.
    pub(crate) folders: Vec<PathBuf>,
    /// Files that look like records and lie beside such folders.
    pub(crate) strays: Vec<PathBuf>,
}

/// The replications at or under `path`.
pub(crate) fn replications(path: &Path) -> Result<Found, FindError> {
    let mut found = Found::default();
    collect(path, DEEPEST, &mut found)?;
    found.folders.sort_by_key(|folder| {
        let name = name(folder).to_owned();
        (folder.parent().map(Path::to_owned), index_in(&name), name)
    });
    if found.folders.is_empty() {
        return Err(FindError::None {
            path: path.to_owned(),
        });
    }
    Ok(found)
}

/// The name of a folder.
pub(crate) fn name(folder: &Path) -> &str {
    let name = folder.file_name().and_then(|name| name.to_str());
    name.unwrap_or_default()
}

/// The index that a folder's name tells: that of `replication-3`, or the number at the end of another name.
pub(crate) fn index_in(name: &str) -> Option<u32> {
    let digits = name.bytes().rev().take_while(u8::is_ascii_digit).count();
    let number = name.get(name.len() - digits..)?;
    ReplicationLayout::index_of(name).or_else(|| number.parse().ok())
}

/// Adds what is at or under `path`; whether a folder says of itself that it is a replication.
fn collect(path: &Path, depth: usize, found: &mut Found) -> Result<bool, FindError> {
    if says_so(path) {
        found.folders.push(path.to_owned());
        return Ok(true);
    }
    if !path.is_dir() {
        return Ok(false);
    }
    let (folders, files): (Vec<PathBuf>, Vec<PathBuf>) =
        entries(path)?.into_iter().partition(|entry| entry.is_dir());
    let json = |file: &PathBuf| {
        file.extension()
            .is_some_and(|extension| extension == "json")
    };
    let json: Vec<PathBuf> = files.into_iter().filter(json).collect();
    let mut below = Found::default();
    let mut certain = false;
    if depth > 0 {
        for folder in folders {
            certain |= collect(&folder, depth - 1, &mut below)?;
        }
    }
    // Any name may be that of a replication of an earlier script, unless it holds replications.
    if !json.is_empty() && !certain {
        found.folders.push(path.to_owned());
        return Ok(false);
    }
    found.folders.append(&mut below.folders);
    found.strays.append(&mut below.strays);
    found.strays.extend(json);
    Ok(certain)
}

/// Whether a folder says of itself that it is a replication: by its name, or by what grace puts into it.
fn says_so(path: &Path) -> bool {
    let layout = ReplicationLayout::at(path);
    let named = ReplicationLayout::index_of(name(path)).is_some() && path.is_dir();
    named || layout.metadata().exists() || layout.manifest().exists() || layout.attempts().is_dir()
}

/// What a folder holds, by name; what begins with a dot is left out.
pub(crate) fn entries(folder: &Path) -> Result<Vec<PathBuf>, FindError> {
    let unreadable = |source| FindError::Unreadable {
        path: folder.to_owned(),
        source,
    };
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if !name(&path).starts_with('.') {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replications_are_sorted_by_number() {
        let folder = tempfile::TempDir::new().unwrap();
        for name in ["m/replication-10", "m/replication-9", "a/rep_2"] {
            fs::create_dir_all(folder.path().join(name)).unwrap();
            fs::write(folder.path().join(name).join("e.json"), "[]").unwrap();
        }
        let found = replications(folder.path()).unwrap().folders;
        let names: Vec<&str> = found.iter().map(|folder| name(folder)).collect();
        assert_eq!(names, ["rep_2", "replication-9", "replication-10"]);
    }

    #[test]
    fn an_empty_folder_has_no_results() {
        let folder = tempfile::TempDir::new().unwrap();
        let error = replications(folder.path()).unwrap_err();
        assert!(error.to_string().contains("no results found"), "{error}");
    }

    #[test]
    fn names_tell_indexes() {
        assert_eq!(index_in("replication-12"), Some(12));
        assert_eq!(index_in("rep7"), Some(7));
        assert_eq!(index_in("rep"), None);
    }
}
