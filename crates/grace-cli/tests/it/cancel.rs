//! SIGINT and SIGTERM: a clean flush, soon, and a resume that changes nothing.

use std::time::Duration;

use grace_sim::Life;
use serde_json::Value;

use crate::folder::{attempts, journal_lines, lines_so_far, metadata, sealed};
use crate::server::{Server, tiny};
use crate::study::{QUERIES_A_ROW, Study};

const ROWS: usize = 30;
const SOON: Duration = Duration::from_secs(2);

/// A replication in the midst of work, and its server, which hangs.
fn hanging() -> (Study, Server, crate::command::Running) {
    let study = Study::new(ROWS);
    let server = Server::start(tiny().with_latency(Duration::from_millis(30)).with_slots(4));
    let mut running = study.replicate(&server).start();
    while lines_so_far(&study.replication(0)) < 10 {
        assert!(!running.has_ended());
        std::thread::sleep(Duration::from_millis(2));
    }
    server.set_life(Life::Silent);
    (study, server, running)
}

#[track_caller]
fn check_signal(signal: &str, code: i32) {
    let (study, server, running) = hanging();
    let answered = lines_so_far(&study.replication(0));
    running.signal(signal);
    running
        .wait(SOON)
        .exits(code)
        .says(&["interrupted", "run the same command again"]);

    let replication = study.replication(0);
    let kept = journal_lines(&replication).len();
    assert!(kept >= answered, "{kept} of {answered} answers are kept");
    assert_eq!(metadata(&replication)["status"], "incomplete");
    let info = std::fs::read_to_string(attempts(&replication)[0].join("attempt.json")).unwrap();
    let info: Value = serde_json::from_str(&info).unwrap();
    assert_eq!(info["attempt"]["exit"], code);
    assert!(info["attempt"]["end"].is_string());

    server.set_life(Life::Ready);
    let other = Server::start(tiny().with_request_log(1000));
    study.replicate(&other).run().exits(0);
    assert_eq!(other.asked().len(), ROWS * QUERIES_A_ROW - kept);
    assert_eq!(sealed(&replication), study.undisturbed());
}

#[test]
fn sigint_ends_with_130_and_loses_nothing() {
    check_signal("INT", 130);
}

#[test]
fn sigterm_ends_with_143_and_loses_nothing() {
    check_signal("TERM", 143);
}

#[test]
fn a_second_signal_ends_at_once_and_the_replication_can_go_on() {
    let (study, server, running) = hanging();
    running.signal("INT");
    running.signal("TERM");
    let code = running.wait(SOON).code();
    assert!(matches!(code, Some(130 | 143)), "{code:?}");
    server.set_life(Life::Ready);
    study.replicate(&server).run().exits(0);
    assert_eq!(sealed(&study.replication(0)), study.undisturbed());
}

#[test]
fn a_signal_ends_the_wait_for_a_server() {
    let study = Study::new(2);
    let server = Server::refusing_for(Duration::from_mins(10));
    let mut running = study.replicate(&server).start();
    assert!(running.says("[2/7]"));
    std::thread::sleep(Duration::from_millis(100));
    running.signal("TERM");
    running.wait(SOON).exits(143);
}

#[test]
fn timestamps_of_a_resumed_replication_end_with_its_end() {
    let (study, server, running) = hanging();
    running.signal("TERM");
    running.wait(SOON).exits(143);
    server.set_life(Life::Ready);
    study.replicate(&server).run().exits(0);
    let text = std::fs::read_to_string(study.replication(0).join("metadata.json")).unwrap();
    let end = text.find("\"end\": ").unwrap();
    let complete = text.find("\"study2_exp1_complete\": ").unwrap();
    assert!(complete < end, "{text}");
}
