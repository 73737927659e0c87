//! The files of the repository.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// Folders that hold nothing written by hand, wherever they are.
const LEFT_OUT: [&str; 5] = [
    ".git",
    "target",
    "results",
    "__pycache__",
    "proptest-regressions",
];

/// A file of the repository.
#[derive(Debug)]
pub(super) struct File {
    /// From the root, with `/` between folders.
    pub(super) path: String,
    /// What it holds; bytes that are no UTF-8 are replaced.
    pub(super) text: String,
}

impl File {
    /// The last part of the path.
    pub(super) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    /// The path without the last part; empty at the root.
    pub(super) fn folder(&self) -> &str {
        self.path.rsplit_once('/').map_or("", |(folder, _)| folder)
    }

    #[cfg(test)]
    pub(super) fn of(path: &str, text: &str) -> Self {
        let (path, text) = (path.to_owned(), text.to_owned());
        Self { path, text }
    }
}

/// Reads all files under `root`, in the order of their paths.
pub(super) fn read(root: &Path) -> Result<Vec<File>> {
    let mut files = Vec::new();
    read_folder(root, "", &mut files)?;
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

fn read_folder(folder: &Path, prefix: &str, files: &mut Vec<File>) -> Result<()> {
    let entries = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    for entry in entries {
        let entry = entry.with_context(|| folder.display().to_string())?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = entry.path();
        let kind = entry
            .file_type()
            .with_context(|| path.display().to_string())?;
        if kind.is_dir() && !LEFT_OUT.contains(&name.as_str()) {
            read_folder(&path, &format!("{prefix}{name}/"), files)?;
        } else if kind.is_file() {
            let bytes = fs::read(&path).with_context(|| path.display().to_string())?;
            files.push(File {
                path: format!("{prefix}{name}"),
                text: String::from_utf8_lossy(&bytes).into_owned(),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_split_into_folder_and_name() {
        let file = File::of("testdata/wire/README.md", "");
        assert_eq!((file.folder(), file.name()), ("testdata/wire", "README.md"));
        let file = File::of("Cargo.toml", "");
        assert_eq!((file.folder(), file.name()), ("", "Cargo.toml"));
    }
}
