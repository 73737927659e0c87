//! Sealing: from journals to the files that analyses read.
//!
//! Each process writes a full set of sealed files in its own attempt folder. The first complete set is moved to
//! `.sealing` in one rename and from there, file by file, to its place, `MANIFEST.sha256` last. Whoever
//! finds `.sealing` after a crash finishes the moving; there is only one set that it can hold.

mod hashed_file;
mod publish;
mod records;

pub use publish::export_records;
pub(crate) use publish::{finish_publication, publish, replace_metadata};
pub(crate) use records::{count, write_records};

use std::fs;
use std::io;

use grace_core::Digest;
use grace_core::layout::{MANIFEST, METADATA, SealedLayout};
use grace_core::metadata::Metadata;

use crate::durable::{FileError, create_folder, replace, sync_folder};
use crate::stimuli::StimuliError;

/// A replication that could not be sealed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// A file could not be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// The stimuli changed.
    #[error(transparent)]
    Stimuli(#[from] StimuliError),
    /// A journal line was readable before and is not now.
    #[error(
        "the answer to query `{query}` of row {trial_id} can no longer be read from its journal"
    )]
    Line {
        /// The row of the stimulus.
        trial_id: u32,
        /// The query.
        query: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The caller cancelled.
    #[error("sealing was cancelled")]
    Cancelled,
}

/// A sealed file by its name, with its digest.
pub(crate) type SealedFile = (String, Digest);

/// Completes a set of sealed files with its metadata and its manifest.
pub(crate) fn write_manifest(
    folder: &SealedLayout,
    metadata: &Metadata,
    mut files: Vec<SealedFile>,
) -> Result<(), SealError> {
    let bytes = metadata_bytes(metadata);
    replace(&folder.file(METADATA), &bytes)?;
    files.push((METADATA.to_owned(), Digest::of(&bytes)));
    files.sort();
    let line = |(name, digest): &SealedFile| format!("{digest}  {name}\n");
    let lines = files.iter().map(line).collect::<Vec<_>>().concat();
    replace(&folder.file(MANIFEST), lines.as_bytes())?;
    Ok(sync_folder(folder.folder())?)
}

/// `metadata.json` as it is written.
pub(crate) fn metadata_bytes(metadata: &Metadata) -> Vec<u8> {
    let mut bytes = serde_json::to_vec_pretty(metadata).expect("metadata holds plain values");
    bytes.push(b'\n');
    bytes
}

/// Empties the folder in which an attempt makes its sealed files.
pub(crate) fn begin(folder: &SealedLayout) -> Result<(), FileError> {
    discard(folder)?;
    create_folder(folder.folder())
}

/// Removes a set of sealed files that is not to be published.
pub(crate) fn discard(folder: &SealedLayout) -> Result<(), FileError> {
    match fs::remove_dir_all(folder.folder()) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(FileError::new("removing", folder.folder(), error))
        }
        _ => Ok(()),
    }
}
