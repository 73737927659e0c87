//! Tables of all replications: a row for each trial, written as Parquet and CSV.

mod csv;
mod groups;
mod output;
mod parquet;

pub(crate) use groups::groups;

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use polars::prelude::PolarsError;
use serde::Serialize;

use crate::completeness::Completeness;
use crate::parallel;
use crate::results::Results;
use crate::schema::Schema;

/// Tables that could not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AggregateError {
    /// A file of the tables.
    #[error("writing {} failed", .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// Parquet could not be made.
    #[error("writing {} failed", .path.display())]
    Parquet {
        /// The file.
        path: PathBuf,
        /// What Polars says.
        source: PolarsError,
    },
    /// A file of records was read, and could not be read again.
    #[error("reading {} again failed", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A file of records is not what it was when it was read first.
    #[error("{} changed while it was read: {reason}", .path.display())]
    Changed {
        /// The file.
        path: PathBuf,
        /// What is different.
        reason: String,
    },
}

/// A table that was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Table {
    /// The experiment.
    pub experiment: String,
    /// The number of rows.
    pub rows: u64,
    /// The columns.
    pub columns: Schema,
    /// The Parquet file.
    pub parquet: PathBuf,
    /// The CSV file.
    pub csv: PathBuf,
}

impl Results {
    /// Writes a table for each experiment, `<experiment>.parquet` and `<experiment>.csv`, and `completeness.csv` and
    /// `findings.csv` into `out`, which comes into being if it is not there.
    ///
    /// A row is a trial; rows are sorted by model key, replication and place in the order. The files depend on the
    /// results alone, to the byte, and not on `threads`. At most one file of records, the rows made of it, and what
    /// was made of one other group of files, are in the memory of each thread. Files of the same names are replaced once all are written.
    ///
    /// # Errors
    ///
    /// Returns [`AggregateError`]; no table is replaced then.
    pub fn write_tables(
        &self,
        out: &Path,
        completeness: &Completeness,
        threads: NonZeroUsize,
    ) -> Result<Vec<Table>, AggregateError> {
        let output = output::Output::create(out, &self.experiments)?;
        let work = groups(self);
        parallel::in_order(
            work.len(),
            threads,
            |number, buffer: &mut Vec<u8>| {
                let group = &work[number];
                let table = &output.tables[group.experiment];
                let experiment = &self.experiments[group.experiment];
                let parts = group.rows(
                    experiment,
                    |_| true,
                    buffer,
                    |batch, bytes| table.encode(&batch, bytes),
                )?;
                Ok((group.experiment, parts))
            },
            |(experiment, parts)| {
                let table = &output.tables[experiment];
                parts.iter().try_for_each(|part| table.write(part))
            },
        )?;
        output.finish(completeness)
    }
}
