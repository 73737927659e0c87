//! A replication that grace wrote: its files against the manifest and the metadata.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use grace_core::Digest;
use grace_core::digest::Hasher;
use grace_core::layout::{MANIFEST, METADATA, ReplicationLayout};
use grace_core::metadata::Metadata;

use super::description::unsealed;
use super::{Replication, read_into};
use crate::completeness::{Finding, FindingKind};
use crate::find::{self, entries};
use crate::manifest;

/// A file that was sealed.
#[derive(Debug, Clone)]
pub(crate) struct Listed {
    pub(crate) path: PathBuf,
    pub(crate) digest: Digest,
    /// The experiment whose records it holds.
    pub(crate) experiment: Option<String>,
}

impl Replication {
    /// Reads the manifest of a replication of which there is metadata.
    pub(super) fn manifest(&mut self, layout: &ReplicationLayout, metadata: &Metadata) {
        if !layout.manifest().exists() {
            let message = unsealed(metadata);
            return self.leave_out(layout.folder(), FindingKind::Unsealed, message);
        }
        let names = match fs::read_to_string(layout.manifest()) {
            Ok(text) => manifest::parse(&text),
            Err(error) => Err(vec![format!("cannot be read: {error}")]),
        };
        let names = match names {
            Ok(names) => names,
            Err(reasons) => {
                let reasons = reasons.join("; ");
                return self.leave_out(layout.manifest(), FindingKind::Broken, reasons);
            }
        };
        let experiments: Vec<&str> = metadata.counts.iter().map(|(id, _)| id).collect();
        for id in &experiments {
            let name = format!("{id}.json");
            if !names.iter().any(|(listed, _)| *listed == name) {
                let message =
                    format!("is not in {MANIFEST}, though metadata.json counts its records");
                self.leave_out(layout.sealed().file(&name), FindingKind::Missing, message);
            }
        }
        if !names.iter().any(|(name, _)| name == METADATA) {
            let message = format!("is not in {MANIFEST}");
            self.leave_out(layout.metadata(), FindingKind::Missing, message);
        }
        let listed = names.into_iter().map(|(name, digest)| Listed {
            path: layout.sealed().file(&name),
            digest,
            experiment: name
                .strip_suffix(".json")
                .filter(|id| experiments.contains(id))
                .map(str::to_owned),
        });
        self.listed = Some(listed.collect());
    }

    /// Compares a sealed file with its digest and, if it holds records, reads them.
    pub(super) fn sealed_file(&mut self, listed: &Listed, buffer: &mut Vec<u8>) {
        let path = &listed.path;
        let digest = match listed.experiment {
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
            Ok(found) if found != listed.digest => {
                let message = format!("its SHA-256 is {found}, sealed was {}", listed.digest);
                self.leave_out(path, FindingKind::Changed, message);
            }
            Ok(_) => {}
        }
        if let Some(experiment) = &listed.experiment {
            self.records(path, experiment, buffer);
        }
    }

    /// Compares what was read of a sealed replication with its metadata, and looks for files that were not sealed.
    pub(crate) fn close(&mut self) {
        let Some(listed) = self.listed.take() else {
            return;
        };
        if let Some(metadata) = self.metadata.take() {
            self.counts(&metadata);
            self.metadata = Some(metadata);
        }
        self.strangers(&listed);
        self.listed = Some(listed);
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
    fn strangers(&mut self, listed: &[Listed]) {
        let Ok(paths) = entries(&self.folder) else {
            return;
        };
        for path in paths.into_iter().filter(|path| path.is_file()) {
            let name = find::name(&path);
            if name != MANIFEST && !listed.iter().any(|listed| listed.path == path) {
                let message = format!("is not in {MANIFEST}: it was not part of what was sealed");
                self.findings
                    .push(Finding::new(&path, FindingKind::Refused, message));
            }
        }
    }
}

/// The digest of a file that is not kept in memory.
pub(crate) fn digest_of(path: &Path) -> io::Result<Digest> {
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
