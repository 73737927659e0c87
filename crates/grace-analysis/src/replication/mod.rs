//! One replication: what its folder holds, and whether it may be read.

mod description;
mod legacy;
mod sealed;

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use grace_core::layout::ReplicationLayout;
use grace_core::metadata::Metadata;

use self::description::{Description, describe};
use crate::completeness::{Finding, FindingKind};
use crate::find::{self, index_in};
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
        match describe(&layout) {
            Ok(Description::ByGrace(metadata)) => {
                replication.model_key.clone_from(&metadata.model_key);
                replication.index = Some(metadata.replication_index);
                replication.sealed(&layout, &metadata, buffer);
                replication.metadata = Some(metadata);
            }
            Ok(Description::NotAtAll) => replication.legacy(buffer),
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
