//! A line of the table: one experiment of one replication.

use std::collections::BTreeMap;

use grace_core::metadata::Counts;
use grace_core::record::Outcome;
use serde::Serialize;

use super::plan::Expected;
use crate::read::Origin;
use crate::replication::Replication;

/// How a replication stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum State {
    /// Sealed and whole: it is in the tables.
    Sealed,
    /// Written by an earlier script and whole, as far as can be told: it is in the tables.
    Legacy,
    /// Left out: the findings say why.
    LeftOut,
    /// Not there.
    Missing,
}

impl State {
    /// The word for it in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sealed => "sealed",
            Self::Legacy => "legacy",
            Self::LeftOut => "left_out",
            Self::Missing => "missing",
        }
    }
}

/// One experiment of one replication. What is not known is absent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Row {
    /// The model's key.
    pub model_key: String,
    /// The index of the replication.
    pub replication: Option<u32>,
    /// The experiment's id; absent if nothing tells which experiments there should be.
    pub experiment: Option<String>,
    /// How the replication stands.
    pub state: State,
    /// Trials in the plan; for a replication that is missing, those of the model's others.
    pub expected_trials: Option<u64>,
    /// Records in the file, whether they are in the table or not.
    pub found_trials: u64,
    /// Rows in the table.
    pub rows: u64,
    /// Records of a trial that another record is about, too.
    pub duplicate_trials: u64,
    /// Queries in the plan.
    pub expected_queries: Option<u64>,
    /// Queries with an answer that could be read.
    pub answered: Option<u64>,
    /// Queries with an answer that could not be read.
    pub unparsable: Option<u64>,
    /// Queries whose answer did not come before the token limit.
    pub truncated: Option<u64>,
    /// Queries that the server refused.
    pub refused_by_server: Option<u64>,
    /// Queries that do not fit the model's context.
    pub over_context: Option<u64>,
    /// Queries that failed or were never asked; of earlier scripts, records with an error.
    pub failed: Option<u64>,
    /// Answers beyond the first for the same query, from processes that worked at the same time.
    pub duplicate_answers: Option<u64>,
}

impl Row {
    pub(super) fn nothing(model: &str, experiment: Option<String>, state: State) -> Self {
        Self {
            model_key: model.to_owned(),
            replication: None,
            experiment,
            state,
            expected_trials: None,
            found_trials: 0,
            rows: 0,
            duplicate_trials: 0,
            expected_queries: None,
            answered: None,
            unparsable: None,
            truncated: None,
            refused_by_server: None,
            over_context: None,
            failed: None,
            duplicate_answers: None,
        }
    }
}

/// The line of an experiment, as far as it is known.
pub(super) fn row(replication: &Replication, experiment: Option<&str>, expected: Expected) -> Row {
    let state = match (replication.readable, replication.origin) {
        (false, _) => State::LeftOut,
        (true, Origin::Legacy) => State::Legacy,
        (true, Origin::Grace) => State::Sealed,
    };
    let mut row = Row {
        replication: replication.index,
        expected_trials: expected.trials,
        expected_queries: expected.queries,
        ..Row::nothing(&replication.model_key, experiment.map(str::to_owned), state)
    };
    let metadata = replication.metadata.as_ref();
    if let Some(counts) = metadata.and_then(|metadata| metadata.counts.value(experiment?)) {
        row.count(counts);
    }
    let mut files = replication.files.iter();
    if let Some(file) = files.find(|file| Some(file.experiment.as_str()) == experiment) {
        let survey = &file.survey;
        row.found_trials = survey.records;
        row.rows = if replication.readable {
            survey.records
        } else {
            0
        };
        row.duplicate_trials = survey.duplicates;
        if replication.origin == Origin::Legacy {
            row.failed = Some(survey.errors);
        } else {
            row.outcomes(&survey.outcomes);
        }
    }
    row
}

impl Row {
    /// What the metadata counted.
    fn count(&mut self, counts: &Counts) {
        self.answered = Some(counts.answered);
        self.unparsable = Some(counts.unparsable);
        self.truncated = Some(counts.truncated);
        self.refused_by_server = Some(counts.refused_by_server);
        self.over_context = Some(counts.over_context);
        self.failed = Some(counts.outstanding());
        self.duplicate_answers = Some(counts.duplicates);
    }

    /// What the records say, which goes before what was counted.
    fn outcomes(&mut self, outcomes: &BTreeMap<Outcome, u64>) {
        let of = |outcome| Some(outcomes.get(&outcome).copied().unwrap_or_default());
        self.answered = of(Outcome::Answered);
        self.unparsable = of(Outcome::Unparsable);
        self.truncated = of(Outcome::Truncated);
        self.refused_by_server = of(Outcome::RefusedByServer);
        self.over_context = of(Outcome::OverContext);
        self.failed = of(Outcome::Failed);
    }
}
