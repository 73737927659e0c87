//! The local side: files that are right or not there.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use grace_core::Digest;
use grace_core::digest::Hasher;

use super::error::CollectError;

/// The file that one `collect` at a time holds locked.
const LOCK: &str = ".grace-collect.lock";

/// Keeps a second `collect` from the same folder.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    pub(super) fn acquire(out: &Path) -> Result<Self, CollectError> {
        fs::create_dir_all(out)
            .map_err(|error| CollectError::local("creating the folder", out, error))?;
        let path = out.join(LOCK);
        let file =
            File::create(&path).map_err(|error| CollectError::local("writing", &path, error))?;
        match file.try_lock() {
            Err(fs::TryLockError::WouldBlock) => Err(CollectError::InUse(out.to_owned())),
            // A file system without locks has one user at a time.
            _ => Ok(Self { _file: file }),
        }
    }
}

/// What is at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    Nothing,
    File {
        bytes: u64,
    },
    /// A folder, or something else that is no file.
    Other,
}

pub(super) fn look(path: &Path) -> Result<Found, CollectError> {
    match fs::metadata(path) {
        Ok(it) if it.is_file() => Ok(Found::File { bytes: it.len() }),
        Ok(_) => Ok(Found::Other),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Found::Nothing),
        Err(error) => Err(CollectError::local("looking at", path, error)),
    }
}

/// The digest of a file.
pub(super) fn digest(path: &Path) -> Result<Digest, CollectError> {
    let failed = |error| CollectError::local("reading", path, error);
    let mut file = File::open(path).map_err(failed)?;
    let mut hasher = Hasher::new();
    let mut buffer = vec![0; 1 << 18];
    loop {
        match file.read(&mut buffer).map_err(failed)? {
            0 => return Ok(hasher.finish()),
            count => hasher.update(&buffer[..count]),
        }
    }
}

/// Removes a file if it is there.
pub(super) fn remove(path: &Path) -> Result<(), CollectError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(CollectError::local("removing", path, error))
        }
        _ => Ok(()),
    }
}

/// A file that is written under another name until it is known to be right; removed if it is dropped before.
#[derive(Debug)]
pub(super) struct Partial {
    path: PathBuf,
    aside: PathBuf,
    file: Option<File>,
    hasher: Hasher,
}

impl Partial {
    pub(super) fn create(path: PathBuf) -> Result<Self, CollectError> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)
                .map_err(|error| CollectError::local("creating the folder", folder, error))?;
        }
        let mut name = std::ffi::OsString::from(".");
        name.push(path.file_name().unwrap_or_default());
        name.push(".partial");
        let aside = path.with_file_name(name);
        let file =
            File::create(&aside).map_err(|error| CollectError::local("writing", &aside, error))?;
        let hasher = Hasher::new();
        Ok(Self {
            path,
            aside,
            file: Some(file),
            hasher,
        })
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), CollectError> {
        self.hasher.update(bytes);
        let written = match &mut self.file {
            Some(file) => file.write_all(bytes),
            None => Ok(()),
        };
        written.map_err(|error| CollectError::local("writing", &self.path, error))
    }

    /// The digest of what was written.
    pub(super) fn digest(&self) -> Digest {
        self.hasher.clone().finish()
    }

    /// What was written, as text.
    pub(super) fn text(&self) -> Result<String, CollectError> {
        fs::read_to_string(&self.aside)
            .map_err(|error| CollectError::local("reading", &self.aside, error))
    }

    /// Gives the file its name, so that it survives a crash.
    pub(super) fn keep(mut self) -> Result<(), CollectError> {
        let failed = |error| CollectError::local("writing", &self.path, error);
        let Some(file) = self.file.take() else {
            return Ok(());
        };
        let kept = file
            .sync_all()
            .and_then(|()| fs::rename(&self.aside, &self.path));
        let kept = kept.and_then(|()| match self.path.parent() {
            Some(folder) => File::open(folder)?.sync_all(),
            None => Ok(()),
        });
        let result = kept.map_err(failed);
        if result.is_err() {
            let _ = fs::remove_file(&self.aside);
        }
        result
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if self.file.is_some() {
            let _ = fs::remove_file(&self.aside);
        }
    }
}
