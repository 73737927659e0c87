//! A file that is hashed while it is written.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use grace_core::Digest;
use grace_core::digest::Hasher;

use crate::durable::{Attempted, FileError};

/// A file that is hashed while it is written.
pub(super) struct HashedFile {
    path: PathBuf,
    writer: BufWriter<HashingWriter>,
}

struct HashingWriter {
    file: File,
    hasher: Hasher,
}

impl Write for HashingWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.hasher.update(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl HashedFile {
    pub(super) fn create(path: &Path) -> Result<Self, FileError> {
        let file = File::create(path).attempted("writing", path)?;
        let hasher = Hasher::new();
        Ok(Self {
            path: path.to_owned(),
            writer: BufWriter::with_capacity(1 << 18, HashingWriter { file, hasher }),
        })
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), FileError> {
        self.writer
            .write_all(bytes)
            .attempted("writing", &self.path)
    }

    pub(super) fn json(&mut self, value: &impl serde::Serialize) -> Result<(), FileError> {
        let written = serde_json::to_writer(&mut self.writer, value).map_err(io::Error::from);
        written.attempted("writing", &self.path)
    }

    pub(super) fn line(&mut self, value: &impl serde::Serialize) -> Result<(), FileError> {
        self.json(value)?;
        self.write(b"\n")
    }

    pub(super) fn finish(self) -> Result<Digest, FileError> {
        let path = self.path;
        let inner = self
            .writer
            .into_inner()
            .map_err(io::IntoInnerError::into_error);
        let HashingWriter { file, hasher } = inner.attempted("writing", &path)?;
        file.sync_all().attempted("syncing", &path)?;
        Ok(hasher.finish())
    }
}
