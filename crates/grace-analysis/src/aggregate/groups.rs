//! What is made into rows in one go: some files of an experiment, one behind the other.

use std::path::PathBuf;

use super::AggregateError;
use crate::read::{Batch, Cell, Origin, Place, Rows, Sink, read};
use crate::replication::{RecordsFile, Replication, read_records};
use crate::results::{Experiment, Results};

/// Files are put together until they have this size, so that row groups are not tiny.
const GROUP_BYTES: u64 = 16 << 20;
/// Rows are handed on as soon as they have this size, so that memory stays small.
const BATCH_BYTES: usize = 16 << 20;

/// Consecutive files of one experiment.
pub(crate) struct Group<'r> {
    /// The place of the experiment among those of the results.
    pub(crate) experiment: usize,
    pub(super) files: Vec<(&'r Replication, &'r RecordsFile)>,
}

/// All files of readable replications: experiment by experiment, and within it by model and index.
pub(crate) fn groups(results: &Results) -> Vec<Group<'_>> {
    let mut groups = Vec::new();
    for (experiment, Experiment { id, .. }) in results.experiments.iter().enumerate() {
        let mut open = Group {
            experiment,
            files: Vec::new(),
        };
        let mut bytes = 0;
        for replication in results.readable() {
            for file in replication
                .files
                .iter()
                .filter(|file| file.experiment == *id)
            {
                open.files.push((replication, file));
                bytes += file.bytes;
            }
            if bytes >= GROUP_BYTES {
                bytes = 0;
                let next = Group {
                    experiment,
                    files: Vec::new(),
                };
                groups.push(std::mem::replace(&mut open, next));
            }
        }
        if !open.files.is_empty() {
            groups.push(open);
        }
    }
    groups
}

impl Group<'_> {
    /// Reads the files and makes something of every batch of rows, whose size in bytes is given, too.
    pub(crate) fn rows<T>(
        &self,
        experiment: &Experiment,
        wanted: impl Fn(&str) -> bool,
        buffer: &mut Vec<u8>,
        make: impl Fn(Batch, usize) -> Result<T, AggregateError>,
    ) -> Result<Vec<T>, AggregateError> {
        let mut batches = Batches::new(experiment, wanted, make);
        for (replication, file) in &self.files {
            read_records(&file.path, replication.origin, buffer).map_err(|source| {
                AggregateError::Read {
                    path: file.path.clone(),
                    source,
                }
            })?;
            batches.rows.set_legacy(legacy(replication, file));
            let done = read(buffer, &mut batches);
            if let Some(error) = batches.error.take() {
                return Err(error);
            }
            let changed = |reason: String| AggregateError::Changed {
                path: PathBuf::from(&file.path),
                reason,
            };
            done.map_err(|error| changed(error.to_string()))?;
            if buffer.len() as u64 != file.bytes {
                return Err(changed(format!("it had {} bytes", file.bytes)));
            }
        }
        batches.hand_on()?;
        Ok(batches.made)
    }
}

fn legacy<'r>(replication: &'r Replication, file: &'r RecordsFile) -> Option<Place<'r>> {
    (replication.origin == Origin::Legacy).then(|| Place {
        model_key: &replication.model_key,
        replication: replication.index.unwrap_or_default(),
        experiment: &file.experiment,
    })
}

/// Rows that are handed on in batches.
pub(super) struct Batches<'s, T, F> {
    pub(super) rows: Rows<'s>,
    make: F,
    pub(super) made: Vec<T>,
    /// Why `make` failed.
    pub(super) error: Option<AggregateError>,
}

impl<'s, T, F: Fn(Batch, usize) -> Result<T, AggregateError>> Batches<'s, T, F> {
    /// No rows yet; `make` makes something of every batch, whose size in bytes is given, too.
    pub(super) fn new(experiment: &'s Experiment, wanted: impl Fn(&str) -> bool, make: F) -> Self {
        Self {
            rows: Rows::new(&experiment.schema, experiment.definition.as_ref(), wanted),
            make,
            made: Vec::new(),
            error: None,
        }
    }

    /// Hands on the rows that are left.
    pub(super) fn hand_on(&mut self) -> Result<(), AggregateError> {
        let bytes = self.rows.bytes();
        let batch = self.rows.take();
        if batch.rows > 0 {
            self.made.push((self.make)(batch, bytes)?);
        }
        Ok(())
    }
}

impl<T, F: Fn(Batch, usize) -> Result<T, AggregateError>> Sink for Batches<'_, T, F> {
    fn cell(&mut self, column: &str, value: Cell<'_>) -> Result<(), String> {
        self.rows.cell(column, value)
    }

    fn end_record(&mut self) -> Result<(), String> {
        self.rows.end_record()?;
        if self.rows.bytes() < BATCH_BYTES {
            return Ok(());
        }
        self.hand_on().map_err(|error| {
            let message = error.to_string();
            self.error = Some(error);
            message
        })
    }
}
