//! One replication: what its folder holds, and whether it may be read.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use grace_core::Digest;
use grace_core::digest::Hasher;
use grace_core::layout::{MANIFEST, METADATA, ReplicationLayout};
use grace_core::metadata::{Counts, Metadata, SCHEMA, Status};
use serde_json::Value;

use crate::completeness::{Finding, FindingKind};
use crate::find::{self, entries, index_in};
use crate::manifest;
use crate::read::{Origin, Survey, SurveyRules, survey, without_nan};

/// What is known of a replication after every file of it was read once.
#[derive(Debug)]
pub(crate) struct Replication {
    pub(crate) folder: PathBuf,
    /// The key in the metadata, else the name of the folder above.
    pub(crate) model_key: String,
    /// The index in the metadata, else that in the folder's name.
    pub(crate) index: Option<u32>,
    pub(crate) origin: Origin,
    /// The metadata, if grace wrote some.
    pub(crate) metadata: Option<Box<Metadata>>,
    /// Whether it may be read; false as soon as anything of it is wrong.
    pub(crate) readable: bool,
    /// The files of records that could be read.
    pub(crate) files: Vec<RecordsFile>,
    /// What is wrong.
    pub(crate) findings: Vec<Finding>,
}

/// A file of records.
#[derive(Debug)]
pub(crate) struct RecordsFile {
    pub(crate) experiment: String,
    pub(crate) path: PathBuf,
    pub(crate) bytes: u64,
    pub(crate) survey: Survey,
}

impl Replication {
    /// Reads everything in `folder` once, with `buffer` as room for a file.
    pub(crate) fn survey(folder: &Path, buffer: &mut Vec<u8>) -> Self {
        let above = folder.parent().map(find::name).unwrap_or_default();
        let mut replication = Self {
            folder: folder.to_owned(),
            model_key: above.to_owned(),
            index: index_in(find::name(folder)),
            origin: Origin::Grace,
            metadata: None,
            readable: true,
            files: Vec::new(),
            findings: Vec::new(),
        };
        let layout = ReplicationLayout::at(folder);
        match load(&layout) {
            Ok(Described::ByGrace(metadata)) => {
                replication.model_key.clone_from(&metadata.model_key);
                replication.index = Some(metadata.replication_index);
                replication.sealed(&layout, &metadata, buffer);
                replication.metadata = Some(metadata);
            }
            Ok(Described::NotAtAll) => replication.legacy(buffer),
            Err((kind, message)) => replication.leave_out(layout.metadata(), kind, message),
        }
        replication
    }

    /// Notes why it is left out.
    pub(crate) fn leave_out(
        &mut self,
        path: impl Into<PathBuf>,
        kind: FindingKind,
        message: impl Into<String>,
    ) {
        self.readable = false;
        self.findings.push(Finding::new(path, kind, message));
    }

    fn sealed(&mut self, layout: &ReplicationLayout, metadata: &Metadata, buffer: &mut Vec<u8>) {
        if !layout.manifest().exists() {
            let message = unsealed(metadata);
            return self.leave_out(layout.folder(), FindingKind::Unsealed, message);
        }
        let listed = match fs::read_to_string(layout.manifest()) {
            Ok(text) => manifest::parse(&text),
            Err(error) => Err(vec![format!("cannot be read: {error}")]),
        };
        let listed = match listed {
            Ok(listed) => listed,
            Err(reasons) => {
                let reasons = reasons.join("; ");
                return self.leave_out(layout.manifest(), FindingKind::Broken, reasons);
            }
        };
        let experiments: Vec<&str> = metadata.counts.iter().map(|(id, _)| id).collect();
        for (name, digest) in &listed {
            let experiment = experiments
                .iter()
                .find(|id| name.strip_suffix(".json") == Some(**id));
            self.sealed_file(
                &layout.sealed().file(name),
                *digest,
                experiment.copied(),
                buffer,
            );
        }
        for id in &experiments {
            let name = format!("{id}.json");
            if !listed.iter().any(|(listed, _)| *listed == name) {
                let message =
                    format!("is not in {MANIFEST}, though metadata.json counts its records");
                self.leave_out(layout.sealed().file(&name), FindingKind::Missing, message);
            }
        }
        if !listed.iter().any(|(name, _)| name == METADATA) {
            let message = format!("is not in {MANIFEST}");
            self.leave_out(layout.metadata(), FindingKind::Missing, message);
        }
        self.counts(metadata);
        self.strangers(&listed);
    }

    /// Compares a sealed file with its digest and, if it holds records, reads them.
    fn sealed_file(
        &mut self,
        path: &Path,
        sealed: Digest,
        experiment: Option<&str>,
        buffer: &mut Vec<u8>,
    ) {
        let digest = match experiment {
            Some(_) => read_into(path, buffer).map(|()| Digest::of(buffer)),
            None => digest_of(path),
        };
        match digest {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let message = format!("is in {MANIFEST} and not there");
                return self.leave_out(path, FindingKind::Missing, message);
            }
            Err(error) => {
                return self.leave_out(
                    path,
                    FindingKind::Broken,
                    format!("cannot be read: {error}"),
                );
            }
            Ok(found) if found != sealed => {
                let message = format!("its SHA-256 is {found}, sealed was {sealed}");
                self.leave_out(path, FindingKind::Changed, message);
            }
            Ok(_) => {}
        }
        if let Some(experiment) = experiment {
            self.records(path, experiment, buffer);
        }
    }

    fn records(&mut self, path: &Path, experiment: &str, bytes: &[u8]) {
        let rules = SurveyRules {
            origin: self.origin,
            model_key: &self.model_key,
            experiment,
            replication: self.index.unwrap_or_default(),
        };
        match survey(bytes, rules) {
            Ok(survey) => self.files.push(RecordsFile {
                experiment: experiment.to_owned(),
                path: path.to_owned(),
                bytes: bytes.len() as u64,
                survey,
            }),
            Err(reason) => self.leave_out(path, FindingKind::Broken, reason),
        }
    }

    /// Compares the number of records with what the metadata counted.
    fn counts(&mut self, metadata: &Metadata) {
        let mut wrong = Vec::new();
        for file in &self.files {
            let counts = metadata.counts.value(&file.experiment);
            let expected = counts.map_or(0, |counts| counts.trials);
            if file.survey.records != expected {
                let message = format!("holds {} records, expected {expected}", file.survey.records);
                wrong.push((file.path.clone(), FindingKind::Missing, message));
            }
            if file.survey.duplicates > 0 {
                let message = format!("holds {} trials more than once", file.survey.duplicates);
                wrong.push((file.path.clone(), FindingKind::Duplicated, message));
            }
            let refused = counts.map_or(0, |counts| counts.refused_by_server);
            if refused > 0 {
                let message = format!("{refused} queries were refused by the server");
                let finding = Finding::new(&file.path, FindingKind::Refused, message);
                self.findings.push(finding);
            }
        }
        for (path, kind, message) in wrong {
            self.leave_out(path, kind, message);
        }
    }

    /// Notes files that are no part of what was sealed. They are not read, and nothing is wrong with the others.
    fn strangers(&mut self, listed: &[(String, Digest)]) {
        let Ok(paths) = entries(&self.folder) else {
            return;
        };
        for path in paths.into_iter().filter(|path| path.is_file()) {
            let name = find::name(&path);
            if name != MANIFEST && !listed.iter().any(|(listed, _)| listed == name) {
                let message = format!("is not in {MANIFEST}: it was not part of what was sealed");
                self.findings
                    .push(Finding::new(&path, FindingKind::Refused, message));
            }
        }
    }

    /// Reads what an earlier script wrote: every `.json` that holds an array.
    fn legacy(&mut self, buffer: &mut Vec<u8>) {
        self.origin = Origin::Legacy;
        let folder = self.folder.clone();
        let paths = entries(&folder).unwrap_or_default();
        let records: Vec<&PathBuf> = paths
            .iter()
            .filter(|path| {
                path.extension()
                    .is_some_and(|extension| extension == "json")
            })
            .filter(|path| find::name(path) != METADATA)
            .collect();
        if records.is_empty() {
            let message = "holds no records: it never began";
            return self.leave_out(folder, FindingKind::Missing, message);
        }
        if self.index.is_none() {
            let message =
                "does not tell which replication it is: expected a name such as replication-0";
            return self.leave_out(folder, FindingKind::Refused, message);
        }
        for path in records {
            match read_records(path, Origin::Legacy, buffer) {
                Ok(()) => {
                    let experiment = find::name(path).trim_end_matches(".json").to_owned();
                    self.records(path, &experiment, buffer);
                }
                Err(error) => {
                    self.leave_out(
                        path,
                        FindingKind::Broken,
                        format!("cannot be read: {error}"),
                    );
                }
            }
        }
    }
}

/// What a folder says of itself.
enum Described {
    ByGrace(Box<Metadata>),
    NotAtAll,
}

fn load(layout: &ReplicationLayout) -> Result<Described, (FindingKind, String)> {
    let begun = layout.attempts().is_dir()
        || layout.manifest().exists()
        || layout.sealing().folder().exists();
    let broken = |message: String| (FindingKind::Broken, message);
    let bytes = match fs::read(layout.metadata()) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound && begun => {
            let message = String::from("is not there, though a replication was begun");
            return Err((FindingKind::Missing, message));
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Described::NotAtAll),
        Err(error) => return Err(broken(format!("cannot be read: {error}"))),
    };
    let value: Value = serde_json::from_slice(&bytes).map_err(|error| {
        broken(format!(
            "cannot be read as the description of a replication: {error}"
        ))
    })?;
    match value.get("schema").and_then(Value::as_str) {
        Some(SCHEMA) => {}
        None if !begun && value.is_object() => return Ok(Described::NotAtAll),
        found => {
            let found = found.unwrap_or("none");
            let message = format!("has the format `{found}`, expected `{SCHEMA}`");
            return Err((FindingKind::Refused, message));
        }
    }
    serde_json::from_slice(&bytes)
        .map(|metadata| Described::ByGrace(Box::new(metadata)))
        .map_err(|error| {
            broken(format!(
                "cannot be read as the description of a replication: {error}"
            ))
        })
}

fn unsealed(metadata: &Metadata) -> String {
    let status = match metadata.status {
        Status::Running => "running",
        Status::Complete => "complete",
        Status::Incomplete => "incomplete",
        _ => "failed",
    };
    let counts = metadata.counts.iter().map(|(_, counts)| counts);
    let open: u64 = counts.map(Counts::outstanding).sum();
    if open > 0 {
        return format!("is not sealed: its status is `{status}`, {open} queries are open");
    }
    format!("is not sealed: its status is `{status}`")
}

/// Reads a whole file into `buffer`, whose room is used again.
fn read_into(path: &Path, buffer: &mut Vec<u8>) -> io::Result<()> {
    buffer.clear();
    File::open(path)?.read_to_end(buffer)?;
    Ok(())
}

/// Reads a whole file of records.
pub(crate) fn read_records(path: &Path, origin: Origin, buffer: &mut Vec<u8>) -> io::Result<()> {
    read_into(path, buffer)?;
    if origin == Origin::Legacy {
        without_nan(buffer);
    }
    Ok(())
}

fn digest_of(path: &Path) -> io::Result<Digest> {
    let mut file = File::open(path)?;
    let mut hasher = Hasher::new();
    let mut piece = vec![0; 1 << 18];
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(hasher.finish()),
            count => hasher.update(&piece[..count]),
        }
    }
}
