//! Wanted files as a tar stream, each with the digest of what was sent.

use std::io::{self, BufRead, Read, Write};
use std::path::Path;

use grace_core::digest::Hasher;
use grace_core::export::{CONTENT, DIGEST, END, FAILED, FilePath};

use super::beneath::Folder;
use super::{ExportError, UseMark};
use crate::durable::{Attempted, FileError};

/// The longest line that names a file.
const LONGEST: u64 = 4096;

/// What became of the wanted files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sent {
    /// Files that were sent.
    pub files: u64,
    /// Files that were not there or could not be opened; the stream says why.
    pub failed: u64,
}

/// Reads names of files from `wanted`, one a line up to an empty one, and writes them to `out` as they come.
///
/// For each file there is an entry `content/<path>` and then one `sha256/<path>` with the digest of what was sent, or an entry
/// `failed/<path>` that says why it cannot be; and `end` at the end.
///
/// # Errors
///
/// Returns an error for a line that names no file, for a file that fails or shrinks while it is sent, and if the other end
/// takes no more.
pub fn send(
    results: &Path,
    wanted: &mut dyn BufRead,
    mark: &UseMark,
    out: &mut dyn Write,
) -> Result<Sent, ExportError> {
    let root = Folder::root(results).attempted("opening the folder", results)?;
    let wanted = paths(wanted)?;
    let mut archive = tar::Builder::new(out);
    let mut sent = Sent::default();
    for path in &wanted {
        mark.renew();
        match open(&root, path) {
            Ok((file, bytes)) => {
                content(&mut archive, path, (file, bytes), mark)?;
                sent.files += 1;
            }
            Err(error) => {
                entry(
                    &mut archive,
                    &format!("{FAILED}/{path}"),
                    &error.to_string(),
                )?;
                sent.failed += 1;
            }
        }
    }
    entry(
        &mut archive,
        END,
        &format!("{} {}\n", sent.files, sent.failed),
    )?;
    let out = archive.into_inner().map_err(ExportError::Output)?;
    out.flush().map_err(ExportError::Output)?;
    Ok(sent)
}

/// All names: the other end may not read before it has written them all, nor we the other way round.
fn paths(wanted: &mut dyn BufRead) -> Result<Vec<FilePath>, ExportError> {
    let mut paths = Vec::new();
    loop {
        let mut text = String::new();
        let count = Read::take(&mut *wanted, LONGEST).read_line(&mut text);
        let lines = paths.len();
        if !matches!(count, Ok(1..)) || !text.ends_with('\n') {
            return Err(ExportError::CutOff { lines });
        }
        let name = text.trim_end_matches('\n');
        if name.is_empty() {
            return Ok(paths);
        }
        let path = name.parse();
        paths.push(path.map_err(|source| ExportError::Wanted {
            line: lines + 1,
            source,
        })?);
    }
}

fn open(root: &Folder, path: &FilePath) -> io::Result<(std::fs::File, u64)> {
    let model = root.folder(path.model().as_str())?;
    let replication = model.folder(&format!("replication-{}", path.index()))?;
    match path.attempt_name() {
        Some(attempt) => replication
            .folder("attempts")?
            .folder(attempt)?
            .file(path.name()),
        None => replication.file(path.name()),
    }
}

type Archive<'a> = tar::Builder<&'a mut dyn Write>;

/// A short text.
fn entry(archive: &mut Archive<'_>, name: &str, text: &str) -> Result<(), ExportError> {
    let appended = archive.append_data(&mut header(text.len() as u64), name, text.as_bytes());
    appended.map_err(ExportError::Output)
}

fn content(
    archive: &mut Archive<'_>,
    path: &FilePath,
    (file, bytes): (std::fs::File, u64),
    mark: &UseMark,
) -> Result<(), ExportError> {
    let mut reader = Hashing {
        file: file.take(bytes),
        hasher: Hasher::new(),
        count: 0,
        fault: None,
        mark,
    };
    let appended =
        archive.append_data(&mut header(bytes), format!("{CONTENT}/{path}"), &mut reader);
    let Hashing {
        hasher,
        count,
        fault,
        ..
    } = reader;
    if let Some(source) = fault {
        return Err(FileError::new("reading", Path::new(&path.to_string()), source).into());
    }
    appended.map_err(ExportError::Output)?;
    if count != bytes {
        let source = io::Error::other(format!("it shrank from {bytes} to {count} bytes meanwhile"));
        return Err(FileError::new("reading", Path::new(&path.to_string()), source).into());
    }
    entry(
        archive,
        &format!("{DIGEST}/{path}"),
        &hasher.finish().to_string(),
    )
}

fn header(bytes: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_size(bytes);
    header.set_mode(0o644);
    header.set_entry_type(tar::EntryType::Regular);
    header
}

/// Hashes what is read, and tells faults of the file from those of the stream.
struct Hashing<'a> {
    file: io::Take<std::fs::File>,
    hasher: Hasher,
    count: u64,
    fault: Option<io::Error>,
    mark: &'a UseMark,
}

impl Read for Hashing<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.mark.renew();
        match self.file.read(buffer) {
            Ok(count) => {
                self.hasher.update(&buffer[..count]);
                self.count += count as u64;
                Ok(count)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => {
                let same = io::Error::new(error.kind(), error.to_string());
                self.fault = Some(error);
                Err(same)
            }
        }
    }
}
