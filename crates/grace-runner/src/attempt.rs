//! Attempts: each process works in a folder of its own.

use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;

use grace_core::ExperimentId;
use grace_core::layout::{AttemptLayout, ReplicationLayout};
use grace_core::metadata::{AttemptFile, AttemptInfo};
use grace_core::plan::{Difference, Inputs};

use crate::clock::Timestamp;
use crate::durable::{Attempted, FileError, create_folder, replace, sync_folder};

/// Where this process runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// What tells this process from all others: the pod's uid, else random.
    pub uid: String,
    /// The node's name.
    pub node: Option<String>,
    /// The pod's name.
    pub pod: Option<String>,
}

/// An attempt that could not begin or be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AttemptError {
    /// A file could not be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// An attempt's description is missing or damaged.
    #[error("{} cannot be read as the description of an attempt", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// An attempt in the same folder answered queries under other inputs.
    #[error("{} holds answers to other inputs:\n  {}", .path.display(), listed(.differences))]
    OtherInputs {
        /// The folder of the attempt.
        path: PathBuf,
        /// What differs.
        differences: Vec<Difference>,
    },
}

/// Differences, a line each.
pub(crate) fn listed(differences: &[Difference]) -> String {
    let lines: Vec<String> = differences.iter().map(ToString::to_string).collect();
    lines.join("\n  ")
}

/// The attempt of this process.
#[derive(Debug)]
pub(crate) struct Attempt {
    pub(crate) layout: AttemptLayout,
    file: AttemptFile,
}

impl Attempt {
    /// Begins an attempt: its folder and description are durable when this returns.
    pub(crate) fn begin(
        replication: &ReplicationLayout,
        host: &Host,
        start: Timestamp,
        inputs: &Inputs,
    ) -> Result<Self, FileError> {
        create_folder(&replication.attempts())?;
        let name = format!("{}-{}", start.sortable(), safe(&host.uid));
        let (name, layout) = own_folder(replication, name)?;
        let info = AttemptInfo {
            name,
            start: start.to_string(),
            end: None,
            uid: host.uid.clone(),
            node: host.node.clone(),
            exit: None,
            server: None,
            fingerprint: inputs.fingerprint().to_string(),
        };
        let inputs = inputs.clone();
        let attempt = Self {
            layout,
            file: AttemptFile {
                attempt: info,
                inputs,
            },
        };
        attempt.write()?;
        sync_folder(&replication.attempts())?;
        sync_folder(replication.folder())?;
        Ok(attempt)
    }

    /// Writes down how it ended.
    pub(crate) fn end(&mut self, end: Timestamp, exit: u8) -> Result<(), FileError> {
        self.file.attempt.end = Some(end.to_string());
        self.file.attempt.exit = Some(exit);
        self.write()
    }

    /// Writes down which server it asks.
    pub(crate) fn record_server(&mut self, server: String) -> Result<(), FileError> {
        self.file.attempt.server = Some(server);
        self.write()
    }

    /// Its name, start and end.
    pub(crate) fn info(&self) -> &AttemptInfo {
        &self.file.attempt
    }

    fn write(&self) -> Result<(), FileError> {
        let mut bytes = serde_json::to_vec_pretty(&self.file).expect("plain strings serialise");
        bytes.push(b'\n');
        replace(&self.layout.info(), &bytes)
    }
}

/// A folder that no other process has, called `name` or, should that be taken, something longer.
fn own_folder(
    replication: &ReplicationLayout,
    mut name: String,
) -> Result<(String, AttemptLayout), FileError> {
    loop {
        let layout = replication.attempt(&name);
        match fs::create_dir(layout.folder()) {
            Ok(()) => return Ok((name, layout)),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => name.push_str("-again"),
            Err(error) => {
                return Err(FileError::new(
                    "creating the folder",
                    layout.folder(),
                    error,
                ));
            }
        }
    }
}

/// All attempts of a replication, in the order of their start.
pub(crate) fn attempts(replication: &ReplicationLayout) -> Result<Vec<AttemptFile>, AttemptError> {
    let folder = replication.attempts();
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let mut attempts = Vec::new();
    for entry in fs::read_dir(&folder).attempted("listing", &folder)? {
        let entry = entry.attempted("listing", &folder)?;
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        let name = entry.file_name();
        if let (true, Some(name)) = (is_folder, name.to_str()) {
            attempts.extend(read(replication, name)?);
        }
    }
    attempts.sort_by(|a, b| a.attempt.name.cmp(&b.attempt.name));
    Ok(attempts)
}

/// `None` for an attempt that ended before it could describe itself, and so before any journal.
fn read(replication: &ReplicationLayout, name: &str) -> Result<Option<AttemptFile>, AttemptError> {
    let path = replication.attempt(name).info();
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(FileError::new("reading", &path, error).into()),
    };
    let file = serde_json::from_slice(&bytes);
    file.map(Some)
        .map_err(|source| AttemptError::Damaged { path, source })
}

/// Refuses attempts that answered queries under other inputs than `now`.
///
/// One that answered nothing binds nobody: a mistyped model name can be put right.
pub(crate) fn check_inputs(
    replication: &ReplicationLayout,
    attempts: &[AttemptFile],
    now: &Inputs,
) -> Result<(), AttemptError> {
    for file in attempts {
        let attempt = replication.attempt(&file.attempt.name);
        let differences = now.differences(&file.inputs);
        if !differences.is_empty() && has_answers(&attempt)? {
            return Err(AttemptError::OtherInputs {
                path: attempt.folder().to_owned(),
                differences,
            });
        }
    }
    Ok(())
}

/// Whether any journal of an attempt holds a line.
pub(crate) fn has_answers(attempt: &AttemptLayout) -> Result<bool, FileError> {
    for entry in fs::read_dir(attempt.folder()).attempted("listing", attempt.folder())? {
        let path = entry.attempted("listing", attempt.folder())?.path();
        let is_journal = path
            .extension()
            .is_some_and(|extension| extension == "jsonl");
        if is_journal && path.metadata().is_ok_and(|metadata| metadata.len() > 0) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether any attempt has a line about `experiment`.
pub(crate) fn has_journal(layout: &ReplicationLayout, experiment: &ExperimentId) -> bool {
    let attempts = attempts(layout).unwrap_or_default();
    let mut journals = attempts
        .iter()
        .map(|file| layout.attempt(&file.attempt.name).journal(experiment));
    journals.any(|path| path.metadata().is_ok_and(|metadata| metadata.len() > 0))
}

fn safe(uid: &str) -> String {
    let keep = |c: char| {
        if c.is_ascii_alphanumeric() || c == '-' {
            c
        } else {
            '_'
        }
    };
    uid.chars().take(64).map(keep).collect()
}
