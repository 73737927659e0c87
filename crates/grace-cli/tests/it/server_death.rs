//! A server that dies during work is started again, and the result is the same.

use serde_json::json;
use tempfile::TempDir;

use crate::command::grace;
use crate::folder::{attempts, journal_lines, journals, metadata, sealed};
use crate::managed::{LONG, Managed, REQUESTS, ROWS, script, signal, sim, slow_sim};

#[track_caller]
fn check_death(managed: &Managed, running: crate::command::Running, words: &str) {
    let ended = running.wait(LONG).exits(0);
    ended.says(&[words, "starting it again (restart 1)"]);
    managed.has_left_nothing();
    let replication = managed.study.replication(0);
    assert_eq!(attempts(&replication).len(), 1);
    assert_eq!(
        metadata(&replication)["deployment_info"]["server_restarts"],
        1
    );
    assert_eq!(sealed(&replication), managed.study.undisturbed());
    assert_eq!(managed.log().matches("── grace: ").count(), 2);
}

#[test]
fn a_server_killed_during_work_is_started_again_and_the_result_is_the_same() {
    let managed = Managed::new(ROWS, &slow_sim());
    let running = managed.in_the_midst(&[]);
    signal(managed.server(), "KILL");
    check_death(&managed, running, "the model server was killed by SIGKILL");
}

#[test]
fn a_server_that_falls_silent_during_work_is_started_again_and_the_result_is_the_same() {
    let managed = Managed::new(ROWS, &slow_sim());
    let running = managed.in_the_midst(&["--timeout", "2", "--request-timeout", "1"]);
    signal(managed.server(), "STOP");
    check_death(&managed, running, "the model server answers no request");
}

#[test]
fn a_guard_that_is_killed_takes_its_server_along_and_both_are_started_again() {
    let managed = Managed::new(ROWS, &script("(trap '' TERM; exec sleep 604) & exec $SIM"));
    let running = managed.in_the_midst(&[]);
    managed.wait_for("sleep 604");
    signal(managed.processes("guard-server")[0], "KILL");
    check_death(
        &managed,
        running,
        "the model server was ended with its guard",
    );
}

#[test]
fn a_server_that_dies_while_it_scores_is_started_again_and_the_result_is_the_same() {
    let slower = sim("{served_name}", &["--latency-ms", "100", "--slots", "4"]);
    let managed = Managed::new(ROWS, &slower);
    let study = &managed.study;
    study.write("plan.yaml", "experiments: [study2_exp2]\n");
    let running = managed.in_the_midst(&[]);
    signal(managed.server(), "KILL");
    check_death(&managed, running, "the model server was killed by SIGKILL");
}

#[test]
fn a_server_that_comes_back_with_wrong_numbers_scores_nothing_more() {
    let flag = TempDir::new().unwrap();
    let flag = flag.path().join("started");
    let text = "if [ -e FLAG ]; then exec $SIM --scoring-fault shifted; fi; touch FLAG; exec $SIM";
    let text = text.replace("FLAG", flag.to_str().unwrap());
    let slower = script(&text).into_iter();
    let slower = slower.map(|it| it.replace("--latency-ms 20", "--latency-ms 100"));
    let managed = Managed::new(ROWS, &slower.collect::<Vec<_>>());
    let study = &managed.study;
    study.write("plan.yaml", "experiments: [study2_exp2]\n");
    let running = managed.in_the_midst(&[]);
    signal(managed.server(), "KILL");
    let ended = running.wait(LONG).exits(42);
    ended.says(&["starting it again", "fails the check `greedy_token`"]);
    managed.has_left_nothing();
    // What was scored before is kept, and nothing came after it.
    let journals = journal_lines(&study.replication(0)).len();
    assert!((10..ROWS).contains(&journals), "{journals}");
}

/// A study of one experiment of each kind, whose options are scored by a server of their own.
fn separate(command: &[String]) -> Managed {
    let managed = Managed::with(
        ROWS,
        command,
        &json!({ "scoring_args": ["--seeds", "constant"] }),
    );
    let plan = "experiments: [study2_exp1, study2_exp2]\nscoring_server: separate\n";
    managed.study.write("plan.yaml", plan);
    managed
}

/// The arguments of each start of a server, as the log tells them.
fn starts(managed: &Managed) -> Vec<bool> {
    let log = managed.log();
    let starts = log.lines().filter(|line| line.starts_with("── grace: "));
    starts
        .map(|line| line.ends_with("--seeds constant"))
        .collect()
}

#[test]
fn options_for_a_later_server_are_looked_at_before_a_text_is_paid_for() {
    let managed = separate(&sim("{served_name}", &[]));
    managed.study.write(
        "plan.yaml",
        "experiments: [study1_exp1, study1_exp2]\nscoring_server: separate\n",
    );
    let shown = grace(["experiments", "show", "study1_exp2"]).run().exits(0);
    let without_percent = shown.stdout.replace("%\"", "\"");
    let study = &managed.study;
    study.write("experiments/study1_exp2.yaml", &without_percent);
    let ended = managed.replicate().run().exits(42);
    ended.says(&["begin those of option \" 100\"", "hint: change the options"]);
    assert!(journals(&study.replication(0)).is_empty());
}

#[test]
fn options_can_be_scored_by_a_server_of_their_own() {
    let managed = separate(&sim("{served_name}", &[]));
    managed.replicate().run().exits(0).says(&[
        "[5/7] score experiments, on a model server of their own",
        "[6/7] model server: stop it",
    ]);
    managed.has_left_nothing();
    assert_eq!(starts(&managed), [false, true]);
    let replication = managed.study.replication(0);
    assert_eq!(sealed(&replication), managed.study.undisturbed());
    let times = &metadata(&replication)["timestamps"];
    let order = [
        "server_ready",
        "study2_exp1_complete",
        "vllm_killed",
        "scoring_server_ready",
        "study2_exp2_complete",
        "end",
    ];
    assert!(
        order.map(|key| times[key].as_str().unwrap()).is_sorted(),
        "{times}"
    );
}

#[test]
fn a_scoring_server_that_dies_is_started_again_as_one() {
    let managed = separate(&slow_sim());
    let mut running = managed.replicate().start();
    assert!(running.says("[5/7]"));
    managed.wait_for_lines(&mut running, ROWS + 5);
    signal(managed.server(), "KILL");
    running
        .wait(LONG)
        .exits(0)
        .says(&["starting it again (restart 1)"]);
    managed.has_left_nothing();
    assert_eq!(starts(&managed), [false, true, true]);
    let replication = managed.study.replication(0);
    assert_eq!(sealed(&replication), managed.study.undisturbed());
}

#[test]
fn scores_of_two_servers_do_not_come_into_one_replication() {
    let managed = separate(&slow_sim());
    let mut running = managed.replicate().start();
    assert!(running.says("[5/7]"));
    managed.wait_for_lines(&mut running, ROWS + 5);
    running.signal("TERM");
    running.wait(LONG).exits(143);
    managed.study.change("plan.yaml", "separate", "same");
    managed
        .replicate()
        .run()
        .exits(42)
        .says(&["`scoring_server` was separate, is now same"]);
    managed.study.change("plan.yaml", "same", "separate");
    managed.replicate().run().exits(0);
}

#[test]
fn restarts_have_a_limit_and_answers_are_kept() {
    let managed = Managed::with(ROWS, &slow_sim(), &json!({ "restarts": 1 }));
    let mut running = managed.in_the_midst(&[]);
    let first = managed.server();
    signal(first, "KILL");
    assert!(running.says("restart 1"));
    let second = managed.server_after(first);
    managed.wait_for_lines(&mut running, 25);
    signal(second, "KILL");
    running.wait(LONG).exits(75).says(&[
        "the model server was killed by SIGKILL",
        "was started again 1 times before",
        "run the same command again",
    ]);
    managed.has_left_nothing();
    let kept = journal_lines(&managed.study.replication(0)).len();
    assert!((25..REQUESTS).contains(&kept), "{kept}");
    managed.replicate().run().exits(0);
    assert_eq!(
        sealed(&managed.study.replication(0)),
        managed.study.undisturbed()
    );
}
