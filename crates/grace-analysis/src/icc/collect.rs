//! The cells of replications.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;

use super::cell::{Cell, Factor, Value};
use super::measure::{number, of_levels, yes_or_no};
use super::row::IccRow;
use super::wanted::{Measured, Wanted, condition};
use crate::aggregate::{AggregateError, groups};
use crate::parallel;
use crate::read::{Batch, Values};
use crate::results::Results;
use crate::schema::Schema;

/// Which cells are wanted.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Selection {
    /// The columns whose values tell conditions apart, besides model and experiment: names of conditions or of
    /// columns of the table. Empty: all conditions of the experiment.
    pub by: Vec<String>,
    /// The columns that are measures; empty: all that are read from answers.
    pub measures: Vec<String>,
}

/// Cells that could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CellsError {
    /// A file could not be read again.
    #[error(transparent)]
    Read(#[from] AggregateError),
    /// No experiment has a column that was asked for.
    #[error("no experiment has the column `{name}`; there are {}", .known.join(", "))]
    NoColumn {
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
    /// A column cannot tell conditions apart.
    #[error("`{name}` cannot tell conditions apart: {reason}")]
    By {
        /// What was asked for.
        name: String,
        /// Why not.
        reason: &'static str,
    },
}

/// Values of one column under one condition, as they are in the records.
#[derive(Default)]
struct RawCell {
    numbers: Vec<Value>,
    words: Vec<(u32, Option<u32>, Option<String>)>,
}

/// By experiment and levels of the factors: a cell for each measure.
type RawCells = BTreeMap<(usize, Vec<String>), Vec<RawCell>>;

impl Results {
    /// The values of every measure under every condition, by experiment, model, condition and measure.
    ///
    /// A measure that is no number becomes one: `yes` is 1 and `no` is 0; of other words each is a measure of its own,
    /// `column=word`, which is 1 where the answer is that word.
    ///
    /// # Errors
    ///
    /// Returns [`CellsError`] if a column of `selection` is nowhere, or if a file changed since it was read first.
    pub fn cells(
        &self,
        selection: &Selection,
        threads: NonZeroUsize,
    ) -> Result<Vec<Cell>, CellsError> {
        self.check(selection)?;
        let wanted: Vec<Wanted<'_>> = self
            .experiments
            .iter()
            .map(|experiment| Wanted::new(experiment, selection))
            .collect();
        let work = groups(self);
        let mut cells = RawCells::new();
        parallel::in_order(
            work.len(),
            threads,
            |number, buffer: &mut Vec<u8>| {
                let group = &work[number];
                let wanted = &wanted[group.experiment];
                let names = wanted.names();
                let is_wanted = |name: &str| names.contains(name);
                let parts = group.rows(wanted.experiment, is_wanted, buffer, |batch, _bytes| {
                    Ok(wanted.raw(group.experiment, &batch))
                })?;
                Ok::<_, AggregateError>(parts)
            },
            |parts| {
                for part in parts {
                    append(&mut cells, part);
                }
                Ok(())
            },
        )?;
        Ok(finish(&wanted, cells))
    }

    /// Whether every column that is asked for is anywhere.
    fn check(&self, selection: &Selection) -> Result<(), CellsError> {
        for (number, name) in selection.by.iter().enumerate() {
            let reason = if matches!(name.as_str(), "experiment" | "model") {
                "experiments and models are told apart already"
            } else if IccRow::has_field(name) {
                "the table of results has a column of this name"
            } else if selection.by[..number].contains(name) {
                "it is given twice"
            } else {
                continue;
            };
            let name = name.clone();
            return Err(CellsError::By { name, reason });
        }
        let schemas = || self.experiments.iter().map(|experiment| &experiment.schema);
        for name in selection.by.iter().chain(&selection.measures) {
            let there = |schema: &Schema| {
                schema
                    .position(name)
                    .or_else(|| schema.position(&condition(name)))
                    .is_some()
            };
            if !schemas().any(there) {
                let columns = schemas().flat_map(Schema::columns);
                let known: BTreeSet<String> = columns.map(|column| column.name.clone()).collect();
                return Err(CellsError::NoColumn {
                    name: name.clone(),
                    known: known.into_iter().collect(),
                });
            }
        }
        Ok(())
    }
}

impl Wanted<'_> {
    fn raw(&self, experiment: usize, batch: &Batch) -> RawCells {
        let mut cells = RawCells::new();
        for row in 0..batch.rows {
            let whole = |place: usize| match &batch.columns[place] {
                Values::Integer(values) => values[row].and_then(|value| u32::try_from(value).ok()),
                _ => None,
            };
            let by = self.by.iter().map(|(_, place)| *place);
            let levels = std::iter::once(self.model).chain(by);
            let levels = levels
                .map(|place| batch.columns[place].word(row).unwrap_or_default())
                .collect();
            let measures = cells
                .entry((experiment, levels))
                .or_insert_with(|| self.empty());
            let replication = whole(self.replication).unwrap_or_default();
            let trial = whole(self.trial);
            for (measure, cell) in self.measures.iter().zip(measures) {
                match &batch.columns[measure.column] {
                    Values::Text(values) => {
                        let value = values.value(row).filter(|word| !word.trim().is_empty());
                        let value = value.map(str::to_owned);
                        cell.words.push((replication, trial, value));
                    }
                    values => {
                        let value = number(values, row);
                        cell.numbers.push(Value::new(replication, trial, value));
                    }
                }
            }
        }
        cells
    }

    fn empty(&self) -> Vec<RawCell> {
        let measures = self.measures.iter();
        measures.map(|_| RawCell::default()).collect()
    }
}

fn append(cells: &mut RawCells, part: RawCells) {
    for (key, measures) in part {
        let known = match cells.entry(key) {
            Entry::Vacant(vacant) => {
                vacant.insert(measures);
                continue;
            }
            Entry::Occupied(known) => known.into_mut(),
        };
        for (known, cell) in known.iter_mut().zip(measures) {
            known.numbers.extend(cell.numbers);
            known.words.extend(cell.words);
        }
    }
}

fn finish(wanted: &[Wanted<'_>], raw: RawCells) -> Vec<Cell> {
    let mut levels: BTreeMap<(usize, usize), BTreeSet<String>> = BTreeMap::new();
    for ((experiment, _), measures) in &raw {
        for (place, cell) in measures.iter().enumerate() {
            let words = cell.words.iter().filter_map(|(_, _, word)| word.clone());
            levels
                .entry((*experiment, place))
                .or_default()
                .extend(words);
        }
    }
    let mut cells = Vec::new();
    for ((experiment, by), measures) in raw {
        let wanted = &wanted[experiment];
        let names = wanted.by.iter().map(|(name, _)| name.as_str());
        let names = std::iter::once("model").chain(names).zip(by);
        let mut factors = vec![Factor::new("experiment", wanted.experiment.id.clone())];
        factors.extend(names.map(|(name, level)| Factor::new(name, level)));
        for (place, (measure, cell)) in wanted.measures.iter().zip(measures).enumerate() {
            let levels = &levels[&(experiment, place)];
            cells.extend(measure.cells(&factors, cell, levels));
        }
    }
    cells
}

impl Measured {
    /// The cells of the measure under one condition; of a column of words one for each level.
    fn cells(&self, factors: &[Factor], cell: RawCell, levels: &BTreeSet<String>) -> Vec<Cell> {
        let new = |name: &str, values| Cell {
            deterministic: self.scored,
            ..Cell::new(factors.to_vec(), name, values)
        };
        if !self.is_text {
            return vec![new(&self.name, cell.numbers)];
        }
        let of_level = |(name, level): (String, Option<String>)| {
            let value = |word: &String| match &level {
                None => yes_or_no(word),
                Some(level) => Some(f64::from(word == level)),
            };
            let values = cell.words.iter().map(|(replication, trial, word)| {
                Value::new(*replication, *trial, word.as_ref().and_then(value))
            });
            new(&name, values.collect())
        };
        of_levels(&self.name, levels)
            .into_iter()
            .map(of_level)
            .collect()
    }
}
