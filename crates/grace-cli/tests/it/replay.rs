//! `replay`: the identical requests again.

use grace_sim::{Fault, Faults, SeedPolicy};
use serde_json::Value;

use crate::command::{Grace, grace};
use crate::folder::{contents, records};
use crate::scores::scoring;
use crate::server::{Server, tiny};
use crate::study::Study;

fn replay(study: &Study, server: &Server) -> Grace {
    grace(["replay".as_ref(), study.replication(0).as_path()]).args([
        "--experiment",
        "study1_exp1",
        "--base-url",
        &server.url(),
    ])
}

/// A sealed study, and the server that answered it.
fn sealed_study() -> (Study, Server) {
    let (study, server) = (Study::new(12), Server::start(tiny().with_request_log(500)));
    study.replicate(&server).run().exits(0);
    (study, server)
}

#[test]
fn the_same_server_gives_the_same_answers_to_the_same_bytes() {
    let (study, server) = sealed_study();
    let before = contents(&study.results());
    let sent: Vec<String> = server
        .asked()
        .iter()
        .map(grace_sim::Request::text)
        .collect();
    let ended = replay(&study, &server)
        .args(["--trial", "0", "--trial", "7", "--output", "json"])
        .run()
        .exits(0);
    let replayed = ended.json();
    let replayed = replayed.as_array().unwrap();
    assert_eq!(replayed.len(), 4);
    for answer in replayed {
        assert_eq!(answer["verdict"], "same");
        assert_eq!(answer["recorded"], answer["now"]);
    }
    for request in server.asked().iter().skip(sent.len()) {
        assert!(sent.contains(&request.text()), "{}", request.text());
    }
    assert_eq!(contents(&study.results()), before);
    replay(&study, &server)
        .args(["--trial", "3", "--query", "knowledge"])
        .run()
        .exits(0)
        .says(&["trial 3 knowledge (seed ", "): same: "]);
}

#[test]
fn another_server_may_differ_and_the_first_character_is_told() {
    let (study, _server) = sealed_study();
    let other = Server::start(tiny().with_seed_policy(SeedPolicy::Ignores));
    let trials: Vec<String> = (0..12)
        .flat_map(|row| ["--trial".to_owned(), row.to_string()])
        .collect();
    let ended = replay(&study, &other)
        .args(&trials)
        .args(["--output", "json"])
        .run()
        .exits(0);
    let replayed = ended.json();
    let different: Vec<&Value> = replayed
        .as_array()
        .unwrap()
        .iter()
        .filter(|answer| answer["verdict"] == "different")
        .collect();
    assert!(!different.is_empty(), "24 random answers were all the same");
    for answer in different {
        let text = |key: &str| answer[key].as_str().unwrap().chars().collect::<Vec<char>>();
        let at = usize::try_from(answer["character"].as_u64().unwrap()).unwrap();
        let (recorded, now) = (text("recorded"), text("now"));
        assert_eq!(recorded[..at], now[..at]);
        assert_ne!(recorded.get(at), now.get(at));
    }
}

#[test]
fn what_was_never_asked_cannot_be_replayed() {
    let (study, server) = sealed_study();
    replay(&study, &server)
        .args(["--trial", "12"])
        .run()
        .exits(42)
        .says(&[
            "study1_exp1 trial 12",
            study.replication(0).to_str().unwrap(),
        ]);
    grace(["replay".as_ref(), study.folder()])
        .args(["-e", "study1_exp1", "-t", "0", "--base-url", &server.url()])
        .run()
        .exits(42)
        .says(&["holds no replication"]);
    let gone = Server::refusing_for(std::time::Duration::from_mins(10));
    replay(&study, &gone)
        .args(["--trial", "0", "--timeout", "1", "--request-timeout", "1"])
        .run()
        .exits(75);
}

#[test]
fn records_tell_the_seed_that_replay_sends() {
    let (study, server) = sealed_study();
    let ended = replay(&study, &server)
        .args(["-t", "5", "-q", "quantity", "--output", "json"])
        .run()
        .exits(0);
    let replayed = &ended.json()[0];
    let records = records(&study.replication(0), "study1_exp1");
    let record = records
        .iter()
        .find(|record| record["trial_id"] == 5)
        .unwrap();
    assert_eq!(replayed["seed"], record["request_seeds"]["quantity"]);
    assert_eq!(replayed["recorded"], record["response_quantity"]);
}

#[test]
fn one_request_that_the_server_fails_does_not_end_the_others() {
    let (study, _server) = sealed_study();
    let records = records(&study.replication(0), "study1_exp1");
    let first = records
        .iter()
        .find(|record| record["trial_id"] == 0)
        .unwrap();
    let seed = format!("\"seed\":{}", first["request_seeds"]["quantity"]);
    let faults = Faults::none().with_marked(seed, Fault::Status(500));
    let other = Server::start(tiny().with_faults(faults));
    let ended = replay(&study, &other)
        .args(["--trial", "0", "--trial", "1", "--query", "quantity"])
        .args(["--max-attempts", "2", "--output", "json"])
        .run()
        .exits(0);
    let replayed = ended.json();
    assert_eq!(replayed[0]["verdict"], "not_comparable");
    let note = replayed[0]["note"].as_str().unwrap();
    assert!(note.contains("failed after 2 attempts"), "{note}");
    assert_eq!(replayed[1]["verdict"], "same");
}

#[test]
fn one_score_that_the_server_fails_does_not_end_the_others() {
    let study = scoring(2);
    let server = Server::start(tiny());
    let by_prompt = ["--scoring", "prompt_logprobs"];
    study.replicate(&server).args(by_prompt).run().exits(0);
    let faults = Faults::none().with_marked("exactly 1 ", Fault::NotJson);
    let other = Server::start(tiny().with_faults(faults));
    let ended = scores_of(&study, &other)
        .args(["--max-attempts", "2"])
        .run()
        .exits(0);
    let replayed = ended.json();
    let verdict = |query: &str| {
        let mut answers = replayed.as_array().unwrap().iter();
        answers.find(|answer| answer["query"] == query).unwrap()["verdict"].clone()
    };
    assert_eq!(verdict("state1"), "not_comparable");
    assert_eq!(verdict("state2"), "same");
}

#[test]
fn a_score_without_an_answer_is_not_sent_again() {
    let study = scoring(2);
    let faults = Faults::none().with_marked("exactly 1 ", Fault::Status(400));
    let server = Server::start(tiny().with_faults(faults));
    study
        .replicate(&server)
        .args(["--scoring", "prompt_logprobs", "--fail-on-error", "1"])
        .run()
        .exits(0);
    let other = Server::plain();
    let ended = scores_of(&study, &other)
        .args(["--query", "state1"])
        .run()
        .exits(0);
    let answer = &ended.json()[0];
    assert_eq!(answer["verdict"], "not_comparable");
    let note = answer["note"].as_str().unwrap();
    assert!(
        note.starts_with("no answer on record: request to")
            && note.ends_with("it was not sent again"),
        "{note}"
    );
    assert_eq!(other.counts().requests, 0);
}

/// `replay` of the scores of the first trial.
fn scores_of(study: &Study, server: &Server) -> Grace {
    grace(["replay".as_ref(), study.replication(0).as_path()]).args([
        "--experiment",
        "study1_exp2",
        "--trial",
        "0",
        "--output",
        "json",
        "--base-url",
        &server.url(),
    ])
}
