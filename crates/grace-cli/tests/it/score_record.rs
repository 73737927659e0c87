//! What journals hold of a score query: every try of every request, and what came back before one failed.

use std::collections::BTreeMap;
use std::time::Duration;

use grace_sim::{Dialect, Fault, Faults, Sim, Tokenizer};
use serde_json::{Value, json};

use crate::command::grace;
use crate::folder::{count, journal_lines, records};
use crate::scores::{exact, scoring};
use crate::server::{Server, tiny};
use crate::study::Study;

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

/// An experiment whose first prompt is a question that the simulator understands; the others are not.
fn with_prompts_that_list_other_tokens() -> Study {
    let study = Study::whole(1);
    study.write("plan.yaml", "experiments: [mine]\norder: as-given\n");
    let asked =
        "2 of the 3 lamps are on. Does Mary know exactly how many? Answer yes or no. Answer:";
    study.write(
        "stimuli/mine.csv",
        &format!("text\n{asked}\nThe door is open. So\nGreen leaves and\n"),
    );
    study.write(
        "experiments/mine.yaml",
        "id: mine\ntitle: Mine\nseed_offset: 0\nstimuli: {file: mine.csv, columns: [text]}\n\
         queries:\n  - id: knows\n    kind: score\n    prompt: \"{{text}}\"\n    options:\n      \
         - {text: \" yes\", label: \"yes\"}\n      - {text: \" no\", label: \"no\"}\n    \
         columns: {probability: \"prob_{label}\", entropy: entropy}\n",
    );
    study
}

/// The request and its answer are on record, with the tokens that were listed.
#[track_caller]
fn check_line(lines: &[Value]) {
    let line = lines.iter().find(|line| line["trial_id"] == 1).unwrap();
    let asked = line["request"]
        .as_array()
        .unwrap()
        .iter()
        .zip(line["response"].as_array().unwrap());
    let asked: Vec<_> = asked
        .filter(|(sent, _)| sent["path"] == "/v1/completions")
        .collect();
    let [(sent, came)] = asked.as_slice() else {
        panic!("{line}");
    };
    assert_eq!(sent["body"]["logprobs"], 20);
    let listed = &came["choices"][0]["logprobs"]["top_logprobs"][0];
    assert_eq!(listed.as_object().unwrap().len(), 20);
    assert!(line["seconds"].as_f64().unwrap() > 0.0);
}

#[test]
fn a_first_token_that_is_not_listed_is_no_refusal_by_the_server() {
    let (study, server) = (
        with_prompts_that_list_other_tokens(),
        Server::start(exact()),
    );
    study
        .replicate(&server)
        .args(["--scoring", "first_token", "--fail-on-error", "1"])
        .run()
        .exits(0);
    let replication = study.replication(0);
    let shown = records(&replication, "mine");
    assert_eq!(shown[0]["status"], "complete");
    let outcome = &shown[1]["outcomes"]["knows"];
    assert_eq!(outcome["outcome"], "unparsable");
    assert_eq!(shown[1]["prob_yes"], Value::Null);
    let reason = outcome["reason"].as_str().unwrap();
    for part in [
        "option \" yes\"",
        "20 tokens",
        "`--scoring`",
        "auto, trie, prompt_logprobs or forced_tokens",
    ] {
        assert!(reason.contains(part), "`{part}` is not in: {reason}");
    }
    check_line(&journal_lines(&replication));

    let other = Server::plain();
    let ended = grace(["replay".as_ref(), replication.as_path()])
        .args([
            "--experiment",
            "mine",
            "--trial",
            "1",
            "--output",
            "json",
            "--base-url",
            &other.url(),
        ])
        .run()
        .exits(0);
    assert_eq!(ended.json()[0]["verdict"], "not_comparable");
    assert_eq!(other.counts().requests, 0);
    grace(["verify".as_ref(), study.results().as_path()])
        .run()
        .exits(100)
        .says(&["yes  journals hold every answer", "at least 33.3 % (mine)"]);
}
