//! Equal queries: sent once, on record as reused, and replayed.

use std::collections::BTreeSet;

use grace_sim::ScoringFault;
use serde_json::json;

use crate::command::{Grace, grace};
use crate::folder::{count, journals, metadata, records};
use crate::scores::{QUERIES, ROWS, distributions, exact, scoring};
use crate::server::Server;
use crate::study::{Study, demo_rows};

/// The score experiments on rows that come twice.
fn repeating() -> Study {
    let study = scoring(ROWS / 2);
    for name in ["study1.csv", "study2.csv"] {
        let once = demo_rows(name, ROWS / 2);
        let (_, rows) = once.split_once('\n').unwrap();
        study.write(&format!("stimuli/{name}"), &format!("{once}{rows}"));
    }
    study
}

#[test]
fn equal_queries_are_sent_once_and_the_reuse_is_on_record() {
    let (study, server) = (repeating(), Server::start(exact()));
    study
        .replicate(&server)
        .run()
        .exits(0)
        .says(&["are equal to others and take their answers"]);
    let replication = study.replication(0);
    let (mut asked, mut reused) = (BTreeSet::new(), 0);
    for record in records(&replication, "study1_exp2") {
        for (query, score) in record["scores"].as_object().unwrap() {
            if score["reused_from"].is_null() {
                asked.insert((record["trial_id"].as_u64(), query.clone()));
            } else {
                reused += 1;
            }
        }
    }
    for record in records(&replication, "study1_exp2") {
        for score in record["scores"].as_object().unwrap().values() {
            let source = &score["reused_from"];
            let key = (
                source["trial_id"].as_u64(),
                source["query"].as_str().unwrap_or("").to_owned(),
            );
            assert!(
                source.is_null() || asked.contains(&key),
                "{source} was asked"
            );
        }
    }
    assert!(reused > 0, "the stimuli hold equal prompts");
    let recorded = metadata(&replication)["counts"]["study1_exp2"].clone();
    assert_eq!(
        (&recorded["queries"], &recorded["reused"]),
        (&json!(60), &json!(reused))
    );
    let lines: usize = journals(&replication)
        .iter()
        .filter(|path| path.ends_with("study1_exp2.jsonl"))
        .map(|path| std::fs::read_to_string(path).unwrap().lines().count())
        .sum();
    assert_eq!(lines as u64, 60 - reused);
    grace(["verify".as_ref(), study.results().as_path()])
        .run()
        .exits(0);
}

#[test]
fn without_reuse_every_query_is_sent_and_says_the_same() {
    let (study, server) = (repeating(), Server::start(exact()));
    study.replicate(&server).run().exits(0);
    let with = distributions(&study);
    let all = repeating();
    all.replicate(&server).args(["--no-reuse"]).run().exits(0);
    assert_eq!(count(&all.replication(0), "reused"), 0);
    assert_eq!(count(&all.replication(0), "answered"), QUERIES);
    for (one, other) in with
        .iter()
        .flatten()
        .zip(distributions(&all).iter().flatten())
    {
        assert!((one - other).abs() < 1e-12);
    }
    study
        .replicate(&server)
        .args(["--no-reuse"])
        .run()
        .exits(42)
        .says(&["`study1_exp2.reuse` was true, is now false"]);
}

fn replay(study: &Study, server: &Server) -> Grace {
    grace(["replay".as_ref(), study.replication(0).as_path()]).args([
        "--experiment",
        "study1_exp2",
        "--base-url",
        &server.url(),
    ])
}

#[test]
fn scores_are_replayed_also_those_that_were_taken_from_an_equal_query() {
    let (study, server) = (repeating(), Server::start(exact()));
    study.replicate(&server).run().exits(0);
    let reusing = records(&study.replication(0), "study1_exp2")
        .into_iter()
        .find(|record| {
            let scores = record["scores"].as_object().unwrap();
            scores.values().all(|score| !score["reused_from"].is_null())
        });
    let trial = reusing.unwrap()["trial_id"].to_string();
    let ended = replay(&study, &server)
        .args(["--trial", &trial, "--output", "json"])
        .run()
        .exits(0);
    let replayed = ended.json();
    assert_eq!(replayed.as_array().unwrap().len(), 5);
    for answer in replayed.as_array().unwrap() {
        assert_eq!(answer["verdict"], "same", "{answer}");
    }
    let noisy = Server::start(exact().with_scoring_fault(ScoringFault::Noise(0.01)));
    let ended = replay(&study, &noisy)
        .args(["--trial", "0", "--query", "knowledge"])
        .run()
        .exits(0);
    ended.says(&["trial ", "knowledge", "log-probabilities differ by up to"]);
}
