//! Whether the records of an experiment are complete, unique, and seeded and ordered as planned.

use std::collections::BTreeMap;

use grace_core::ExperimentId;
use grace_core::layout::{ReplicationLayout, SealedLayout};
use grace_core::metadata::Metadata;
use grace_core::record::{Outcome, ReusedFrom};
use grace_seed::{OrderAlgorithm, trial_order};
use serde::Deserialize;

use super::journals::SeedPlanOf;
use super::report::{Checks, ExperimentReport, ReplicationReport};
use crate::records::{RecordsError, each_record};

/// What checking needs of a record.
#[derive(Debug, Deserialize)]
struct RecordView {
    trial_id: u32,
    trial_order_in_replication: u32,
    replication_id: u32,
    replication_seed: u64,
    request_seeds: BTreeMap<String, u64>,
    model_name: String,
    experiment_name: String,
    status: String,
    outcomes: BTreeMap<String, OutcomeView>,
    #[serde(default)]
    scores: BTreeMap<String, ScoreView>,
}

#[derive(Debug, Deserialize)]
struct ScoreView {
    reused_from: Option<ReusedFrom>,
}

#[derive(Debug, Deserialize)]
struct OutcomeView {
    outcome: Outcome,
}

/// Reads the records of `experiment` one by one and notes what is wrong with them.
pub(super) fn check(
    layout: &ReplicationLayout,
    experiment: &ExperimentId,
    metadata: &Metadata,
    report: &mut ReplicationReport,
) {
    let name = SealedLayout::records_name(experiment);
    let path = layout.sealed().records(experiment);
    let Some(seeds) = SeedPlanOf::read(metadata, experiment.as_str()) else {
        report.fault(format!(
            "metadata.json does not tell the seeds of {experiment}"
        ));
        return;
    };
    let mut check = Check {
        metadata,
        experiment: experiment.as_str(),
        seeds,
        order: Vec::new(),
        query_ids: Vec::new(),
        outcomes: BTreeMap::new(),
        reused: 0,
        faults: Faults::default(),
    };
    match each_record(&path, |record| check.record(&record)) {
        Ok(()) => {}
        Err(RecordsError::Unopened(error)) => {
            report.fault(format!("{name} cannot be read: {error}"));
            return;
        }
        Err(RecordsError::Unreadable(error)) => {
            check.faults.note("cannot be read", error.to_string());
        }
    }
    check.finish(&name, report);
}

struct Check<'a> {
    metadata: &'a Metadata,
    experiment: &'a str,
    seeds: SeedPlanOf<'a>,
    order: Vec<u32>,
    query_ids: Vec<String>,
    outcomes: BTreeMap<Outcome, u64>,
    reused: u64,
    faults: Faults,
}

impl Check<'_> {
    fn record(&mut self, record: &RecordView) {
        let place = self.order.len();
        let at = || format!("record {place}, trial_id {}", record.trial_id);
        if record.trial_order_in_replication as usize != place {
            self.faults
                .note("trial_order_in_replication is not the record's place", at());
        }
        if record.replication_seed != self.seeds.experiment_seed
            || record.replication_id != self.metadata.replication_index
            || record.model_name != self.metadata.model_name
            || record.experiment_name != self.experiment
        {
            self.faults.note(
                "seed, replication, model or experiment is not that of metadata.json",
                at(),
            );
        }
        for (query, seed) in &record.request_seeds {
            let score = record.scores.get(query);
            let (trial_id, asked) = match score.and_then(|score| score.reused_from.as_ref()) {
                Some(source) => {
                    self.reused += 1;
                    (source.trial_id, source.query.as_str())
                }
                None => (record.trial_id, query.as_str()),
            };
            if *seed != self.seeds.request_seed(trial_id, asked) {
                self.faults
                    .note(OTHER_SEED, format!("{}, query {query}", at()));
            }
        }
        if record.request_seeds.keys().ne(record.outcomes.keys()) {
            self.faults
                .note("seeds and outcomes are not of the same queries", at());
        }
        if place == 0 {
            self.query_ids = record.outcomes.keys().cloned().collect();
        } else if record.outcomes.keys().ne(&self.query_ids) {
            self.faults
                .note("queries are not those of the first record", at());
        }
        let complete = record
            .outcomes
            .values()
            .all(|view| view.outcome == Outcome::Answered);
        if complete != (record.status == "complete") {
            self.faults.note("status and outcomes disagree", at());
        }
        for view in record.outcomes.values() {
            *self.outcomes.entry(view.outcome).or_default() += 1;
        }
        self.order.push(record.trial_id);
    }

    fn finish(mut self, name: &str, report: &mut ReplicationReport) {
        let checks = self.whole();
        let answered = self
            .outcomes
            .get(&Outcome::Answered)
            .copied()
            .unwrap_or_default();
        let outcomes = self.outcomes.iter();
        report.experiments.push(ExperimentReport {
            experiment: self.experiment.to_owned(),
            trials: self.order.len() as u64,
            queries: self.outcomes.values().sum(),
            answered,
            reused: self.reused,
            outcomes: outcomes
                .map(|(outcome, count)| (outcome.as_str().to_owned(), *count))
                .collect(),
            checks,
            shuffled: self.seeds.order != OrderAlgorithm::AsGiven,
            seed: self.seeds.experiment_seed,
            order: self.order,
            query_ids: self.query_ids,
        });
        for fault in self.faults.into_lines() {
            report.fault(format!("{name}: {fault}"));
        }
    }

    /// What only all records together can tell.
    fn whole(&mut self) -> Checks {
        let trials = self.order.len() as u64;
        self.counted_as_recorded(trials);
        let mut sorted = self.order.clone();
        sorted.sort_unstable();
        let unique = sorted.windows(2).all(|pair| pair[0] < pair[1]);
        let full = sorted
            .last()
            .is_none_or(|last| u64::from(*last) + 1 == trials);
        if !unique || !full {
            self.faults
                .note("trials are missing or doubled", format!("{trials} records"));
        }
        let (algorithm, seed) = (self.seeds.order, self.seeds.experiment_seed);
        let planned = trial_order(algorithm, seed, u32::try_from(trials).unwrap_or(u32::MAX));
        let order_as_planned = planned.is_ok_and(|planned| planned == self.order);
        if !order_as_planned {
            self.faults.note(
                "order is not as planned",
                format!("{algorithm} with seed {seed}"),
            );
        }
        Checks {
            trials_complete: unique && full && !self.faults.holds(OTHER_NUMBER),
            order_as_planned,
            seeds_as_planned: !self.faults.holds(OTHER_SEED),
        }
    }

    fn counted_as_recorded(&mut self, trials: u64) {
        let counts = self
            .metadata
            .counts
            .value(self.experiment)
            .cloned()
            .unwrap_or_default();
        if trials != counts.trials {
            self.faults
                .note(OTHER_NUMBER, format!("{trials} of {}", counts.trials));
        }
        let of = |outcome| self.outcomes.get(&outcome).copied().unwrap_or_default();
        let (queries, failed) = (self.outcomes.values().sum::<u64>(), of(Outcome::Failed));
        let as_counted = of(Outcome::Answered) == counts.answered
            && queries == counts.queries
            && self.reused == counts.reused;
        if !as_counted {
            self.faults.note(
                "outcomes are not as counted in metadata.json",
                format!("{queries} queries"),
            );
        }
        if failed > 0 {
            self.faults.note("holds failed queries", failed.to_string());
        }
    }
}

const OTHER_NUMBER: &str = "number of records is not that of metadata.json";
const OTHER_SEED: &str = "request seed is not as planned";

/// Faults by kind, each with its first example and its number: a broken file makes no million lines.
#[derive(Debug, Default)]
struct Faults(BTreeMap<&'static str, (String, u64)>);

impl Faults {
    fn note(&mut self, kind: &'static str, example: String) {
        self.0.entry(kind).or_insert((example, 0)).1 += 1;
    }

    fn holds(&self, kind: &str) -> bool {
        self.0.contains_key(kind)
    }

    fn into_lines(self) -> impl Iterator<Item = String> {
        self.0
            .into_iter()
            .map(|(kind, (example, count))| match count {
                1 => format!("{kind} ({example})"),
                _ => format!("{kind} ({example}, and {} more)", count - 1),
            })
    }
}
