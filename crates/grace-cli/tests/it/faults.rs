//! A server that fails requests in every way it can.

use std::collections::BTreeMap;
use std::time::Duration;

use grace_sim::{Fault, Faults, RetryAfter};
use serde_json::Value;

use crate::folder::{count, journal_lines, sealed};
use crate::server::{Server, tiny};
use crate::study::{QUERIES_A_ROW, Study};

const ROWS: usize = 40;

/// Each mode, and what a journal says of a try that met it.
fn modes() -> [(Fault, &'static str); 14] {
    let second = Duration::from_secs(1);
    let too_many = "server answered 429";
    let ended = "connection ended without an answer";
    [
        (Fault::TooManyRequests(RetryAfter::Absent), too_many),
        (Fault::TooManyRequests(RetryAfter::Seconds(1)), too_many),
        (Fault::TooManyRequests(RetryAfter::Date(second)), too_many),
        (Fault::Status(500), "server answered 500"),
        (Fault::Status(503), "server answered 503"),
        (Fault::EngineDead, "EngineCore encountered an issue"),
        (Fault::Loading, "Loading model"),
        (Fault::Busy, "The engine is currently busy"),
        (Fault::Reset, ended),
        (Fault::Close, ended),
        (Fault::Truncated, "the answer ended after"),
        (Fault::NotJson, "is not JSON"),
        (Fault::EmptyChoices, "choices"),
        (Fault::Hang, "no whole answer within 1"),
    ]
}

#[test]
fn a_server_that_fails_three_in_ten_requests_changes_no_answer() {
    let study = Study::new(ROWS);
    let share = 0.3 / modes().len() as f64;
    let faults = modes()
        .into_iter()
        .fold(Faults::none(), |faults, (mode, _)| {
            faults.with_rate(mode, share)
        });
    let server = Server::start(tiny().with_faults(faults).with_request_log(10_000));
    study
        .replicate(&server)
        .args(["--request-timeout", "1"])
        .run()
        .exits(0);
    let replication = study.replication(0);
    assert_eq!(sealed(&replication), study.undisturbed());

    let met = faults_by_body(&server);
    let lines = journal_lines(&replication);
    assert_eq!(lines.len(), ROWS * QUERIES_A_ROW);
    for line in &lines {
        check_tries(line, met.get(&line["request"].to_string()));
    }
    let injected: usize = met.values().map(Vec::len).sum();
    assert_eq!(count(&replication, "retries"), injected as u64);
    assert!(injected > ROWS, "{injected} faults are no hard test");
    for (mode, _) in modes() {
        assert!(
            met.values().flatten().any(|fault| *fault == mode),
            "{mode:?}"
        );
    }
}

/// The faults that each request met, in the order of its tries, by the request as JSON.
fn faults_by_body(server: &Server) -> BTreeMap<String, Vec<Fault>> {
    let mut met: BTreeMap<String, Vec<Fault>> = BTreeMap::new();
    for request in server.asked() {
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        met.entry(body.to_string())
            .or_default()
            .extend(request.fault);
    }
    met
}

/// Every try of a request is on record: each fault by what it looked like, then the answer.
fn check_tries(line: &Value, met: Option<&Vec<Fault>>) {
    let tries = line["attempts"].as_array().unwrap();
    let (last, failed) = tries.split_last().unwrap();
    assert_eq!(last["failure"], Value::Null, "{line}");
    let met = met.map(Vec::as_slice).unwrap_or_default();
    assert_eq!(failed.len(), met.len(), "{line} met {met:?}");
    for (attempt, fault) in failed.iter().zip(met) {
        let failure = attempt["failure"].as_str().unwrap();
        let modes = modes();
        let (_, word) = modes.iter().find(|(mode, _)| mode == fault).unwrap();
        assert!(
            failure.contains(word),
            "{fault:?} is on record as {failure}"
        );
    }
}

#[test]
fn an_answer_that_will_not_end_is_given_up_and_asked_again() {
    const PROBES: usize = 5;
    let study = Study::new(4);
    let spared = (0..PROBES).fold(Faults::none(), |faults, _| faults.then_serve());
    let dripping = spared.then(Fault::Drip(Duration::from_millis(50))).times(3);
    let server = Server::start(tiny().with_faults(dripping));
    study
        .replicate(&server)
        .args(["--request-timeout", "1"])
        .run()
        .exits(0);
    assert_eq!(sealed(&study.replication(0)), study.undisturbed());
    assert_eq!(count(&study.replication(0), "retries"), 3);
}
