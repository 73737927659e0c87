//! Tables of all replications: a row for each trial, written as Parquet and CSV.

mod csv;
mod expected;
mod groups;
mod once;
mod output;
mod parquet;

pub(crate) use groups::groups;

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use polars::prelude::PolarsError;
use serde::Serialize;

use crate::completeness::Completeness;
use crate::find::FindError;
use crate::parallel;
use crate::results::Results;
use crate::schema::{Definitions, Schema};

/// Tables that could not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AggregateError {
    /// There is nothing to aggregate.
    #[error(transparent)]
    Find(FindError),
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

/// Tables that were written, and what they lack.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Aggregated {
    /// What was expected and what was found.
    pub completeness: Completeness,
    /// By experiment.
    pub tables: Vec<Table>,
}

/// Writes the tables of the results at or under `folder` into `out`: the same as [`Results::survey`],
/// [`Results::completeness`] and [`Results::write_tables`] one after the other, but every file is read only once, if it
/// is whole.
///
/// ```
/// use std::num::NonZeroUsize;
///
/// use grace_analysis::aggregate::aggregate;
/// use grace_analysis::schema::Definitions;
///
/// let folder = std::env::temp_dir().join("grace-analysis-aggregate");
/// std::fs::create_dir_all(folder.join("old-model/replication-0"))?;
/// std::fs::write(folder.join("old-model/replication-0/mine.json"), r#"[{"rating": 1}]"#)?;
///
/// let out = folder.join("dataset");
/// let aggregated = aggregate(&folder, &Definitions::default(), None, &out, NonZeroUsize::MIN)?;
/// assert_eq!(aggregated.tables[0].rows, 1);
/// assert!(aggregated.completeness.is_whole());
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// Returns [`AggregateError`] if there are no results at all or the tables cannot be written; no table is replaced
/// then. Faults of replications are no error.
pub fn aggregate(
    folder: &Path,
    definitions: &Definitions,
    replications: Option<u32>,
    out: &Path,
    threads: NonZeroUsize,
) -> Result<Aggregated, AggregateError> {
    let mut done = aggregated(folder, definitions, replications, out, threads)?;
    done.completeness
        .notes
        .extend(output::stale(out, &done.tables));
    Ok(done)
}

fn aggregated(
    folder: &Path,
    definitions: &Definitions,
    replications: Option<u32>,
    out: &Path,
    threads: NonZeroUsize,
) -> Result<Aggregated, AggregateError> {
    if let Some(expected) =
        expected::expected(folder, definitions, threads).map_err(AggregateError::Find)?
        && let Some(done) = once::write(expected, definitions, replications, out, threads)?
    {
        return Ok(done);
    }
    let results = Results::survey(folder, definitions, threads).map_err(AggregateError::Find)?;
    let completeness = results.completeness(replications);
    let tables = results.write_tables(out, &completeness, threads)?;
    Ok(Aggregated {
        completeness,
        tables,
    })
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
