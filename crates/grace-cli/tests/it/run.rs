//! `run`: a single experiment into a folder or a file.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::command::{Grace, grace};
use crate::folder::{contents, metadata, records, sealed};
use crate::server::{Server, tiny};
use crate::study::{Study, demo_file};

fn run(server: &Server, output: &Path) -> Grace {
    grace(["run", "--experiment", "study1_exp1", "--limit", "15"])
        .args(["--input".as_ref(), demo_file("study1.csv").as_os_str()])
        .args(["--output".as_ref(), output.as_os_str()])
        .args(["--model-name", "lab/tiny", "--base-url", &server.url()])
}

/// The rows in the order in which they were shown.
fn order(records: &[Value]) -> Vec<u64> {
    let row = |record: &Value| record["trial_id"].as_u64().unwrap();
    records.iter().map(row).collect()
}

#[test]
fn a_json_target_gets_the_records_and_a_folder_beside_it() {
    let (study, server) = (Study::new(1), Server::plain());
    let file = study.folder().join("out/mine.json");
    run(&server, &file)
        .args(["--seed", "1001"])
        .run()
        .exits(0)
        .says(&[file.to_str().unwrap()]);
    let folder = study.folder().join("out/mine.grace");
    let sealed = fs::read(folder.join("study1_exp1.json")).unwrap();
    assert_eq!(fs::read(&file).unwrap(), sealed);
    assert_eq!(
        order(&records(&folder, "study1_exp1")),
        (0..15).collect::<Vec<_>>()
    );
    // The file can be had again from the sealed folder, without a request.
    fs::remove_file(&file).unwrap();
    let asked = server.counts().requests;
    run(&server, &file).args(["--seed", "1001"]).run().exits(0);
    assert_eq!(fs::read(&file).unwrap(), sealed);
    assert_eq!(server.counts().requests, asked);
}

#[test]
fn a_drawn_seed_is_printed_recorded_and_used_again() {
    let (study, server) = (Study::new(1), Server::plain());
    let folder = study.folder().join("out");
    server.set_faults(
        grace_sim::Faults::none().with_marked("Agnieszka", grace_sim::Fault::Status(500)),
    );
    let first = run(&server, &folder)
        .args(["--shuffle", "--max-attempts", "1"])
        .run()
        .exits(75);
    let seed = first
        .stderr
        .lines()
        .find_map(|line| line.strip_prefix("seed: "))
        .unwrap()
        .split(' ')
        .next()
        .unwrap();
    assert_eq!(
        metadata(&folder)["seeds"]["study1_exp1_seed"].to_string(),
        seed
    );
    server.set_faults(grace_sim::Faults::none());
    run(&server, &folder)
        .args(["--shuffle"])
        .run()
        .exits(0)
        .says(&[&format!("seed: {seed} (recorded in")]);
    // The same seed by hand gives the same answers elsewhere.
    let other = study.folder().join("other");
    run(&server, &other)
        .args(["--shuffle", "--seed", seed])
        .run()
        .exits(0);
    assert_eq!(sealed(&folder), sealed(&other));
    // Without a seed, another folder gets another one.
    let drawn = study.folder().join("drawn");
    run(&server, &drawn).run().exits(0);
    assert_ne!(
        metadata(&drawn)["seeds"]["study1_exp1_seed"].to_string(),
        seed
    );
}

#[test]
fn a_shuffled_order_is_the_one_that_seeds_order_prints() {
    let (study, server) = (Study::new(1), Server::plain());
    for (algorithm, given) in [
        ("pcg64", vec!["--shuffle"]),
        ("pandas", vec!["--order", "pandas"]),
        ("as-given", vec![]),
    ] {
        let folder = study.folder().join(algorithm);
        run(&server, &folder)
            .args(["--seed", "77"])
            .args(given)
            .run()
            .exits(0);
        let printed = grace(["seeds", "order", "--seed", "77", "--n", "15"])
            .args(["--order", algorithm, "--output", "json"])
            .run()
            .exits(0)
            .json();
        let shown = records(&folder, "study1_exp1");
        assert_eq!(printed, serde_json::json!(order(&shown)));
        assert_eq!(shown[0]["order_algorithm"], algorithm);
        assert_eq!(shown[0]["trial_order_shuffled"], algorithm != "as-given");
    }
}

#[test]
fn a_trial_is_asked_alike_whatever_the_order_and_the_limit() {
    let (study, server) = (Study::new(1), Server::start(tiny().with_request_log(500)));
    let (few, many) = (study.folder().join("few"), study.folder().join("many"));
    run(&server, &few).args(["--seed", "5"]).run().exits(0);
    run(&server, &many)
        .args(["--seed", "5", "--shuffle"])
        .run()
        .exits(0);
    let by_row = |folder: &Path| {
        let mut records = records(folder, "study1_exp1");
        records.sort_by_key(|record| record["trial_id"].as_u64());
        let answer = |record: Value| {
            (
                record["request_seeds"].clone(),
                record["response_quantity"].clone(),
            )
        };
        records.into_iter().map(answer).collect::<Vec<_>>()
    };
    assert_eq!(by_row(&few), by_row(&many));
}

#[test]
fn a_sealed_replication_is_left_at_once_and_byte_for_byte() {
    let (study, server) = (Study::new(4), Server::plain());
    study.replicate(&server).run().exits(0);
    let (before, asked) = (contents(&study.results()), server.counts().requests);
    study
        .replicate(&server)
        .run()
        .exits(0)
        .says(&["already complete"]);
    let json = study.replicate(&server).args(["--output", "json"]).run();
    assert_eq!(json.exits(0).json()["status"], "already complete");
    assert_eq!(contents(&study.results()), before);
    assert_eq!(server.counts().requests, asked);
    // The server need not even be there.
    drop(server);
    study
        .replicate_into(&study.results(), "http://127.0.0.1:9/v1")
        .run()
        .exits(0);
    assert_eq!(contents(&study.results()), before);
}

#[test]
fn chat_and_completions_are_both_spoken() {
    let (study, server) = (Study::new(1), Server::start(tiny().with_request_log(500)));
    let folder = study.folder().join("chat");
    run(&server, &folder)
        .args(["--api", "chat", "--seed", "1"])
        .run()
        .exits(0);
    let asked = server.asked();
    assert_eq!(asked.len(), 30);
    assert!(
        asked
            .iter()
            .all(|request| request.path == "/v1/chat/completions")
    );
}
