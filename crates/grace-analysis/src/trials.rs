//! What was asked and answered in every trial: place, time, prompt and answer, as numbers.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use jiff::Timestamp;

use crate::aggregate::{AggregateError, groups};
use crate::parallel;
use crate::read::Batch;
use crate::results::{Experiment, Results};
use crate::schema::{QueryColumns, Role};

/// The trials of an experiment in all replications that may be read.
#[derive(Debug)]
pub(crate) struct Trials {
    pub(crate) experiment: String,
    /// The names of the conditions.
    pub(crate) factors: Vec<String>,
    pub(crate) rows: Vec<Trial>,
    /// The queries that sample text.
    pub(crate) queries: Vec<Query>,
}

/// Which trial it is.
#[derive(Debug, Clone)]
pub(crate) struct Trial {
    pub(crate) model: String,
    pub(crate) replication: u32,
    /// The row of the stimulus.
    pub(crate) id: Option<u32>,
    /// The place in the order, from 0.
    pub(crate) place: Option<u32>,
    /// The levels of the conditions.
    pub(crate) condition: Vec<String>,
}

/// A query in every trial.
#[derive(Debug)]
pub(crate) struct Query {
    pub(crate) id: String,
    /// The columns that its answer is read into.
    pub(crate) columns: Vec<String>,
    /// Whether it is known which trials have one prompt.
    pub(crate) has_prompts: bool,
    pub(crate) asked: Vec<Asked>,
}

/// A query in one trial.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Asked {
    /// What was read from the answer, words of several columns joined by a blank.
    pub(crate) answer: Option<String>,
    /// Equal for equal prompts.
    pub(crate) prompt: u32,
    /// When it was asked, in seconds of Unix time.
    pub(crate) at: Option<f64>,
}

impl Results {
    /// The trials of every experiment with a query that samples text, in the order of the results.
    ///
    /// # Errors
    ///
    /// Returns [`AggregateError`] if a file changed since it was read first.
    pub(crate) fn trials(&self, threads: NonZeroUsize) -> Result<Vec<Trials>, AggregateError> {
        let wanted: Vec<Wanted<'_>> = self.experiments.iter().map(Wanted::new).collect();
        let mut trials: Vec<Trials> = wanted.iter().map(Wanted::nothing).collect();
        let mut prompts: BTreeMap<(usize, usize, Vec<String>), u32> = BTreeMap::new();
        let work = groups(self);
        parallel::in_order(
            work.len(),
            threads,
            |number, buffer: &mut Vec<u8>| {
                let group = &work[number];
                let wanted = &wanted[group.experiment];
                if wanted.queries.is_empty() {
                    return Ok((group.experiment, Vec::new()));
                }
                let names = wanted.names();
                let is_wanted = |name: &str| names.contains(&name);
                let parts = group.rows(wanted.experiment, is_wanted, buffer, |batch, _bytes| {
                    Ok(wanted.rows(&batch))
                })?;
                Ok((
                    group.experiment,
                    parts.into_iter().flatten().collect::<Vec<_>>(),
                ))
            },
            |(experiment, rows)| {
                let trials = &mut trials[experiment];
                for (trial, asked) in rows {
                    trials.rows.push(trial);
                    for (number, (mut asked, prompt)) in asked.into_iter().enumerate() {
                        let next = u32::try_from(prompts.len()).unwrap_or(u32::MAX);
                        asked.prompt = *prompts.entry((experiment, number, prompt)).or_insert(next);
                        trials.queries[number].asked.push(asked);
                    }
                }
                Ok(())
            },
        )?;
        trials.retain(|trials| !trials.queries.is_empty());
        Ok(trials)
    }
}

/// A trial, and for each query what was asked, with the values that its prompt shows.
type Row = (Trial, Vec<(Asked, Vec<String>)>);

/// Where the wanted columns of an experiment are.
struct Wanted<'r> {
    experiment: &'r Experiment,
    factors: Vec<(String, usize)>,
    queries: Vec<WantedQuery>,
}

struct WantedQuery {
    id: String,
    answer: Vec<usize>,
    prompt: Option<Vec<usize>>,
    at: Option<usize>,
}

impl<'r> Wanted<'r> {
    fn new(experiment: &'r Experiment) -> Self {
        let columns = experiment.schema.columns().iter().enumerate();
        let factors = columns.filter_map(|(place, column)| {
            Some((column.name.strip_prefix("conditions.")?.to_owned(), place))
        });
        let queries = experiment
            .definition
            .iter()
            .flat_map(|definition| &definition.queries);
        Self {
            experiment,
            factors: factors.collect(),
            queries: queries
                .filter_map(|query| WantedQuery::new(experiment, query))
                .collect(),
        }
    }

    fn nothing(&self) -> Trials {
        let columns = self.experiment.schema.columns();
        let name = |place: &usize| columns[*place].name.clone();
        let query = |query: &WantedQuery| Query {
            id: query.id.clone(),
            columns: query.answer.iter().map(name).collect(),
            has_prompts: query.prompt.is_some(),
            asked: Vec::new(),
        };
        Trials {
            experiment: self.experiment.id.clone(),
            factors: self.factors.iter().map(|(name, _)| name.clone()).collect(),
            rows: Vec::new(),
            queries: self.queries.iter().map(query).collect(),
        }
    }

    /// The names of all columns that are needed, and of those that conditions of earlier scripts come from.
    fn names(&self) -> Vec<&str> {
        let columns = self.experiment.schema.columns();
        let factors = self.factors.iter().map(|(_, place)| *place);
        let of_queries = self.queries.iter().flat_map(|query| {
            let prompt = query.prompt.iter().flatten();
            query.answer.iter().chain(prompt).chain(&query.at).copied()
        });
        let mut names: Vec<&str> = factors
            .chain(of_queries)
            .map(|place| columns[place].name.as_str())
            .collect();
        names.extend(crate::schema::KEYS);
        if let Some(definition) = &self.experiment.definition {
            let conditions = definition.conditions.iter();
            names.extend(conditions.map(|condition| condition.column.as_str()));
            // An error in any column of a query takes its answer away.
            names.extend(definition.columns().map(|(name, _, _)| name.as_str()));
        }
        names
    }

    fn rows(&self, batch: &Batch) -> Vec<Row> {
        let schema = &self.experiment.schema;
        let text = |name: &str, row| {
            let values = schema.position(name).map(|place| &batch.columns[place]);
            values.and_then(|values| values.word(row))
        };
        let whole = |name: &str, row| text(name, row).and_then(|text| text.parse().ok());
        let row = |row| {
            let levels = self.factors.iter();
            let level =
                |(_, place): &(String, usize)| batch.columns[*place].word(row).unwrap_or_default();
            let trial = Trial {
                model: text("model_key", row).unwrap_or_default(),
                replication: whole("replication_id", row).unwrap_or_default(),
                id: whole("trial_id", row),
                place: whole("trial_order_in_replication", row),
                condition: levels.map(level).collect(),
            };
            let asked = self.queries.iter().map(|query| query.asked(batch, row));
            (trial, asked.collect())
        };
        (0..batch.rows).map(row).collect()
    }
}

impl WantedQuery {
    /// `None` for a query that samples no text.
    fn new(experiment: &Experiment, query: &QueryColumns) -> Option<Self> {
        let place = |name: &String| experiment.schema.position(name);
        let columns = query.columns.iter();
        let answer: Vec<usize> = columns
            .filter(|(_, _, role)| *role == Role::Sampled)
            .filter_map(|(name, _, _)| place(name))
            .collect();
        (!answer.is_empty()).then(|| Self {
            id: query.id.clone(),
            answer,
            prompt: query.prompt.iter().map(place).collect(),
            at: place(&format!("timings.{}.started_at", query.id)),
        })
    }

    fn asked(&self, batch: &Batch, row: usize) -> (Asked, Vec<String>) {
        let value = |place: &usize| batch.columns[*place].word(row);
        let words: Option<Vec<String>> = self.answer.iter().map(value).collect();
        let at = self.at.as_ref().and_then(value);
        let shown = self.prompt.iter().flatten();
        let asked = Asked {
            answer: words.map(|words| words.join(" ")),
            prompt: 0,
            at: at.and_then(|at| seconds(&at)),
        };
        (
            asked,
            shown
                .map(|place| value(place).unwrap_or_default())
                .collect(),
        )
    }
}

/// Seconds of Unix time.
pub(crate) fn seconds(timestamp: &str) -> Option<f64> {
    let timestamp: Timestamp = timestamp.parse().ok()?;
    Some(timestamp.as_millisecond() as f64 / 1000.0)
}
