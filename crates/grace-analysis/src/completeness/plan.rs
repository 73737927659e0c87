//! What there should be.

use std::collections::BTreeMap;

use super::finding::{Finding, FindingKind};
use super::row::{Row, State, row};
use crate::replication::Replication;

/// Trials and queries of an experiment, as far as they are known.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Expected {
    pub(super) trials: Option<u64>,
    pub(super) queries: Option<u64>,
}

impl Expected {
    /// The same, with what is not known taken from `other`.
    fn or(self, other: Self) -> Self {
        Self {
            trials: self.trials.or(other.trials),
            queries: self.queries.or(other.queries),
        }
    }
}

/// What the replications of a model, taken together, say about each of them, by experiment.
pub(super) struct Plan(BTreeMap<String, Expected>);

impl Plan {
    /// What `siblings`, all of one model, say.
    pub(super) fn of(siblings: &[&Replication]) -> Self {
        let mut plan: BTreeMap<String, Expected> = BTreeMap::new();
        for replication in siblings {
            for (experiment, expected) in recorded(replication) {
                let entry = plan.entry(experiment).or_default();
                *entry = entry.or(expected);
            }
            for file in &replication.files {
                plan.entry(file.experiment.clone()).or_default();
            }
        }
        Self(plan)
    }

    /// The lines of a replication: one for each experiment that any of its siblings has.
    pub(super) fn rows(&self, replication: &Replication) -> Vec<Row> {
        if self.0.is_empty() {
            return vec![row(replication, None, Expected::default())];
        }
        let own = recorded(replication);
        let experiments = self.0.iter();
        experiments
            .map(|(experiment, plan)| {
                let own = own.get(experiment).copied().unwrap_or_default();
                let row = row(replication, Some(experiment), own.or(*plan));
                let lacking = replication.readable && !has(replication, experiment);
                let state = if lacking { State::Missing } else { row.state };
                Row { state, ..row }
            })
            .collect()
    }

    /// The lines of a replication without a folder.
    pub(super) fn missing(&self, model: &str, index: u32) -> Vec<Row> {
        let row = |experiment: Option<&String>, expected: Expected| Row {
            replication: Some(index),
            expected_trials: expected.trials,
            expected_queries: expected.queries,
            ..Row::nothing(model, experiment.cloned(), State::Missing)
        };
        if self.0.is_empty() {
            return vec![row(None, Expected::default())];
        }
        let experiments = self.0.iter();
        experiments
            .map(|(experiment, expected)| row(Some(experiment), *expected))
            .collect()
    }

    /// Experiments that others of the model have and this replication lacks.
    pub(super) fn lacking<'r>(
        &'r self,
        replication: &'r Replication,
    ) -> impl Iterator<Item = Finding> + 'r {
        let experiments = self.0.keys();
        let lacking = experiments.filter(|experiment| !has(replication, experiment));
        lacking.map(|experiment| {
            let path = replication.folder.join(format!("{experiment}.json"));
            let message = "is not there, though other replications of the model have it";
            Finding::new(path, FindingKind::Missing, message)
        })
    }
}

/// Whether there are records of an experiment.
fn has(replication: &Replication, experiment: &str) -> bool {
    let mut files = replication.files.iter();
    files.any(|file| file.experiment == experiment)
}

/// What the replication's own metadata tells, by experiment.
fn recorded(replication: &Replication) -> BTreeMap<String, Expected> {
    let mut recorded = BTreeMap::new();
    let Some(metadata) = &replication.metadata else {
        return recorded;
    };
    for (key, value) in metadata.inputs.iter() {
        if let Some(experiment) = key.strip_suffix(".trials") {
            let expected = Expected {
                trials: value.parse().ok(),
                queries: None,
            };
            recorded.insert(experiment.to_owned(), expected);
        }
    }
    for (experiment, counts) in metadata.counts.iter() {
        let expected = Expected {
            trials: Some(counts.trials),
            queries: Some(counts.queries),
        };
        recorded.insert(experiment.to_owned(), expected);
    }
    recorded
}
