//! The table of what was expected and what was found.

use std::collections::{BTreeMap, BTreeSet};

use grace_core::metadata::Counts;
use grace_core::record::Outcome;
use serde::Serialize;

use super::finding::{Finding, FindingKind};
use crate::read::Origin;
use crate::replication::Replication;
use crate::results::Results;

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

/// What was expected and what was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Completeness {
    /// By model, replication and experiment.
    pub rows: Vec<Row>,
    /// Everything that is wrong, by file.
    pub findings: Vec<Finding>,
}

impl Completeness {
    /// Whether nothing is missing, broken, changed, duplicated, unsealed or refused.
    pub fn is_whole(&self) -> bool {
        self.findings.is_empty()
    }
}

impl Results {
    /// What was expected and what was found. Each model must have `replications` replications, from index 0 on; without
    /// that, there must be none missing below the highest index of any model.
    pub fn completeness(&self, replications: Option<u32>) -> Completeness {
        let wanted = replications.unwrap_or_else(|| {
            let indexes = self.replications.iter().filter_map(|one| one.index);
            indexes.max().map_or(0, |highest| highest.saturating_add(1))
        });
        let mut rows = Vec::new();
        let mut findings: Vec<Finding> = Vec::new();
        for (model, siblings) in by_model(&self.replications) {
            let plan = Plan::of(&siblings);
            for replication in &siblings {
                rows.extend(plan.rows(replication));
            }
            let there: BTreeSet<u32> = siblings.iter().filter_map(|one| one.index).collect();
            // A single folder given by itself has no siblings to miss.
            let lone = replications.is_none() && self.replications.len() == 1;
            for index in (0..wanted).filter(|index| !lone && !there.contains(index)) {
                rows.extend(plan.missing(model, index));
                let folder = siblings[0]
                    .folder
                    .with_file_name(format!("replication-{index}"));
                let message = format!("replication {index} of {model} is not there");
                findings.push(Finding::new(folder, FindingKind::Missing, message));
            }
            findings.extend(siblings.iter().flat_map(|one| one.findings.iter().cloned()));
            findings.extend(
                siblings
                    .iter()
                    .filter(|one| one.readable)
                    .flat_map(|one| plan.lacking(one)),
            );
        }
        rows.sort_by(|a, b| {
            let key = |row: &Row| {
                (
                    row.model_key.clone(),
                    row.replication,
                    row.experiment.clone(),
                )
            };
            key(a).cmp(&key(b))
        });
        findings.sort();
        Completeness { rows, findings }
    }
}

fn by_model(replications: &[Replication]) -> BTreeMap<&str, Vec<&Replication>> {
    let mut models: BTreeMap<&str, Vec<&Replication>> = BTreeMap::new();
    for replication in replications {
        models
            .entry(&replication.model_key)
            .or_default()
            .push(replication);
    }
    models
}

/// What the replications of a model, taken together, say about each of them: trials and queries by experiment.
struct Plan(BTreeMap<String, (Option<u64>, Option<u64>)>);

impl Plan {
    fn of(siblings: &[&Replication]) -> Self {
        let mut plan: BTreeMap<String, (Option<u64>, Option<u64>)> = BTreeMap::new();
        for replication in siblings {
            for (experiment, expected) in expected(replication) {
                let entry = plan.entry(experiment).or_default();
                *entry = (entry.0.or(expected.0), entry.1.or(expected.1));
            }
            for file in &replication.files {
                plan.entry(file.experiment.clone()).or_default();
            }
        }
        Self(plan)
    }

    fn rows(&self, replication: &Replication) -> Vec<Row> {
        let own = expected(replication);
        let mut experiments: BTreeSet<&str> = own.keys().map(String::as_str).collect();
        experiments.extend(
            replication
                .files
                .iter()
                .map(|file| file.experiment.as_str()),
        );
        let ends_early = experiments.is_empty();
        experiments.extend(self.0.keys().filter(|_| ends_early).map(String::as_str));
        let row = |experiment: &str| {
            let plan = self.0.get(experiment).copied().unwrap_or_default();
            let own = own.get(experiment).copied().unwrap_or_default();
            row(
                replication,
                Some(experiment),
                (own.0.or(plan.0), own.1.or(plan.1)),
            )
        };
        if experiments.is_empty() {
            return vec![self::row(replication, None, (None, None))];
        }
        experiments.into_iter().map(row).collect()
    }

    /// Rows for a replication without a folder.
    fn missing(&self, model: &str, index: u32) -> Vec<Row> {
        let row =
            |experiment: Option<&String>, (trials, queries): (Option<u64>, Option<u64>)| Row {
                replication: Some(index),
                expected_trials: trials,
                expected_queries: queries,
                ..Row::nothing(model, experiment.cloned(), State::Missing)
            };
        if self.0.is_empty() {
            return vec![row(None, (None, None))];
        }
        let experiments = self.0.iter();
        experiments
            .map(|(experiment, expected)| row(Some(experiment), *expected))
            .collect()
    }

    /// Experiments that others of the model have and this replication lacks.
    fn lacking<'r>(&'r self, replication: &'r Replication) -> impl Iterator<Item = Finding> + 'r {
        let has = |experiment: &String| {
            let mut files = replication.files.iter();
            files.any(|file| file.experiment == *experiment)
        };
        let lacking = self.0.keys().filter(move |experiment| !has(experiment));
        lacking.map(|experiment| {
            let path = replication.folder.join(format!("{experiment}.json"));
            let message = "is not there, though other replications of the model have it";
            Finding::new(path, FindingKind::Missing, message)
        })
    }
}

impl Row {
    fn nothing(model: &str, experiment: Option<String>, state: State) -> Self {
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

/// Trials and queries by experiment, as the replication's own metadata tells them.
fn expected(replication: &Replication) -> BTreeMap<String, (Option<u64>, Option<u64>)> {
    let mut expected = BTreeMap::new();
    let Some(metadata) = &replication.metadata else {
        return expected;
    };
    for (key, value) in metadata.inputs.iter() {
        if let Some(experiment) = key.strip_suffix(".trials") {
            expected.insert(experiment.to_owned(), (value.parse().ok(), None));
        }
    }
    for (experiment, counts) in metadata.counts.iter() {
        let entry = (Some(counts.trials), Some(counts.queries));
        expected.insert(experiment.to_owned(), entry);
    }
    expected
}

fn row(
    replication: &Replication,
    experiment: Option<&str>,
    (expected_trials, expected_queries): (Option<u64>, Option<u64>),
) -> Row {
    let state = match (replication.readable, replication.origin) {
        (false, _) => State::LeftOut,
        (true, Origin::Legacy) => State::Legacy,
        (true, Origin::Grace) => State::Sealed,
    };
    let mut row = Row {
        replication: replication.index,
        expected_trials,
        expected_queries,
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
