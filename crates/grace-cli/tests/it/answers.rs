//! What is no answer is never made one up: null, a reason, a count.

use std::fs;

use grace_sim::{Fault, Faults, Reasoning, SimConfig};
use serde_json::Value;

use crate::command::grace;
use crate::folder::{attempts, count, journal_lines, metadata, records, sealed};
use crate::server::{Server, tiny};
use crate::study::Study;

/// A word of some of the stimuli, and so of some of the prompts.
const MARK: &str = "Agnieszka";
const ROWS: usize = 12;

fn marked(study: &Study) -> usize {
    let text = fs::read_to_string(study.config().join("stimuli/study1.csv")).unwrap();
    let rows = text.lines().filter(|row| row.contains(MARK)).count();
    assert!((1..ROWS / 2).contains(&rows), "{rows} rows");
    rows
}

fn failing(fault: Fault) -> SimConfig {
    tiny().with_faults(Faults::none().with_marked(MARK, fault))
}

/// Checks that every record with the mark has nulls and a reason for both queries; others have none.
#[track_caller]
fn check_records(records: &[Value], outcome: &str, reason: &str) {
    for record in records {
        let is_marked = record["story_setup"].as_str().unwrap().contains(MARK);
        for (query, measure) in [("quantity", "quantity"), ("knowledge", "knowledge")] {
            let response = &record[format!("response_{query}")];
            assert_eq!(response.is_null(), is_marked, "{record}");
            assert_eq!(record[measure].is_null(), is_marked, "{record}");
            let became = &record["outcomes"][query];
            let expected = if is_marked { outcome } else { "answered" };
            assert_eq!(became["outcome"], expected, "{record}");
            let told = became["reason"].as_str().unwrap_or_default();
            assert_eq!(told.contains(reason), is_marked, "{record}");
        }
        let status = if is_marked {
            "missing: quantity, knowledge"
        } else {
            "complete"
        };
        assert_eq!(record["status"], status);
    }
}

#[test]
fn what_the_server_refuses_is_null_with_its_reason() {
    let study = Study::new(ROWS);
    let marked = marked(&study);
    let server = Server::start(failing(Fault::Status(400)).with_request_log(1000));
    study
        .replicate(&server)
        .args(["--fail-on-error", "0.9"])
        .run()
        .exits(0);
    let replication = study.replication(0);
    assert_eq!(count(&replication, "refused_by_server"), 2 * marked as u64);
    check_records(
        &records(&replication, "study1_exp1"),
        "refused_by_server",
        "simulated fault: status 400",
    );
    // A refusal is final: it was asked once.
    let refused = server
        .asked()
        .into_iter()
        .filter(|request| request.fault.is_some());
    assert_eq!(refused.count(), 2 * marked);
}

#[test]
fn too_many_final_non_answers_end_with_43_and_are_not_sealed() {
    let study = Study::new(ROWS);
    let marked = marked(&study);
    let server = Server::start(failing(Fault::Status(400)));
    let share = marked as f64 / ROWS as f64 * 100.0;
    study.replicate(&server).run().exits(43).says(&[
        "study1_exp1",
        &format!("{share:.1} %"),
        "at most 5.0 %",
        "--fail-on-error",
    ]);
    let replication = study.replication(0);
    assert!(!replication.join("MANIFEST.sha256").exists());
    assert!(!replication.join("study1_exp1.json").exists());
    assert_eq!(metadata(&replication)["status"], "failed");
    assert_eq!(count(&replication, "refused_by_server"), 2 * marked as u64);
    // With more allowed, what is there is sealed, and nothing is asked again but the probe.
    let asked = server.counts().generations;
    study
        .replicate(&server)
        .args(["--fail-on-error", "0.9"])
        .run()
        .exits(0);
    assert_eq!(server.counts().generations, asked + 5);
}

#[test]
fn what_failed_is_asked_again_and_nothing_else() {
    let study = Study::new(ROWS);
    let marked = marked(&study);
    let server = Server::start(failing(Fault::Status(500)).with_request_log(1000));
    study
        .replicate(&server)
        .args(["--max-attempts", "2"])
        .run()
        .exits(75)
        .says(&[&format!("{} queries are open", 2 * marked)]);
    let replication = study.replication(0);
    assert!(!replication.join("MANIFEST.sha256").exists());
    assert_eq!(metadata(&replication)["status"], "incomplete");
    assert_eq!(count(&replication, "failed"), 2 * marked as u64);
    let failed = journal_lines(&replication)
        .into_iter()
        .filter(|line| line["outcome"] == "failed");
    for line in failed {
        assert_eq!(line["text"], Value::Null, "{line}");
        assert_eq!(line["attempts"].as_array().unwrap().len(), 2, "{line}");
    }

    let before = server.asked().len();
    server.set_faults(Faults::none());
    study.replicate(&server).run().exits(0);
    assert_eq!(server.asked().len(), before + 2 * marked);
    assert_eq!(sealed(&replication), study.undisturbed());
    assert_eq!(attempts(&replication).len(), 2);
}

#[test]
fn a_prompt_over_the_context_is_null_with_its_reason() {
    let study = Study::new(ROWS);
    // Words are tokens: prompts of study 1 have about 100, those of study 2 fewer.
    let server = Server::start(tiny().with_max_model_len(100));
    study
        .replicate(&server)
        .args(["--fail-on-error", "1"])
        .run()
        .exits(0);
    let over = count(&study.replication(0), "over_context");
    assert!((1..36).contains(&over), "{over}");
    let mut said = String::new();
    for record in records(&study.replication(0), "study1_exp1") {
        let became = &record["outcomes"]["quantity"];
        if became["outcome"] == "over_context" {
            assert_eq!(record["quantity"], Value::Null);
            assert_eq!(record["response_quantity"], Value::Null);
            said += became["reason"].as_str().unwrap();
        }
    }
    assert!(said.contains("maximum context length"), "{said}");
}

fn thinking() -> SimConfig {
    tiny().with_reasoning(Reasoning::new("<think>", "</think>"))
}

/// A study whose model reasons in at most `max_tokens` tokens.
fn reasoning_study(max_tokens: u32) -> Study {
    let study = Study::new(ROWS);
    let models = format!(
        "models:\n  tiny:\n    huggingface_name: lab/tiny\n    \
         reasoning: {{start: <think>, end: </think>, max_tokens: {max_tokens}}}\n"
    );
    study.write("models.yaml", &models);
    study
}

#[test]
fn thoughts_are_kept_beside_the_records_and_are_no_part_of_answers() {
    for config in [
        thinking(),
        tiny().with_reasoning(Reasoning::new("<think>", "</think>").with_opening_swallowed()),
    ] {
        let study = reasoning_study(500);
        let server = Server::start(config);
        study.replicate(&server).run().exits(0);
        let replication = study.replication(0);
        let manifest = fs::read_to_string(replication.join("MANIFEST.sha256")).unwrap();
        assert!(manifest.contains("  study1_exp1_reasoning.jsonl\n"));
        assert!(manifest.contains("  study2_exp1_reasoning.jsonl\n"));
        let path = replication.join("study1_exp1_reasoning.jsonl");
        let thoughts = fs::read_to_string(path).unwrap();
        assert_eq!(thoughts.lines().count(), 2 * ROWS);
        let thought: Value = serde_json::from_str(thoughts.lines().next().unwrap()).unwrap();
        assert!(!thought["reasoning"].as_str().unwrap().is_empty());
        for record in records(&replication, "study1_exp1") {
            let text = record["response_quantity"].as_str().unwrap();
            assert!(!text.contains("think>"), "{text}");
            assert_eq!(record["status"], "complete");
        }
        grace(["verify".as_ref(), replication.as_path()])
            .run()
            .exits(0);
    }
}

#[test]
fn a_thought_without_an_end_is_truncated_and_no_answer() {
    let study = reasoning_study(1);
    let experiment = grace(["experiments", "show", "study2_exp1"]).run().stdout;
    let short = experiment.replace("max_tokens: 24", "max_tokens: 2");
    study.write("experiments/study2_exp1.yaml", &short);
    study.write("plan.yaml", "experiments: [study2_exp1]\n");
    let server = Server::start(thinking());
    study.replicate(&server).run().exits(43);
    let ended = study
        .replicate(&server)
        .args(["--fail-on-error", "1"])
        .run();
    ended.exits(0);
    let replication = study.replication(0);
    assert_eq!(count(&replication, "truncated"), ROWS as u64);
    for record in records(&replication, "study2_exp1") {
        assert_eq!(record["outcomes"]["response"]["outcome"], "truncated");
        for column in ["response", "polarity", "quality"] {
            assert_eq!(record[column], Value::Null, "{record}");
        }
    }
    let manifest = fs::read_to_string(replication.join("MANIFEST.sha256")).unwrap();
    assert!(manifest.contains("  study2_exp1_reasoning.jsonl\n"));
}
