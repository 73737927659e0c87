//! `verify`: every fault is found and named.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::command::{Grace, grace};
use crate::folder::copy;
use crate::server::Server;
use crate::study::Study;

const ROWS: usize = 12;

fn verify(path: &Path) -> Grace {
    grace(["verify".as_ref(), path])
}

/// Spoils a sealed replication and expects `parts` among the faults.
#[track_caller]
fn check(spoil: impl Fn(&Path), parts: &[&str]) {
    let (study, server) = (Study::new(ROWS), Server::plain());
    study.replicate(&server).run().exits(0);
    let replication = study.replication(0);
    verify(&replication).run().exits(0);
    spoil(&replication);
    verify(&replication).run().exits(100).says(parts);
    let report = verify(&study.results())
        .args(["--output", "json"])
        .run()
        .exits(100)
        .json();
    let faults = report["replications"][0]["faults"].to_string();
    assert!(faults.len() > 4, "{report}");
}

/// Changes the records of study 1, and the manifest with them.
fn edit_records(replication: &Path, edit: impl Fn(&mut Vec<Value>)) {
    let path = replication.join("study1_exp1.json");
    let mut records: Vec<Value> = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    edit(&mut records);
    fs::write(&path, serde_json::to_vec(&records).unwrap()).unwrap();
    seal_again(replication);
}

/// Writes a manifest for the files as they are.
fn seal_again(replication: &Path) {
    let script = "sha256sum metadata.json study1_exp1.json study2_exp1.json > MANIFEST.sha256";
    let mut command = Command::new("sh");
    command.args(["-c", script]).current_dir(replication);
    assert!(command.status().unwrap().success());
}

#[test]
fn a_flipped_byte_is_found() {
    let flip = |replication: &Path| {
        let path = replication.join("study2_exp1.json");
        let mut bytes = fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(path, bytes).unwrap();
    };
    check(
        flip,
        &[
            "study2_exp1.json changed",
            "SHA-256",
            "NO   sealed files unchanged",
        ],
    );
}

#[test]
fn a_missing_and_an_extra_file_are_found() {
    let remove =
        |replication: &Path| fs::remove_file(replication.join("study2_exp1.json")).unwrap();
    check(
        remove,
        &["study2_exp1.json is in MANIFEST.sha256 and cannot be read"],
    );
    let add = |replication: &Path| fs::write(replication.join("study3.json"), "[]").unwrap();
    check(add, &["study3.json is not in MANIFEST.sha256"]);
}

#[test]
fn a_missing_or_broken_manifest_is_found() {
    let remove = |replication: &Path| fs::remove_file(replication.join("MANIFEST.sha256")).unwrap();
    check(remove, &["is not sealed"]);
    let spoil = |replication: &Path| {
        fs::write(replication.join("MANIFEST.sha256"), "what is this\n").unwrap();
    };
    check(spoil, &["MANIFEST.sha256:1"]);
}

#[test]
fn a_missing_and_a_doubled_record_are_found() {
    let remove = |replication: &Path| {
        edit_records(replication, |records| {
            records.pop();
        });
    };
    check(remove, &["study1_exp1.json: ", "11 of 12"]);
    let double = |replication: &Path| {
        edit_records(replication, |records| records[1] = records[0].clone());
    };
    check(
        double,
        &[
            "study1_exp1.json: ",
            "trials are missing or doubled",
            "NO   each trial there once",
        ],
    );
}

#[test]
fn another_order_is_found() {
    let swap = |replication: &Path| {
        edit_records(replication, |records| {
            records.swap(2, 3);
            for place in [2, 3] {
                records[place]["trial_order_in_replication"] = json!(place);
            }
        });
    };
    check(
        swap,
        &[
            "order is not as planned (pcg64 with seed 1001)",
            "NO   orders as planned",
        ],
    );
    let place = |replication: &Path| edit_records(replication, |records| records.swap(2, 3));
    check(
        place,
        &["trial_order_in_replication is not the record's place"],
    );
}

#[test]
fn other_seeds_and_outcomes_are_found() {
    let seed = |replication: &Path| {
        edit_records(replication, |records| {
            records[4]["request_seeds"]["quantity"] = json!(1);
        });
    };
    check(
        seed,
        &[
            "request seed is not as planned (record 4",
            "NO   seeds as planned",
        ],
    );
    let outcome = |replication: &Path| {
        edit_records(replication, |records| {
            records[0]["outcomes"]["quantity"]["outcome"] = json!("unparsable");
        });
    };
    check(
        outcome,
        &[
            "outcomes are not as counted",
            "status and outcomes disagree",
        ],
    );
}

#[test]
fn a_request_sent_with_another_seed_is_found() {
    let spoil = |replication: &Path| {
        let journal = crate::folder::journals(replication).remove(0);
        let text = fs::read_to_string(&journal).unwrap();
        let (head, tail) = text
            .split_once("\"n\":1,\"stream\":false,\"seed\":")
            .unwrap();
        let digits = tail.find(',').unwrap();
        let (_, tail) = tail.split_at(digits);
        fs::write(journal, format!("{head}\"seed\":7{tail}")).unwrap();
    };
    check(
        spoil,
        &["1 requests were sent with another seed than planned"],
    );
}

#[test]
fn a_replication_that_was_not_finished_is_found() {
    let (study, server) = (Study::new(ROWS), Server::plain());
    let mut running = study.replicate(&server).start();
    assert!(running.says("[4/7]") && running.kill());
    verify(&study.results())
        .run()
        .exits(100)
        .says(&["is not sealed: its status is `running`", "0 of 1"]);
}

#[test]
fn two_replications_of_one_order_and_a_gap_are_found() {
    let (study, server) = (Study::new(ROWS), Server::plain());
    study.replicate(&server).run().exits(0);
    let twin = study.replication(2);
    copy(&study.replication(0), &twin);
    let metadata = fs::read_to_string(twin.join("metadata.json")).unwrap();
    let metadata = metadata.replace("\"replication_index\": 0", "\"replication_index\": 2");
    fs::write(twin.join("metadata.json"), metadata).unwrap();
    for name in ["study1_exp1.json", "study2_exp1.json"] {
        let text = fs::read_to_string(twin.join(name)).unwrap();
        let text = text.replace("\"replication_id\":0", "\"replication_id\":2");
        fs::write(twin.join(name), text).unwrap();
    }
    seal_again(&twin);
    verify(&study.results()).run().exits(100).says(&[
        "orders differ between replications",
        "equal: study1_exp1 in 0 and 2",
        "tiny 1",
    ]);
}

#[test]
fn three_good_replications_pass_and_are_told_as_a_table() {
    let (study, server) = (Study::new(ROWS), Server::plain());
    for index in ["0", "1", "2"] {
        study
            .command(&study.results())
            .args(["--base-url", &server.url(), "--replication", index])
            .run()
            .exits(0);
    }
    let ended = verify(&study.results()).run().exits(0);
    assert!(!ended.stdout.contains("NO"), "{}", ended.stdout);
    let seeds = ["1001", "1002", "1003", "2001", "2002", "2003"];
    ended.says(&seeds).says(&["3 of 3", "all differ"]);
}

#[test]
fn a_folder_without_replications_is_named() {
    let study = Study::new(1);
    verify(study.folder())
        .run()
        .exits(42)
        .says(&["no replication found", study.folder().to_str().unwrap()]);
    verify(&study.folder().join("gone")).run().exits(42);
}

#[test]
fn answers_that_could_not_be_read_count_against_the_share_asked_for() {
    let study = Study::new(ROWS);
    let server = Server::start(crate::server::tiny().with_canned("perhaps"));
    study
        .replicate(&server)
        .args(["--fail-on-error", "1", "--seeds-optional"])
        .run()
        .exits(0);
    verify(&study.results())
        .run()
        .exits(100)
        .says(&["answers that could be read", "at least 0.0 %"]);
    verify(&study.results())
        .args(["--min-parse-rate", "0"])
        .run()
        .exits(0);
}
