//! Servers that are away: not there yet, gone for a while, gone for good, told to stop.

use std::time::Duration;

use grace_sim::{Life, SimConfig, Startup};

use crate::command::Running;
use crate::folder::{attempts, journal_lines, lines_so_far, sealed};
use crate::server::{Server, tiny};
use crate::study::{QUERIES_A_ROW, Study};

const ROWS: usize = 30;
const SOON: Duration = Duration::from_secs(25);

/// A server whose answers take a second or so in all.
fn slow() -> SimConfig {
    tiny().with_latency(Duration::from_millis(40)).with_slots(4)
}

/// Waits until the study's first replication has `lines` answers.
#[track_caller]
fn wait_for_lines(study: &Study, running: &mut Running, lines: usize) {
    while lines_so_far(&study.replication(0)) < lines {
        assert!(!running.has_ended(), "ended before {lines} answers");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Ends a server in the midst of work; the next attempt, on another server, asks for the rest alone.
#[track_caller]
fn check_end_of_server(life: Life) {
    let study = Study::new(ROWS);
    let server = Server::start(slow());
    let mut running = study
        .replicate(&server)
        .args(["--timeout", "2", "--request-timeout", "1"])
        .start();
    wait_for_lines(&study, &mut running, 10);
    server.set_life(life);
    running
        .wait(SOON)
        .exits(75)
        .says(&["run the same command again"]);
    let lines = journal_lines(&study.replication(0));
    let answered = |line: &&serde_json::Value| line["outcome"] == "answered";
    let kept = lines.iter().filter(answered).count();
    assert!((10..ROWS * QUERIES_A_ROW).contains(&kept), "{kept} answers");

    let other = Server::start(tiny().with_request_log(1000));
    study.replicate(&other).run().exits(0);
    assert_eq!(other.asked().len(), ROWS * QUERIES_A_ROW - kept);
    assert_eq!(attempts(&study.replication(0)).len(), 2);
    assert_eq!(sealed(&study.replication(0)), study.undisturbed());
}

#[test]
fn a_server_told_to_stop_that_falls_silent_costs_no_answer() {
    check_end_of_server(Life::Stopping);
}

#[test]
fn a_server_that_takes_requests_and_answers_none_costs_no_answer() {
    check_end_of_server(Life::Silent);
}

#[test]
fn a_server_that_is_gone_for_longer_than_the_timeout_costs_no_answer() {
    check_end_of_server(Life::Gone);
}

#[test]
fn a_server_that_drains_costs_no_answer() {
    check_end_of_server(Life::Draining);
}

#[test]
fn a_server_that_is_gone_for_a_while_is_waited_for() {
    let study = Study::new(ROWS);
    let server = Server::start(slow());
    let mut running = study.replicate(&server).args(["--timeout", "60"]).start();
    wait_for_lines(&study, &mut running, 10);
    server.set_life(Life::Gone);
    std::thread::sleep(Duration::from_secs(3));
    server.set_life(Life::Ready);
    running.wait(SOON * 2).exits(0);
    assert_eq!(attempts(&study.replication(0)).len(), 1);
    assert_eq!(sealed(&study.replication(0)), study.undisturbed());
}

#[test]
fn the_timeout_for_a_server_that_is_gone_does_not_grow_with_that_of_requests() {
    let study = Study::new(ROWS);
    let server = Server::start(slow());
    let mut running = study
        .replicate(&server)
        .args(["--timeout", "2", "--request-timeout", "300"])
        .start();
    wait_for_lines(&study, &mut running, 10);
    server.set_life(Life::Gone);
    running.wait(SOON).exits(75);
}

#[track_caller]
fn check_start(server: &Server) {
    let study = Study::new(2);
    study.replicate(server).run().exits(0);
    assert_eq!(sealed(&study.replication(0)), study.undisturbed());
}

fn loading_for(time: Duration) -> Server {
    Server::start(tiny().with_startup(Startup::Loading(time)))
}

#[test]
fn a_server_that_is_loading_is_waited_for() {
    check_start(&loading_for(Duration::from_secs(1)));
}

#[test]
fn a_server_that_refuses_connections_at_first_is_waited_for() {
    check_start(&Server::refusing_for(Duration::from_secs(1)));
}

#[test]
fn a_server_that_does_not_come_up_in_time_ends_the_attempt() {
    let long = Duration::from_mins(10);
    for server in [loading_for(long), Server::refusing_for(long)] {
        let study = Study::new(2);
        let ended = study.replicate(&server).args(["--timeout", "1"]).run();
        assert!(ended.took < Duration::from_secs(10), "{:?}", ended.took);
        let url = server.url();
        ended.exits(75).says(&[
            url.trim_end_matches("/v1"),
            "was not ready within 1 s",
            "--timeout",
        ]);
        assert_eq!(server.counts().generations, 0);
    }
}
