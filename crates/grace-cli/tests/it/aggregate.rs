//! `aggregate`: from replications that ran to tables.

use std::fs;
use std::path::{Path, PathBuf};

use crate::command::{Ended, grace};
use crate::folder::{contents, copy, records};
use crate::server::Server;
use crate::study::{Study, replication_in};

const ROWS: usize = 6;

/// A study with this many sealed replications.
pub(crate) fn replicated(replications: u32) -> Study {
    let study = Study::new(ROWS);
    let server = Server::plain();
    for index in 0..replications {
        study
            .command(&study.results())
            .args([
                "--replication",
                &index.to_string(),
                "--base-url",
                &server.url(),
            ])
            .run()
            .exits(0);
    }
    study
}

fn aggregate(study: &Study, args: &[&str]) -> Ended {
    grace(["aggregate"])
        .args([study.results()])
        .args(["--out".as_ref(), out(study).as_os_str()])
        .args(args)
        .run()
}

fn out(study: &Study) -> PathBuf {
    study.folder().join("dataset")
}

/// The lines of a CSV file that holds no line breaks within fields, without the line of names.
fn lines(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap();
    text.lines().skip(1).map(str::to_owned).collect()
}

#[test]
fn tables_hold_every_trial_of_every_replication() {
    let study = replicated(2);
    let report = aggregate(&study, &["--strict", "--output", "json"])
        .exits(0)
        .json();
    assert_eq!(
        report["completeness"]["findings"].as_array().unwrap().len(),
        0
    );
    let tables: Vec<_> = report["tables"]
        .as_array()
        .unwrap()
        .iter()
        .map(|table| {
            (
                table["experiment"].as_str().unwrap(),
                table["rows"].as_u64().unwrap(),
            )
        })
        .collect();
    assert_eq!(tables, [("study1_exp1", 12), ("study2_exp1", 12)]);
    let table = lines(&out(&study).join("study1_exp1.csv"));
    let expected =
        (0..2).flat_map(|index| records(&replication_in(&study.results(), index), "study1_exp1"));
    for (line, record) in table.iter().zip(expected) {
        let row = format!(
            "tiny,{},{},{},",
            record["replication_id"], record["trial_order_in_replication"], record["trial_id"]
        );
        assert!(line.starts_with(&row), "{row} is not {line}");
        assert!(
            line.contains(&record["request_seeds"]["quantity"].to_string()),
            "{line}"
        );
    }
    assert_eq!(table.len(), 12);
}

#[test]
fn the_number_of_threads_does_not_show() {
    let study = replicated(3);
    aggregate(&study, &["--threads", "1"]).exits(0);
    let one = contents(&out(&study));
    aggregate(&study, &["--threads", "4"]).exits(0);
    assert_eq!(contents(&out(&study)), one);
    assert_eq!(one.len(), 6);
}

#[test]
fn a_half_written_replication_is_left_out_and_strict_says_100() {
    let study = replicated(2);
    let half = replication_in(&study.results(), 2);
    copy(&replication_in(&study.results(), 1), &half);
    fs::remove_file(half.join("MANIFEST.sha256")).unwrap();
    let metadata = fs::read_to_string(half.join("metadata.json")).unwrap();
    let metadata = metadata.replace("\"replication_index\": 1", "\"replication_index\": 2");
    fs::write(
        half.join("metadata.json"),
        metadata.replace("\"complete\"", "\"running\""),
    )
    .unwrap();
    aggregate(&study, &[])
        .exits(0)
        .says(&["unsealed", "its status is `running`", "left out"]);
    assert_eq!(lines(&out(&study).join("study2_exp1.csv")).len(), 2 * ROWS);
    aggregate(&study, &["--strict"]).exits(100);
}

#[test]
fn a_changed_file_and_a_missing_replication_are_told_file_by_file() {
    let study = replicated(3);
    let changed = replication_in(&study.results(), 2).join("study1_exp1.json");
    let text = fs::read_to_string(&changed).unwrap();
    fs::write(
        &changed,
        text.replacen("\"trial_id\":0", "\"trial_id\":9", 1),
    )
    .unwrap();
    fs::remove_dir_all(replication_in(&study.results(), 0)).unwrap();
    aggregate(&study, &["--strict"]).exits(100).says(&[
        "changed: ",
        "replication-2/study1_exp1.json: its SHA-256 is ",
        "replication-0: replication 0 of tiny is not there",
    ]);
    for experiment in ["study1_exp1", "study2_exp1"] {
        let table = lines(&out(&study).join(format!("{experiment}.csv")));
        assert_eq!(table.len(), ROWS);
        assert!(table.iter().all(|line| line.starts_with("tiny,1,")));
    }
    let findings = lines(&out(&study).join("findings.csv"));
    assert_eq!(findings.len(), 2, "{findings:?}");
}

#[test]
fn replications_that_are_asked_for_are_missed() {
    let study = replicated(1);
    aggregate(&study, &["--strict"]).exits(0);
    aggregate(&study, &["--strict", "--replications", "2"])
        .exits(100)
        .says(&["replication 1 of tiny is not there"]);
}

#[test]
fn a_folder_without_results_is_a_mistake() {
    let study = Study::new(1);
    fs::create_dir_all(study.results()).unwrap();
    aggregate(&study, &[]).exits(42).says(&["no results found"]);
    assert!(!out(&study).exists());
}
