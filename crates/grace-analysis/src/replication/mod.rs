//! One replication: what its folder holds, and whether it may be read.

mod description;
mod legacy;
mod sealed;

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use grace_core::Digest;
use grace_core::layout::ReplicationLayout;
use grace_core::metadata::Metadata;

use self::description::{Description, describe};
use crate::completeness::{Finding, FindingKind};
use crate::find::{self, index_in};
use crate::read::{Origin, Survey, SurveyRules, survey, without_nan};

pub(crate) use sealed::{Listed, digest_of};

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
    /// The files that were sealed; `None` if nothing was, or if that cannot be told.
    pub(crate) listed: Option<Vec<Listed>>,
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
    /// Of the records in any order, of what an earlier script wrote; what grace wrote has its digest in the manifest.
    pub(crate) content: Option<Digest>,
    pub(crate) survey: Survey,
}

impl Replication {
    /// Reads everything in `folder` once, with `buffer` as room for a file.
    pub(crate) fn survey(folder: &Path, buffer: &mut Vec<u8>) -> Self {
        let mut replication = Self::open(folder);
        if replication.origin == Origin::Legacy {
            replication.legacy(buffer);
        }
        for listed in replication.listed.clone().unwrap_or_default() {
            replication.sealed_file(&listed, buffer);
        }
        replication.close();
        replication
    }

    /// Reads what `folder` says of itself: metadata and manifest, and none of the files that the manifest lists.
    pub(crate) fn open(folder: &Path) -> Self {
        let above = folder.parent().map(find::name).unwrap_or_default();
        let mut replication = Self {
            folder: folder.to_owned(),
            model_key: above.to_owned(),
            index: index_in(find::name(folder)),
            origin: Origin::Grace,
            metadata: None,
            readable: true,
            listed: None,
            files: Vec::new(),
            findings: Vec::new(),
        };
        let layout = ReplicationLayout::at(folder);
        match describe(&layout) {
            Ok(Description::ByGrace(metadata)) => {
                replication.model_key.clone_from(&metadata.model_key);
                replication.index = Some(metadata.replication_index);
                replication.manifest(&layout, &metadata);
                replication.metadata = Some(metadata);
            }
            Ok(Description::NotAtAll) => replication.origin = Origin::Legacy,
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

    /// What the records of `experiment` must say.
    pub(crate) fn rules<'a>(&'a self, experiment: &'a str) -> SurveyRules<'a> {
        SurveyRules {
            origin: self.origin,
            model_key: &self.model_key,
            experiment,
            replication: self.index.unwrap_or_default(),
        }
    }

    fn records(&mut self, path: &Path, experiment: &str, bytes: &[u8]) {
        match survey(bytes, self.rules(experiment)) {
            Ok(survey) => self.files.push(RecordsFile {
                experiment: experiment.to_owned(),
                path: path.to_owned(),
                bytes: bytes.len() as u64,
                content: match self.origin {
                    Origin::Legacy => legacy::content(bytes),
                    Origin::Grace => None,
                },
                survey,
            }),
            Err(reason) => self.leave_out(path, FindingKind::Broken, reason),
        }
    }
}

/// Reads a whole file into `buffer`, whose room is used again.
pub(crate) fn read_into(path: &Path, buffer: &mut Vec<u8>) -> io::Result<()> {
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
