//! The files of the tables: made under other names, and given their own once all are whole.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::parquet::{ParquetFile, RowGroup};
use super::{AggregateError, Table, csv};
use crate::completeness::Completeness;
use crate::read::Batch;
use crate::results::Experiment;
use crate::schema::Schema;

/// A folder of tables that is being written.
pub(super) struct Output {
    folder: PathBuf,
    pub(super) tables: Vec<TableOutput>,
}

/// The two files of a table.
pub(super) struct TableOutput {
    experiment: String,
    schema: Schema,
    parquet_path: PathBuf,
    parquet: ParquetFile<BufWriter<File>>,
    csv_path: PathBuf,
    csv: Mutex<(File, u64)>,
}

/// Some rows, ready to be written.
pub(super) struct Part {
    group: RowGroup,
    lines: Vec<u8>,
    rows: u64,
}

impl Output {
    pub(super) fn create(
        folder: &Path,
        experiments: &[Experiment],
    ) -> Result<Self, AggregateError> {
        fs::create_dir_all(folder).map_err(write_error(folder))?;
        let tables = experiments
            .iter()
            .map(|experiment| TableOutput::create(folder, experiment));
        Ok(Self {
            folder: folder.to_owned(),
            tables: tables.collect::<Result<_, _>>()?,
        })
    }

    /// Removes what was written so far. What cannot be removed is written over by the next who writes here.
    pub(super) fn discard(self) {
        for table in &self.tables {
            for path in [&table.parquet_path, &table.csv_path] {
                let _ = fs::remove_file(partial(path));
            }
        }
    }

    /// Ends all files and gives them their names.
    pub(super) fn finish(self, completeness: &Completeness) -> Result<Vec<Table>, AggregateError> {
        let mut paths = Vec::new();
        let mut tables = Vec::new();
        for table in self.tables {
            paths.extend([table.parquet_path.clone(), table.csv_path.clone()]);
            tables.push(table.finish()?);
        }
        for (name, text) in [
            ("completeness.csv", completeness.to_csv()),
            ("findings.csv", completeness.findings_to_csv()),
        ] {
            let path = self.folder.join(name);
            fs::write(partial(&path), text).map_err(write_error(&path))?;
            paths.push(path);
        }
        for path in paths {
            fs::rename(partial(&path), &path).map_err(write_error(&path))?;
        }
        Ok(tables)
    }
}

impl TableOutput {
    fn create(folder: &Path, experiment: &Experiment) -> Result<Self, AggregateError> {
        let path = |extension: &str| folder.join(format!("{}.{extension}", experiment.id));
        let (parquet_path, csv_path) = (path("parquet"), path("csv"));
        let create = |path: &Path| File::create(partial(path)).map_err(write_error(path));
        let file = BufWriter::with_capacity(1 << 20, create(&parquet_path)?);
        let parquet =
            ParquetFile::new(file, &experiment.schema).map_err(parquet_error(&parquet_path))?;
        let mut csv_file = create(&csv_path)?;
        csv::header(&experiment.schema)
            .map_err(Into::into)
            .and_then(|line| csv_file.write_all(&line))
            .map_err(write_error(&csv_path))?;
        Ok(Self {
            experiment: experiment.id.clone(),
            schema: experiment.schema.clone(),
            parquet_path,
            parquet,
            csv_path,
            csv: Mutex::new((csv_file, 0)),
        })
    }

    /// Makes ready what [`TableOutput::write`] writes.
    pub(super) fn encode(&self, batch: &Batch, bytes: usize) -> Result<Part, AggregateError> {
        Ok(Part {
            group: self
                .parquet
                .compress(batch)
                .map_err(parquet_error(&self.parquet_path))?,
            lines: csv::lines(batch, bytes),
            rows: batch.rows as u64,
        })
    }

    /// Appends rows.
    pub(super) fn write(&self, part: &Part) -> Result<(), AggregateError> {
        self.parquet
            .write(&part.group)
            .map_err(parquet_error(&self.parquet_path))?;
        let mut csv = self.csv.lock().unwrap_or_else(PoisonError::into_inner);
        csv.1 += part.rows;
        csv.0
            .write_all(&part.lines)
            .map_err(write_error(&self.csv_path))
    }

    fn finish(self) -> Result<Table, AggregateError> {
        self.parquet
            .finish()
            .map_err(parquet_error(&self.parquet_path))?;
        let (_, rows) = self
            .csv
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        Ok(Table {
            experiment: self.experiment,
            rows,
            columns: self.schema,
            parquet: self.parquet_path,
            csv: self.csv_path,
        })
    }
}

/// Tables in `folder` that were made of other results, a note each: who reads all files of the folder must know.
pub(super) fn stale(folder: &Path, tables: &[Table]) -> Vec<String> {
    let written = |path: &Path| tables.iter().any(|table| table.parquet == path);
    let paths = crate::find::entries(folder).unwrap_or_default();
    let stale = paths.into_iter().filter(|path| {
        let parquet = path
            .extension()
            .is_some_and(|extension| extension == "parquet");
        parquet && !written(path) && path.with_extension("csv").exists()
    });
    stale
        .map(|path| {
            let (parquet, csv) = (path.display(), path.with_extension("csv"));
            format!(
                "{parquet} and {} are of an earlier run: these results hold no such experiment; remove them",
                csv.display()
            )
        })
        .collect()
}

/// The name of a file while it is written.
fn partial(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.partial"))
}

fn write_error(path: &Path) -> impl Fn(std::io::Error) -> AggregateError {
    move |source| AggregateError::Write {
        path: path.to_owned(),
        source,
    }
}

fn parquet_error(path: &Path) -> impl Fn(polars::prelude::PolarsError) -> AggregateError {
    move |source| AggregateError::Parquet {
        path: path.to_owned(),
        source,
    }
}
