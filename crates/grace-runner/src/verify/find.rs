//! Finding the replications under a folder.

use std::fs;
use std::path::{Path, PathBuf};

use grace_core::layout::ReplicationLayout;

/// A path without replications.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FindError {
    /// Nothing is there.
    #[error("no replication found at or under {}: expected folders with a metadata.json", .path.display())]
    None {
        /// Where was looked.
        path: PathBuf,
    },
    /// The folder cannot be listed.
    #[error("{} cannot be listed", .path.display())]
    Unreadable {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
}

/// The replications at or up to two folders under `path`, by model and index.
pub(super) fn replications(path: &Path) -> Result<Vec<ReplicationLayout>, FindError> {
    let mut found = Vec::new();
    collect(path, 2, &mut found)?;
    found.sort_by_key(|layout| {
        let folder = layout.folder();
        let name = folder
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        (
            folder.parent().map(Path::to_owned),
            ReplicationLayout::index_of(name),
            folder.to_owned(),
        )
    });
    if found.is_empty() {
        return Err(FindError::None {
            path: path.to_owned(),
        });
    }
    Ok(found)
}

fn collect(path: &Path, depth: usize, found: &mut Vec<ReplicationLayout>) -> Result<(), FindError> {
    let layout = ReplicationLayout::at(path);
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    let named = ReplicationLayout::index_of(name).is_some() && path.is_dir();
    if named || layout.metadata().exists() || layout.attempts().is_dir() {
        found.push(layout);
        return Ok(());
    }
    if depth == 0 || !path.is_dir() {
        return Ok(());
    }
    let unreadable = |source| FindError::Unreadable {
        path: path.to_owned(),
        source,
    };
    for entry in fs::read_dir(path).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?.path();
        if entry.is_dir() {
            collect(&entry, depth - 1, found)?;
        }
    }
    Ok(())
}
