//! What is on a results volume, as JSON lines.

use std::io::{self, Read, Write};

use grace_core::export::{
    AttemptFile, Line, Replication, SCHEMA, SealedFile, State, Volume, is_file_name,
};
use grace_core::layout::{MANIFEST, METADATA, ReplicationLayout};
use grace_core::metadata::Metadata;
use grace_core::{Digest, ModelKey};

use super::beneath::Folder;
use super::{ExportError, UseMark};
use crate::durable::Attempted;
use crate::verify::unsealed;

/// No manifest, and no metadata, is as large.
const MOST_BYTES: u64 = 64 << 20;

/// Writes a line for the volume, one for each replication of `models` (all, if there are none) by model and index, and one
/// for the end. Of sealed files only names and sizes are looked at: their digests are those of the manifest.
///
/// # Errors
///
/// Returns an error if a folder cannot be listed or `out` takes no more. A replication that cannot be read is no error but a
/// line that says so.
pub fn list(
    results: &std::path::Path,
    models: &[ModelKey],
    mark: &UseMark,
    out: &mut dyn Write,
) -> Result<(), ExportError> {
    let root = Folder::root(results).attempted("opening the folder", results)?;
    write(out, &volume_line(&root))?;
    let mut replications = 0;
    for name in root.names().attempted("listing", root.path())? {
        let Ok(model) = name.parse::<ModelKey>() else {
            continue;
        };
        if !models.is_empty() && !models.contains(&model) {
            continue;
        }
        // What is no folder is no model.
        let folder = match root.folder(&name) {
            Ok(folder) => folder,
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                return Err(error).attempted("opening the folder", &root.path().join(&name))?;
            }
            Err(_) => continue,
        };
        for (index, name) in indexes(&folder)? {
            mark.renew();
            let state = state(&folder, &name);
            let model = model.clone();
            write(
                out,
                &Line::Replication(Replication {
                    model,
                    index,
                    state,
                }),
            )?;
            replications += 1;
        }
    }
    end(out, replications)
}

/// Writes the line for the volume and the one for the end: what [`list`] writes of a folder without replications. Nothing of
/// them is looked at.
///
/// # Errors
///
/// Returns an error if the folder cannot be opened or `out` takes no more.
pub fn volume(results: &std::path::Path, out: &mut dyn Write) -> Result<(), ExportError> {
    let root = Folder::root(results).attempted("opening the folder", results)?;
    write(out, &volume_line(&root))?;
    end(out, 0)
}

fn volume_line(root: &Folder) -> Line {
    let space = root.space();
    Line::Volume(Volume {
        schema: SCHEMA.to_owned(),
        free_bytes: space.map(|(free, _)| free),
        total_bytes: space.map(|(_, all)| all),
    })
}

fn end(out: &mut dyn Write, replications: u64) -> Result<(), ExportError> {
    write(out, &Line::End { replications })?;
    out.flush().map_err(ExportError::Output)
}

fn write(out: &mut dyn Write, line: &Line) -> Result<(), ExportError> {
    let mut text = serde_json::to_vec(line).map_err(|error| ExportError::Output(error.into()))?;
    text.push(b'\n');
    out.write_all(&text).map_err(ExportError::Output)
}

/// The replications of a model, by index.
fn indexes(model: &Folder) -> Result<Vec<(u32, String)>, ExportError> {
    let names = model.names().attempted("listing", model.path())?;
    let indexed = names.into_iter().filter_map(|name| {
        let index = ReplicationLayout::index_of(&name)?;
        (name == format!("replication-{index}")).then_some((index, name))
    });
    let mut indexes: Vec<(u32, String)> = indexed.collect();
    indexes.sort();
    Ok(indexes)
}

fn state(model: &Folder, name: &str) -> State {
    let folder = match model.folder(name) {
        Ok(folder) => folder,
        Err(error) => {
            let why = format!("its folder cannot be opened: {error}");
            return State::Broken { why };
        }
    };
    if !folder.has(MANIFEST) {
        let why = why_unsealed(&folder);
        return State::Unsealed { why };
    }
    sealed(&folder).unwrap_or_else(|why| State::Broken { why })
}

/// How far a replication is that has no manifest.
fn why_unsealed(folder: &Folder) -> String {
    if folder.has(".sealing") {
        return String::from(
            "its sealing was cut off or is under way; the next pod of it finishes that",
        );
    }
    let text = match read(folder, METADATA) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return String::from("it has no metadata.json: it never began");
        }
        Err(error) => return format!("its metadata.json cannot be read: {error}"),
    };
    match serde_json::from_slice::<Metadata>(&text) {
        Ok(metadata) => unsealed(&metadata),
        Err(error) => format!("its metadata.json cannot be read: {error}"),
    }
}

/// The files of a sealed replication, or what is wrong with them.
fn sealed(folder: &Folder) -> Result<State, String> {
    let text = read(folder, MANIFEST);
    let text = text.map_err(|error| format!("{MANIFEST} cannot be read: {error}"))?;
    let manifest = SealedFile {
        name: MANIFEST.to_owned(),
        bytes: text.len() as u64,
        sha256: Digest::of(&text),
    };
    let text = String::from_utf8(text).map_err(|_| format!("{MANIFEST} is no UTF-8"))?;
    let mut files = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let entry = line.split_once("  ");
        let entry =
            entry.and_then(|(digest, name)| Some((digest.to_owned().try_into().ok()?, name)));
        let Some((sha256, name)) = entry.filter(|(_, name)| is_file_name(name)) else {
            return Err(format!(
                "{MANIFEST}:{number} is not a digest and a file name"
            ));
        };
        let found = folder.file(name);
        let (_, bytes) = found
            .map_err(|error| format!("{name} is in {MANIFEST} and cannot be read: {error}"))?;
        let name = name.to_owned();
        files.push(SealedFile {
            name,
            bytes,
            sha256,
        });
    }
    if files.is_empty() {
        return Err(format!("{MANIFEST} lists no file"));
    }
    let attempts =
        attempts(folder).map_err(|error| format!("its attempts cannot be listed: {error}"))?;
    Ok(State::Sealed {
        manifest,
        files,
        attempts,
    })
}

/// The files of all attempts. What an attempt was making when another was first is left out.
fn attempts(replication: &Folder) -> io::Result<Vec<AttemptFile>> {
    let folder = match replication.folder("attempts") {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        folder => folder?,
    };
    let mut files = Vec::new();
    for attempt in folder.names()? {
        let Ok(inner) = folder.folder(&attempt) else {
            continue;
        };
        for name in inner.names()? {
            if let Ok((_, bytes)) = inner.file(&name) {
                let attempt = attempt.clone();
                files.push(AttemptFile {
                    attempt,
                    name,
                    bytes,
                });
            }
        }
    }
    Ok(files)
}

fn read(folder: &Folder, name: &str) -> io::Result<Vec<u8>> {
    let (file, bytes) = folder.file(name)?;
    if bytes > MOST_BYTES {
        return Err(io::Error::other(format!(
            "it has {bytes} bytes, expected at most {MOST_BYTES}"
        )));
    }
    let mut text = Vec::new();
    file.take(MOST_BYTES).read_to_end(&mut text)?;
    Ok(text)
}
