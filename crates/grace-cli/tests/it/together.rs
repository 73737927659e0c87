//! Several processes on one replication at once.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use crate::command::{Running, grace};
use crate::folder::{attempts, count, journal_lines, records, sealed};
use crate::server::{Server, tiny};
use crate::study::{QUERIES_A_ROW, Study};

const ROWS: usize = 30;
const LONG: Duration = Duration::from_mins(1);

/// Starts `processes` on one replication, `apart` from each other; how many duplicates are counted.
#[track_caller]
fn check_together(processes: usize, apart: Duration) -> u64 {
    let study = Study::new(ROWS);
    let server = Server::start(
        tiny()
            .with_latency(Duration::from_millis(20))
            .with_slots(16),
    );
    let start = |number: u32| {
        std::thread::sleep(apart * number.min(1));
        study.replicate(&server).start()
    };
    let running: Vec<Running> = (0..u32::try_from(processes).unwrap()).map(start).collect();
    for process in running {
        process.wait(LONG).exits(0);
    }
    let replication = study.replication(0);
    assert_eq!(sealed(&replication), study.undisturbed());
    grace(["verify".as_ref(), replication.as_path()])
        .run()
        .exits(0);
    assert!(!replication.join(".sealing").exists());
    check_attempts(&replication, processes);

    let lines = journal_lines(&replication).len();
    let doubled = (lines - ROWS * QUERIES_A_ROW) as u64;
    let counted = count(&replication, "duplicates");
    // What came after sealing is not counted there.
    assert!(counted <= doubled, "{counted} of {doubled} duplicates");
    counted
}

/// Each process wrote a folder of its own, and asked nothing twice.
fn check_attempts(replication: &Path, processes: usize) {
    let folders = attempts(replication);
    assert_eq!(folders.len(), processes);
    for folder in folders {
        for journal in ["study1_exp1.jsonl", "study2_exp1.jsonl"] {
            let text = std::fs::read_to_string(folder.join(journal)).unwrap_or_default();
            let key = |line: &str| {
                let line: serde_json::Value = serde_json::from_str(line).unwrap();
                (line["trial_id"].to_string(), line["query"].to_string())
            };
            let keys: BTreeSet<_> = text.lines().map(key).collect();
            assert_eq!(keys.len(), text.lines().count(), "{}", folder.display());
        }
    }
}

#[test]
fn two_processes_at_once_seal_one_result_and_count_duplicates() {
    assert!(check_together(2, Duration::ZERO) > 0);
}

#[test]
fn four_processes_at_once_seal_one_result_and_count_duplicates() {
    assert!(check_together(4, Duration::ZERO) > 0);
}

#[test]
fn three_processes_one_after_the_other_seal_one_result() {
    check_together(3, Duration::from_millis(150));
}

/// The record of a query that was answered twice is the earlier attempt's.
#[test]
fn of_two_answers_that_of_the_attempt_that_started_first_is_sealed() {
    let study = Study::new(6);
    // Ids of results tell whose answer it is: this server counts them.
    let server = Server::start(
        tiny()
            .with_latency(Duration::from_millis(100))
            .with_slots(8),
    );
    let mut first = study.replicate(&server).start();
    assert!(first.says("[4/7]"));
    let second = study.replicate(&server).start();
    first.wait(LONG).exits(0);
    second.wait(LONG).exits(0);
    let replication = study.replication(0);
    let journal = attempts(&replication)[0].join("study1_exp1.jsonl");
    let own = std::fs::read_to_string(journal).unwrap();
    for record in records(&replication, "study1_exp1") {
        let id = record["result_id_quantity"].as_str().unwrap();
        assert!(own.contains(id), "{id} is not the first attempt's");
    }
}
