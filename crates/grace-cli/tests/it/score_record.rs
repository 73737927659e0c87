//! What journals hold of a score query: every try of every request, and what came back before one failed.

use std::collections::BTreeMap;
use std::time::Duration;

use grace_sim::{Dialect, Fault, Faults, Sim, Tokenizer};
use serde_json::{Value, json};

use crate::folder::{count, journal_lines};
use crate::scores::{exact, scoring};
use crate::server::{Server, tiny};

/// The tries of a line by the number of their request.
fn tries(line: &Value) -> BTreeMap<u64, Vec<&Value>> {
    let mut requests: BTreeMap<u64, Vec<&Value>> = BTreeMap::new();
    for attempt in line["attempts"].as_array().unwrap() {
        let request = attempt["request"].as_u64().unwrap();
        requests.entry(request).or_default().push(attempt);
    }
    requests
}

#[test]
fn every_try_of_every_request_of_a_score_is_on_record() {
    let study = scoring(3);
    let faults = Faults::none().with_rate(Fault::Status(500), 0.15);
    let server = Server::start(tiny().with_faults(faults.on_all_paths()));
    study.replicate(&server).run().exits(0);
    let (mut failed, mut failed_for_ids) = (0, 0);
    for line in journal_lines(&study.replication(0)) {
        let (mut paths, requests) = (BTreeMap::new(), tries(&line));
        assert!(requests.keys().copied().eq(0..requests.len() as u64));
        for tries in requests.values() {
            let path = tries[0]["path"].as_str().unwrap();
            *paths.entry(path).or_insert(0) += 1;
            let (last, before) = tries.split_last().unwrap();
            assert!(last["failure"].is_null(), "{line}");
            for failure in before {
                assert_eq!(
                    (failure["status"].as_u64(), &failure["path"]),
                    (Some(500), &json!(path))
                );
            }
            failed += before.len();
            failed_for_ids += if path == "/tokenize" { before.len() } else { 0 };
        }
        let score = &line["score"];
        assert_eq!(
            paths.remove("/tokenize").map(Value::from).as_ref(),
            Some(&score["tokenise_requests"])
        );
        assert_eq!(
            paths.remove("/v1/completions").map(Value::from).as_ref(),
            Some(&score["requests"])
        );
        assert!(paths.is_empty());
    }
    assert!(failed_for_ids > 0, "no hard test");
    assert_eq!(count(&study.replication(0), "retries"), failed as u64);
}

#[test]
fn what_came_before_a_refusal_is_on_record() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let llama = exact().with_dialect(Dialect::LlamaCpp);
    let sim = llama.with_latency(Duration::from_millis(10)).with_slots(1);
    let sim = runtime.block_on(Sim::start(sim)).unwrap();
    let study = scoring(6);
    let mut running = study
        .replicate_into(&study.results(), &sim.base_url())
        .args(["--fail-on-error", "1", "--max-connections", "1"])
        .start();
    assert!(running.says("[5/7] score experiments"));
    // One option of the eight of study 2, and the 40 % of study 1.
    let faults = [" It was amazing.", " 40%"].map(|option| {
        let ids = Tokenizer::new().encode(option);
        let ids: Vec<String> = ids.iter().map(|id| format!("<[{id}]>")).collect();
        format!("root ::= {}\"", ids.join(" "))
    });
    let faults = faults.into_iter().fold(Faults::none(), |faults, grammar| {
        faults.with_marked(grammar, Fault::Status(400))
    });
    sim.set_faults(faults);
    running.wait(Duration::from_mins(2)).exits(0);
    let lines = journal_lines(&study.replication(0));
    let refused: Vec<&Value> = lines
        .iter()
        .filter(|line| line["outcome"] == "refused_by_server")
        .collect();
    assert!(refused.len() > 6, "{} refusals", refused.len());
    for line in refused {
        let (sent, came) = (
            line["request"].as_array().unwrap(),
            line["response"].as_array(),
        );
        let came = came.unwrap_or_else(|| panic!("no answer is kept: {line}"));
        assert_eq!(sent.len(), came.len());
        let (failed, answered) = sent.split_last().unwrap();
        assert_eq!(failed["path"], "/v1/completions");
        assert_eq!(came.last(), Some(&Value::Null));
        assert!(came[..answered.len()].iter().all(Value::is_object));
        let scored = answered
            .iter()
            .filter(|sent| sent["path"] == "/v1/completions");
        assert!(
            scored.count() > 0,
            "options before the refused one had answers"
        );
        let tries = tries(line);
        let numbers: Vec<u64> = sent
            .iter()
            .map(|sent| sent["number"].as_u64().unwrap())
            .collect();
        assert!(tries.keys().eq(&numbers), "{line}");
        for (tries, sent) in tries.values().zip(sent) {
            assert_eq!(tries[0]["path"], sent["path"]);
        }
        assert!(line["error_body"].is_string());
    }
    assert_eq!(count(&study.replication(0), "retries"), 0);
}
