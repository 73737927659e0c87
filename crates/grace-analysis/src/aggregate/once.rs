//! Tables from one reading of every file, written while it is not yet known that all files are whole.
//!
//! What the tables look like depends on all replications. So it is guessed from the beginning of each file, and the
//! tables get their names only if all files turn out to be as guessed. If any does not, nothing was made: the caller
//! begins again, with a survey.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use grace_core::Digest;

use super::expected::is_as_expected;
use super::groups::{Batches, Group, groups};
use super::output::{Output, Part};
use super::{AggregateError, Aggregated};
use crate::parallel;
use crate::read::{Batch, Cell, Sink, Survey, Surveyor, read};
use crate::replication::{Listed, RecordsFile, Replication, digest_of, read_into};
use crate::results::{Experiment, Results};
use crate::schema::Definitions;

/// What files hold, by file.
type Surveys = Vec<(PathBuf, Survey)>;

/// Why work ends early.
enum Stop {
    /// Something is not as expected.
    Surprise,
    Failed(AggregateError),
}

impl From<AggregateError> for Stop {
    fn from(error: AggregateError) -> Self {
        Self::Failed(error)
    }
}

/// What one thread does at a time.
enum Work<'r> {
    /// Checks files of records and makes them into rows.
    Rows(Group<'r>),
    /// Checks a file of another kind.
    Digest(&'r Listed),
}

/// What came of it.
enum Made {
    Rows {
        experiment: usize,
        parts: Vec<Part>,
        surveys: Surveys,
    },
    Checked,
}

/// Writes the tables of `expected` results into `out`; `None` if anything is not as expected.
pub(super) fn write(
    expected: Results,
    definitions: &Definitions,
    replications: Option<u32>,
    out: &Path,
    threads: NonZeroUsize,
) -> Result<Option<Aggregated>, AggregateError> {
    let output = Output::create(out, &expected.experiments)?;
    let surveys = match rows(&expected, &output, threads) {
        Ok(surveys) => surveys,
        Err(Stop::Failed(error)) => return Err(error),
        Err(Stop::Surprise) => {
            output.discard();
            return Ok(None);
        }
    };
    let Some(results) = surveyed(expected, surveys, definitions) else {
        output.discard();
        return Ok(None);
    };
    let completeness = results.completeness(replications);
    let tables = output.finish(&completeness)?;
    Ok(Some(Aggregated {
        completeness,
        tables,
    }))
}

/// Reads all files and writes all rows; the surveys by file.
fn rows(
    expected: &Results,
    output: &Output,
    threads: NonZeroUsize,
) -> Result<BTreeMap<PathBuf, Survey>, Stop> {
    let rows = groups(expected).into_iter().map(Work::Rows);
    let listed = expected.readable().flat_map(|one| &one.listed).flatten();
    let others = listed.filter(|listed| listed.experiment.is_none());
    let mut others: Vec<&Listed> = others.collect();
    // The largest pieces first, so that the threads end together.
    others.sort_by_key(|listed| Reverse(fs::metadata(&listed.path).map_or(0, |file| file.len())));
    let work: Vec<Work<'_>> = rows.chain(others.into_iter().map(Work::Digest)).collect();
    let mut surveys = BTreeMap::new();
    parallel::in_order(
        work.len(),
        threads,
        |number, buffer| match &work[number] {
            Work::Rows(group) => {
                let experiment = &expected.experiments[group.experiment];
                let table = &output.tables[group.experiment];
                let encode = |batch: Batch, bytes| table.encode(&batch, bytes);
                let (parts, surveys) = checked_rows(group, experiment, buffer, encode)?;
                Ok(Made::Rows {
                    experiment: group.experiment,
                    parts,
                    surveys,
                })
            }
            Work::Digest(listed) => match digest_of(&listed.path) {
                Ok(digest) if digest == listed.digest => Ok(Made::Checked),
                _ => Err(Stop::Surprise),
            },
        },
        |made| {
            if let Made::Rows {
                experiment,
                parts,
                surveys: new,
            } = made
            {
                surveys.extend(new);
                let table = &output.tables[experiment];
                parts.iter().try_for_each(|part| table.write(part))?;
            }
            Ok(())
        },
    )?;
    Ok(surveys)
}

/// The results as they are; `None` if they are not as expected.
fn surveyed(
    expected: Results,
    mut surveys: BTreeMap<PathBuf, Survey>,
    definitions: &Definitions,
) -> Option<Results> {
    let mut replications = expected.replications;
    for replication in &mut replications {
        if replication.readable {
            for file in &mut replication.files {
                file.survey = surveys.remove(&file.path)?;
            }
        }
        replication.close();
    }
    let results = Results {
        strays: expected.strays,
        ..Results::of(replications, definitions)
    };
    let schemas = |experiments: &[Experiment]| -> Vec<_> {
        let schema = |experiment: &Experiment| (experiment.id.clone(), experiment.schema.clone());
        experiments.iter().map(schema).collect()
    };
    let same = schemas(&results.experiments) == schemas(&expected.experiments);
    (same && is_as_expected(&results)).then_some(results)
}

/// Reads the files of a group once: digests, records and rows. What comes of the rows, and the surveys by file.
fn checked_rows<T>(
    group: &Group<'_>,
    experiment: &Experiment,
    buffer: &mut Vec<u8>,
    make: impl Fn(Batch, usize) -> Result<T, AggregateError>,
) -> Result<(Vec<T>, Surveys), Stop> {
    let mut batches = Batches::new(experiment, |_| true, make);
    let mut surveys = Vec::new();
    for (replication, file) in &group.files {
        if !is_sealed(replication, file, buffer) {
            return Err(Stop::Surprise);
        }
        let mut both = Both {
            surveyor: Surveyor::new(replication.rules(&file.experiment)),
            places: Vec::new(),
            experiment,
            batches: &mut batches,
        };
        let done = read(buffer, &mut both);
        let survey = both.surveyor.finish();
        if let Some(error) = batches.error.take() {
            return Err(error.into());
        }
        let (Ok(()), Ok(survey)) = (done, survey) else {
            return Err(Stop::Surprise);
        };
        surveys.push((file.path.clone(), survey));
    }
    batches.hand_on()?;
    Ok((batches.made, surveys))
}

/// Reads a file; whether it is what was sealed.
fn is_sealed(replication: &Replication, file: &RecordsFile, buffer: &mut Vec<u8>) -> bool {
    let mut listed = replication.listed.iter().flatten();
    let sealed = listed.find(|listed| listed.path == file.path);
    read_into(&file.path, buffer).is_ok()
        && buffer.len() as u64 == file.bytes
        && sealed.is_some_and(|listed| listed.digest == Digest::of(buffer))
}

/// Gives every cell to the survey and, if nothing is wrong with it, to the rows.
struct Both<'a, 's, T, F> {
    surveyor: Surveyor<'a>,
    /// The places in the schema, by place in the file.
    places: Vec<usize>,
    experiment: &'s Experiment,
    batches: &'a mut Batches<'s, T, F>,
}

impl<T, F: Fn(Batch, usize) -> Result<T, AggregateError>> Sink for Both<'_, '_, T, F> {
    fn cell(&mut self, column: &str, value: Cell<'_>) -> Result<(), String> {
        let place = self.surveyor.check(column, value)?;
        if place == self.places.len() {
            let schema = &self.experiment.schema;
            let unexpected = || format!("`{column}` was not expected");
            self.places
                .push(schema.position(column).ok_or_else(unexpected)?);
        }
        self.batches.rows.put(self.places[place], value)
    }

    fn end_record(&mut self) -> Result<(), String> {
        self.surveyor.end_record()?;
        self.batches.end_record()
    }
}
