//! However grace ends, its server ends with it.

use std::time::Duration;

use crate::command::grace;
use crate::folder::sealed;
use crate::managed::{LONG, Managed, ROWS, script, signal, slow_sim};

#[test]
fn grace_killed_during_work_leaves_no_process() {
    let command = script("(trap '' TERM; exec sleep 605) & setsid sleep 606 & exec $SIM");
    let managed = Managed::new(ROWS, &command);
    let running = managed.in_the_midst(&[]);
    managed.wait_for("sleep 605");
    managed.wait_for("sleep 606");
    assert!(running.kill());
    managed.leaves_nothing();
    managed.replicate().run().exits(0);
    assert_eq!(
        sealed(&managed.study.replication(0)),
        managed.study.undisturbed()
    );
}

#[test]
fn grace_killed_while_the_server_loads_leaves_no_process() {
    let managed = Managed::new(2, &script("trap '' TERM; while :; do sleep 1; done"));
    let mut running = managed.replicate().start();
    assert!(running.says("[2/7]"));
    managed.wait_for("sleep 1");
    assert!(running.kill());
    managed.leaves_nothing();
}

#[track_caller]
fn check_interruption(name: &str, code: i32) {
    let managed = Managed::new(ROWS, &slow_sim());
    let running = managed.in_the_midst(&[]);
    running.signal(name);
    running.wait(LONG).exits(code).says(&["interrupted"]);
    managed.has_left_nothing();
    let managed = Managed::new(2, &script("exec sleep 600"));
    let mut running = managed.replicate().start();
    assert!(running.says("[2/7]"));
    managed.wait_for("sleep 600");
    running.signal(name);
    running.wait(LONG).exits(code);
    managed.has_left_nothing();
}

#[test]
fn sigint_stops_the_server_at_work_and_while_it_loads() {
    check_interruption("INT", 130);
}

#[test]
fn sigterm_stops_the_server_at_work_and_while_it_loads() {
    check_interruption("TERM", 143);
}

#[test]
fn a_second_signal_ends_grace_at_once_and_soon_the_server() {
    let command = script("trap '' TERM; while :; do sleep 1; done");
    let managed = Managed::new(2, &command);
    let mut running = managed.replicate().start();
    assert!(running.says("[2/7]"));
    managed.wait_for("sleep 1");
    running.signal("INT");
    running.signal("TERM");
    let code = running.wait(Duration::from_secs(10)).code();
    assert!(matches!(code, Some(130 | 143)), "{code:?}");
    managed.leaves_nothing();
}

#[test]
fn a_guard_told_to_end_ends_its_server_and_grace_starts_another() {
    let managed = Managed::new(ROWS, &slow_sim());
    let running = managed.in_the_midst(&[]);
    signal(managed.processes("guard-server")[0], "TERM");
    let ended = running.wait(LONG).exits(0);
    ended.says(&["the model server ", "starting it again (restart 1)"]);
    managed.has_left_nothing();
}

/// A guard by itself, as grace would start it; what it reports, and its exit code.
#[track_caller]
fn check_guard(text: &str, report: &str, code: i32) {
    use std::process::{Command, Stdio};
    let guard = Command::new(env!("CARGO_BIN_EXE_grace-cli"))
        .args([
            "guard-server",
            "--stop-grace-ms",
            "100",
            "--",
            "/bin/sh",
            "-c",
            text,
            "--",
            "-x",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // The other end stays open until the guard has ended.
    let mut guard = guard;
    let owner = guard.stdin.take();
    let output = guard.wait_with_output().unwrap();
    drop(owner);
    let said = String::from_utf8(output.stdout).unwrap();
    let (started, end) = said.trim_end().split_once('\n').unwrap();
    assert!(started.starts_with("started "), "{said}");
    assert_eq!((end, output.status.code()), (report, Some(code)));
}

#[test]
fn a_guard_passes_on_how_its_server_ended() {
    check_guard("exit 7", "exited 7", 7);
    check_guard("exit 0", "exited 0", 0);
    check_guard("kill -9 $$", "killed 9", 137);
    check_guard("test \"$1\" = -x", "exited 0", 0);
}

#[test]
fn a_server_does_not_start_without_its_guard() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("started");
    grace([
        "become-server",
        "--",
        "1",
        "/bin/touch",
        file.to_str().unwrap(),
    ])
    .run()
    .exits(1)
    .says(&["the guard is gone"]);
    assert!(!file.exists());
}
