//! A small experiment for the tests of this crate.

use std::path::{Path, PathBuf};

use grace_core::experiment::Experiment;
use grace_core::journal::{JournalLine, RequestOutcome};
use grace_core::plan::{ExperimentPlan, SeedRules};
use grace_core::settings::RequestSeeds;
use grace_core::stimuli::scan;
use grace_seed::{ExperimentSeed, OrderAlgorithm, SeedBits};
use serde_json::value::RawValue;

const EXPERIMENT: &str = "
id: tiny
title: two questions
seed_offset: 0
stimuli: {file: tiny.csv, columns: [word]}
queries:
  - {id: a, kind: generate, prompt: 'a {{word}}', read: {kind: yes_no, column: x}, columns: {response: ra}}
  - {id: b, kind: generate, prompt: 'b {{word}}', read: {kind: yes_no, column: y}, columns: {response: rb}}
";

/// A plan of `trials` trials with two queries each.
pub(crate) fn plan(trials: u32) -> ExperimentPlan {
    let experiment = Experiment::parse("tiny.yaml", EXPERIMENT).unwrap();
    let stimuli = scan("tiny.csv", stimuli(trials).as_bytes(), &experiment).unwrap();
    let rules = SeedRules {
        order: OrderAlgorithm::Pcg64,
        request_seeds: RequestSeeds::PerRequest,
        bits: SeedBits::Bits31,
    };
    ExperimentPlan::new(experiment, stimuli, ExperimentSeed(7), rules, "model").unwrap()
}

fn stimuli(trials: u32) -> String {
    let rows = (0..trials).map(|row| format!("word{row}\n"));
    std::iter::once(String::from("word\n"))
        .chain(rows)
        .collect()
}

/// The journal line of query number `query` about row `trial_id`, with its line break.
pub(crate) fn line(
    plan: &ExperimentPlan,
    trial_id: u32,
    query: usize,
    outcome: RequestOutcome,
    text: &str,
) -> String {
    let id = &plan.experiment.queries[query].id;
    let request: Box<RawValue> = serde_json::from_str("{}").unwrap();
    let line = JournalLine {
        trial_id,
        query: id.as_str().into(),
        seed: plan.request_seed(id, trial_id).0,
        outcome,
        reason: None,
        text: Some(text.into()),
        score: None,
        reasoning: None,
        finish_reason: None,
        result_id: None,
        prompt_tokens: None,
        completion_tokens: None,
        started_at: "2026-11-23T00:00:00.000Z".into(),
        seconds: 0.0,
        attempts: Vec::new(),
        request: &request,
        response: None,
        error_body: None,
    };
    serde_json::to_string(&line).unwrap() + "\n"
}

/// Writes a journal into `folder`.
pub(crate) fn journal(folder: &Path, name: &str, content: &[u8]) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, content).unwrap();
    path
}
