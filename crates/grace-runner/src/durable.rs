//! Files that survive a crash: written aside, synced, renamed, and the folder synced too.
//!
//! The only file that writes, renames or syncs outside the journal.

use std::fs::{self, File, OpenOptions};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// A file or folder that could not be used.
#[derive(Debug, thiserror::Error)]
#[error("{action} {} failed", .path.display())]
pub struct FileError {
    /// What was tried: `writing`, `creating the folder`, …
    pub action: &'static str,
    /// The file or folder.
    pub path: PathBuf,
    /// What the system says.
    pub source: io::Error,
}

impl FileError {
    pub(crate) fn new(action: &'static str, path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        Self {
            action,
            path,
            source,
        }
    }

    /// Whether trying again later, perhaps with more space, may help.
    pub fn is_transient(&self) -> bool {
        use io::ErrorKind::{
            AlreadyExists, IsADirectory, NotADirectory, NotFound, PermissionDenied,
            ReadOnlyFilesystem,
        };
        !matches!(
            self.source.kind(),
            AlreadyExists
                | IsADirectory
                | NotADirectory
                | NotFound
                | PermissionDenied
                | ReadOnlyFilesystem
        )
    }

    /// What the user can do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self.source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Some(
                "free some space and run the same command again; what is there is kept and used",
            ),
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                Some("choose a results folder that this user may write to")
            }
            io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => {
                Some("the results path must be a folder, or not be there yet")
            }
            _ => None,
        }
    }
}

/// Attaches what was tried, and where, to an I/O error.
pub(crate) trait Attempted<T> {
    fn attempted(self, action: &'static str, path: &Path) -> Result<T, FileError>;
}

impl<T> Attempted<T> for io::Result<T> {
    fn attempted(self, action: &'static str, path: &Path) -> Result<T, FileError> {
        self.map_err(|source| FileError::new(action, path, source))
    }
}

/// Creates `folder` and those above it.
pub(crate) fn create_folder(folder: &Path) -> Result<(), FileError> {
    fs::create_dir_all(folder).attempted("creating the folder", folder)
}

/// Puts `bytes` at `path` at once: readers see the old content or the new, never a part.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let aside = aside(path);
    let mut file = File::create(&aside).attempted("writing", &aside)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    if let Err(source) = written {
        // What was written of it takes space that may be needed.
        let _ = fs::remove_file(&aside);
        return Err(FileError::new("writing", path, source));
    }
    rename(&aside, path)
}

/// Puts a copy of `from` at `to` at once.
pub(crate) fn copy(from: &Path, to: &Path) -> Result<(), FileError> {
    let aside = aside(to);
    fs::copy(from, &aside).attempted("copying to", &aside)?;
    File::open(&aside)
        .and_then(|file| file.sync_all())
        .attempted("syncing", &aside)?;
    rename(&aside, to)
}

/// Renames, and makes the new name survive a crash.
pub(crate) fn rename(from: &Path, to: &Path) -> Result<(), FileError> {
    fs::rename(from, to).attempted("renaming to", to)?;
    sync_parent(to)
}

/// Makes the names in a folder survive a crash.
pub(crate) fn sync_folder(folder: &Path) -> Result<(), FileError> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .attempted("syncing the folder", folder)
}

/// Makes the name of `path` survive a crash.
pub(crate) fn sync_parent(path: &Path) -> Result<(), FileError> {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => sync_folder(parent),
        _ => Ok(()),
    }
}

/// A lock that is held for the time of a few renames.
///
/// Processes on other nodes see it where the file system knows locks. Where it does not, nothing is locked:
/// sealed files stay whole by the order of the renames, but the description of a replication that
/// two processes finish in the same moment may be that of the later one.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: Option<File>,
}

impl Lock {
    /// Waits for the lock kept in `path`.
    pub(crate) fn acquire(path: &Path) -> Result<Self, FileError> {
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path)
            .attempted("opening", path)?;
        match file.lock() {
            Ok(()) => Ok(Self { _file: Some(file) }),
            Err(error) if error.kind() == io::ErrorKind::Unsupported => Ok(Self { _file: None }),
            Err(error) => Err(FileError::new("locking", path, error)),
        }
    }
}

/// A hidden name beside `path` that no other process takes, not even one in another pod, where ids are the same.
fn aside(path: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(
        ".{:016x}.tmp",
        RandomState::new().build_hasher().finish()
    ));
    path.with_file_name(name)
}
