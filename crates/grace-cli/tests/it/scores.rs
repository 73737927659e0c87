//! Score experiments: exact probabilities in the columns of the records, from a server that was checked first.

use std::time::Duration;

use grace_sim::{
    Dialect, Fault, Faults, Merging, ScoringFault, Sim, SimConfig, Tokenizer, ToyModel,
};
use serde_json::{Value, json};

use crate::command::{Ended, grace};
use crate::folder::{count, journals, metadata, records, sealed};
use crate::server::{MODEL, Server, tiny};
use crate::study::Study;

pub(crate) const ROWS: usize = 12;
/// Queries of both score experiments.
pub(crate) const QUERIES: u64 = 12 * 5 + 12;

const STATES: [&str; 4] = ["state0", "state1", "state2", "state3"];
const LEVELS: [&str; 11] = [
    "0", "10", "20", "30", "40", "50", "60", "70", "80", "90", "100",
];

pub(crate) fn exact() -> SimConfig {
    tiny().with_full_precision()
}

/// Only the score experiments.
pub(crate) fn scoring(rows: usize) -> Study {
    let study = Study::whole(rows);
    study.write("plan.yaml", "experiments: [study1_exp2, study2_exp2]\n");
    study
}

fn number(record: &Value, column: &str) -> f64 {
    let value = record.get(column);
    let value = value.unwrap_or_else(|| panic!("no column `{column}`"));
    value
        .as_f64()
        .unwrap_or_else(|| panic!("`{column}` is {value}"))
}

/// The columns of a query's distribution, by trial.
pub(crate) fn distributions(study: &Study) -> Vec<Vec<f64>> {
    let mut records = records(&study.replication(0), "study1_exp2");
    records.sort_by_key(|record| record["trial_id"].as_u64());
    let columns =
        |record: &Value| LEVELS.map(|level| number(record, &format!("state1_prob_{level}")));
    records
        .iter()
        .map(|record| columns(record).to_vec())
        .collect()
}

/// The trial whose score stands first in the journal of study 2, and its prompt.
fn first_scored(study: &Study) -> (u64, String) {
    let journal = journals(&study.replication(0))
        .into_iter()
        .find(|path| path.ends_with("study2_exp2.jsonl"));
    let text = std::fs::read_to_string(journal.unwrap()).unwrap();
    let line: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    let prompt = line["request"][0]["body"]["prompt"][0].as_str().unwrap();
    (line["trial_id"].as_u64().unwrap(), prompt.to_owned())
}

#[test]
fn a_replication_runs_all_four_experiments() {
    let (study, server) = (Study::whole(ROWS), Server::start(exact()));
    let ended = study.replicate(&server).run().exits(0);
    ended.says(&[
        "[3/7] probe: version, seeds, GPUs, scoring",
        "note: scoring by trie: chain rule within",
        "[5/7] score experiments",
        "study1_exp2",
        "study2_exp2",
        "[7/7] seal",
    ]);
    let replication = study.replication(0);
    for experiment in ["study1_exp1", "study2_exp1", "study1_exp2", "study2_exp2"] {
        assert_eq!(
            records(&replication, experiment).len(),
            ROWS,
            "{experiment}"
        );
    }
    let scoring = &metadata(&replication)["probe"]["scoring"];
    assert_eq!(scoring["method"], "trie");
    assert_eq!(scoring["special_prefix"], json!([Tokenizer::BOS]));
    assert!(scoring["noise_floor"]["loaded_nat"].as_f64().unwrap() < 1e-9);
    grace(["verify".as_ref(), study.results().as_path()])
        .run()
        .exits(0);
}

#[test]
fn records_have_the_columns_of_the_design() {
    let (study, server) = (scoring(ROWS), Server::start(exact()));
    study.replicate(&server).run().exits(0);
    for record in records(&study.replication(0), "study1_exp2") {
        for state in STATES {
            let probabilities =
                LEVELS.map(|level| number(&record, &format!("{state}_prob_{level}")));
            assert!((probabilities.iter().sum::<f64>() - 1.0).abs() < 1e-9);
            let levels = (0..).step_by(10).map(f64::from);
            let mean: f64 = levels.zip(probabilities).map(|(level, p)| level * p).sum();
            assert!((number(&record, &format!("{state}_mean")) - mean).abs() < 1e-9);
            assert!(number(&record, &format!("{state}_std")) >= 0.0);
            assert!(number(&record, &format!("{state}_entropy")) <= 11_f64.log2());
        }
        let (yes, no) = (
            number(&record, "prob_knowledge_yes"),
            number(&record, "prob_knowledge_no"),
        );
        assert!((yes + no - 1.0).abs() < 1e-9);
        assert!((0.0..=1.0).contains(&number(&record, "entropy_knowledge")));
        assert_eq!(record["scores"]["state0"]["method"], "trie");
        assert_eq!(record["scores"]["state0"]["border"], "joint");
        let mass = record["scores"]["state0"]["mass"].as_f64().unwrap();
        assert!(
            (0.9..=1.0).contains(&mass),
            "the simulator gives the options 95 %: {mass}"
        );
        assert_eq!(
            record["scores"]["knowledge"]["tokens"],
            json!({"yes": 1, "no": 1})
        );
    }
    for record in records(&study.replication(0), "study2_exp2") {
        let qualities = ["terrible", "bad", "good", "amazing"];
        let was = qualities.map(|quality| number(&record, &format!("prob_was_{quality}")));
        assert!((number(&record, "prob_was") - was.iter().sum::<f64>()).abs() < 1e-9);
        assert!((number(&record, "prob_was") + number(&record, "prob_wasnt") - 1.0).abs() < 1e-9);
        let bad = number(&record, "prob_was_bad") + number(&record, "prob_wasnt_bad");
        assert!((number(&record, "prob_bad") - bad).abs() < 1e-9);
        assert!((0.0..=3.0).contains(&number(&record, "entropy_response")));
    }
}

#[test]
fn probabilities_are_those_of_the_closed_form() {
    let (study, server) = (scoring(ROWS), Server::start(exact()));
    study
        .replicate(&server)
        .args(["--scoring", "prompt_logprobs"])
        .run()
        .exits(0);
    let (trial, prompt) = first_scored(&study);
    let model = ToyModel::of(&exact());
    let options = ["terrible", "bad", "good", "amazing"].map(|quality| {
        ["was", "wasn't"].map(|polarity| {
            let logprob = model.logprob_of(&prompt, &format!(" It {polarity} {quality}."));
            (
                format!("prob_{}_{quality}", polarity.replace('\'', "")),
                logprob.exp(),
            )
        })
    });
    let options: Vec<(String, f64)> = options.into_iter().flatten().collect();
    let mass: f64 = options.iter().map(|(_, probability)| probability).sum();
    let records = records(&study.replication(0), "study2_exp2");
    let record = records
        .iter()
        .find(|record| record["trial_id"] == trial)
        .unwrap();
    for (column, probability) in options {
        let found = number(record, &column);
        assert!(
            (found - probability / mass).abs() < 1e-9,
            "{column}: {found}"
        );
    }
    assert!((record["scores"]["response"]["mass"].as_f64().unwrap() - mass).abs() < 1e-9);
}

#[test]
fn all_methods_and_servers_give_the_same_probabilities() {
    let llama = || exact().with_dialect(Dialect::LlamaCpp);
    let all: Vec<Vec<Vec<f64>>> = [
        (exact(), "trie"),
        (exact(), "prompt_logprobs"),
        (llama(), "forced_tokens"),
        (exact().with_scoring_fault(ScoringFault::NoTokenIds), "auto"),
    ]
    .into_iter()
    .map(|(config, method)| {
        let (study, server) = (scoring(3), Server::start(config));
        study
            .replicate(&server)
            .args(["--scoring", method])
            .run()
            .exits(0);
        let used = metadata(&study.replication(0))["probe"]["scoring"]["method"].clone();
        assert!(method == "auto" || used == method);
        distributions(&study)
    })
    .collect();
    for other in &all[1..] {
        let pairs = all[0].iter().flatten().zip(other.iter().flatten());
        assert!(
            pairs
                .into_iter()
                .all(|(one, other)| (one - other).abs() < 1e-9)
        );
    }
}

#[test]
fn a_killed_scoring_goes_on_and_seals_the_same() {
    let study = scoring(ROWS);
    let undisturbed = study.undisturbed();
    let server = Server::start(tiny().with_latency(Duration::from_millis(15)).with_slots(4));
    let mut kills = 0;
    while !study.replication(0).join("MANIFEST.sha256").exists() {
        let mut running = study.replicate(&server).start();
        std::thread::sleep(Duration::from_millis(700 + 150 * kills));
        if running.has_ended() {
            running.wait(Duration::from_secs(30)).exits(0);
        } else {
            running.kill();
        }
        kills += 1;
        assert!(kills < 60, "it never comes to an end");
    }
    assert_eq!(sealed(&study.replication(0)), undisturbed);
    grace(["verify".as_ref(), study.results().as_path()])
        .run()
        .exits(0);
}

#[test]
fn failures_on_the_way_change_no_score() {
    let study = scoring(4);
    let undisturbed = study.undisturbed();
    for fault in [
        Fault::Status(500),
        Fault::Reset,
        Fault::Truncated,
        Fault::Busy,
    ] {
        let faults = Faults::default().with_rate(fault.clone(), 0.2);
        let server = Server::start(tiny().with_faults(faults));
        let results = tempfile::TempDir::new().unwrap();
        study
            .replicate_into(results.path(), &server.url())
            .run()
            .exits(0);
        let replication = crate::study::replication_in(results.path(), 0);
        assert_eq!(sealed(&replication), undisturbed, "{fault:?}");
    }
}

#[test]
fn a_tokenizer_that_merges_prompt_and_option_is_on_record() {
    let merging = exact().with_tokenizer(Tokenizer::new().with_merging(Merging::Colons));
    let (study, server) = (scoring(3), Server::start(merging));
    let ended = study.replicate(&server).run().exits(0);
    ended.says(&["options merge with the end of their prompt", "[5/7]"]);
    let scoring = &metadata(&study.replication(0))["probe"]["scoring"];
    let borders = scoring["borders"].as_array().unwrap();
    assert!(borders.contains(&json!("appended")), "{scoring}");
    for record in records(&study.replication(0), "study1_exp2") {
        assert_eq!(record["scores"]["knowledge"]["border"], "appended");
    }
}

#[test]
fn a_single_score_experiment_runs_alone() {
    let (study, server) = (scoring(5), Server::start(exact()));
    let input = study.config().join("stimuli/study2.csv");
    let output = study.folder().join("out.json");
    grace([
        "run",
        "--experiment",
        "study2_exp2",
        "--model-name",
        MODEL,
        "--base-url",
        &server.url(),
    ])
    .args(["--seed", "7", "--shuffle", "--input"])
    .args([&input])
    .args(["--output".as_ref(), output.as_os_str()])
    .run()
    .exits(0);
    let records: Value = serde_json::from_str(&std::fs::read_to_string(&output).unwrap()).unwrap();
    assert_eq!(records.as_array().unwrap().len(), 5);
    assert!(number(&records[0], "prob_wasnt_good") > 0.0);
}

/// A replication of six rows whose server passes the check; then the same address has this fault.
fn with_a_fault_later(fault: ScoringFault, allowed: &str) -> (Study, Ended) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let sim = runtime.block_on(Sim::start(
        exact()
            .with_latency(Duration::from_millis(20))
            .with_slots(1),
    ));
    let sim = sim.unwrap();
    let study = scoring(6);
    let mut running = study
        .replicate_into(&study.results(), &sim.base_url())
        .args(["--fail-on-error", allowed, "--max-attempts", "2"])
        .args(["--scoring", "prompt_logprobs"])
        .start();
    assert!(running.says("[5/7] score experiments"));
    sim.set_scoring_fault(Some(fault));
    let ended = running.wait(Duration::from_mins(2));
    (study, ended)
}

#[test]
fn a_score_whose_numbers_never_come_is_null_with_its_reason() {
    let (study, ended) = with_a_fault_later(ScoringFault::Null, "1");
    ended.exits(0);
    let replication = study.replication(0);
    assert!(count(&replication, "unparsable") > 0);
    let records = records(&replication, "study2_exp2");
    let mut records = records.iter();
    let last = records
        .find(|record| record["status"] != "complete")
        .unwrap();
    assert_eq!(last["prob_was_good"], Value::Null);
    let outcome = &last["outcomes"]["response"];
    assert_eq!(outcome["outcome"], "unparsable");
    let reason = outcome["reason"].as_str().unwrap();
    assert!(
        reason.contains("is null, expected a number up to 0"),
        "{reason}"
    );
    assert_eq!(last["timings"]["response"]["attempts"], 2);
}

#[test]
fn too_many_scores_without_numbers_are_not_sealed() {
    let (_, ended) = with_a_fault_later(ScoringFault::Null, "0.05");
    ended
        .exits(43)
        .says(&["ended without an answer that counts"]);
}

#[test]
fn impossible_options_are_null_and_counted() {
    let (study, ended) = with_a_fault_later(ScoringFault::MinusInfinity, "1");
    ended.exits(0);
    let replication = study.replication(0);
    assert!(count(&replication, "unparsable") > 0);
    let records = records(&replication, "study2_exp2");
    let last = records
        .iter()
        .find(|record| record["status"] != "complete")
        .unwrap();
    assert_eq!(last["prob_was_good"], Value::Null);
    assert_eq!(last["outcomes"]["response"]["outcome"], "unparsable");
    let reason = last["outcomes"]["response"]["reason"].as_str().unwrap();
    assert!(
        reason.contains("none of 8 options has any probability"),
        "{reason}"
    );
    assert_eq!(
        last["scores"]["response"]["logprobs"]["was_good"],
        "-Infinity"
    );
}
