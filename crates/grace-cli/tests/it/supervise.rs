//! A server that grace starts: made ready, watched, started again, and never left behind.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use serde_json::json;

use crate::command::grace;
use crate::folder::{attempts, journal_lines, metadata, sealed};
use crate::managed::{Managed, script, signal, sim, slow_sim};
use crate::server::{MODEL, Server};
use crate::study::demo_file;

const ROWS: usize = 30;
/// Of the experiments that sample text.
const REQUESTS: usize = ROWS * 3;
const SOON: Duration = Duration::from_secs(40);

#[test]
fn a_replication_starts_its_server_and_stops_it_before_it_ends() {
    let managed = Managed::new(4, &sim("{served_name}", &[]));
    let ended = managed.replicate().run().exits(0).says(&[
        "[1/7] model server: starting it at http://127.0.0.1:",
        "[2/7] wait until it is healthy and serves lab/tiny",
        "[3/7] probe",
        "[4/7] generate experiments",
        "[5/7] score experiments",
        "[6/7] model server: stop it",
        "[7/7] seal",
    ]);
    managed.has_left_nothing();
    assert!(!ended.output().contains("serving lab/tiny"));
    assert!(
        managed
            .log()
            .contains("serving lab/tiny at http://127.0.0.1:")
    );
    let replication = managed.study.replication(0);
    assert_eq!(sealed(&replication), managed.study.undisturbed());
    let metadata = metadata(&replication);
    let times = &metadata["timestamps"];
    let order = [
        "start",
        "server_ready",
        "study1_exp1_complete",
        "vllm_killed",
        "end",
    ];
    assert!(
        order.map(|key| times[key].as_str().unwrap()).is_sorted(),
        "{times}"
    );
    assert_eq!(
        metadata["configuration"]["server"]["env"],
        json!(["MARKER"])
    );
    grace(["verify".as_ref(), managed.study.results().as_os_str()])
        .run()
        .exits(0);
    // What is sealed needs no server.
    let again = managed.replicate().run().exits(0);
    again.says(&["already complete"]);
    assert_eq!(attempts(&replication).len(), 1);
}

#[test]
fn a_server_that_ends_at_once_is_an_error_with_its_last_lines() {
    let command = script("echo first; echo \"out of memory, token $HF_TOKEN\" >&2; exit 3");
    let managed = Managed::new(2, &command);
    let ended = managed
        .replicate()
        .env("HF_TOKEN", "hf_secret")
        .run()
        .exits(75);
    ended.says(&[
        "model server exited with code 3 before it was ready",
        "server.log ends with:\n  first\n  out of memory, token [hidden]",
    ]);
    managed.has_left_nothing();
    assert_eq!(
        metadata(&managed.study.replication(0))["status"],
        "incomplete"
    );
}

#[test]
fn a_server_that_is_never_healthy_is_given_up_with_its_last_lines() {
    let command = script("echo loading weights; exec sleep 600");
    let managed = Managed::with(2, &command, &json!({ "ready_timeout": 1 }));
    managed.replicate().run().exits(75).says(&[
        "model server was not ready within 1 s",
        "server.log ends with:\n  loading weights",
        "hint: `server.ready_timeout`",
    ]);
    managed.has_left_nothing();
}

#[test]
fn a_healthy_server_of_another_model_is_refused() {
    let managed = Managed::new(2, &sim("lab/other", &[]));
    managed
        .replicate()
        .run()
        .exits(42)
        .says(&["does not serve `lab/tiny`; it serves `lab/other`"]);
    managed.has_left_nothing();
}

#[test]
fn a_program_that_is_not_there_is_a_mistake_of_configuration() {
    let managed = Managed::new(2, &[String::from("/nowhere/vllm"), String::from("{port}")]);
    managed.replicate().run().exits(42).says(&[
        "model server `/nowhere/vllm` could not be started",
        "No such file or directory",
        "hint: install vLLM",
    ]);
    managed.has_left_nothing();
}

#[test]
fn a_port_that_is_taken_is_named_and_whoever_has_it_is_not_asked() {
    // It even serves the right model.
    let other = Server::plain();
    let port: u16 = other
        .url()
        .rsplit(':')
        .next()
        .unwrap()
        .trim_end_matches("/v1")
        .parse()
        .unwrap();
    let managed = Managed::with(2, &sim("{served_name}", &[]), &json!({ "port": port }));
    managed.replicate().run().exits(75).says(&[
        &format!("port {port} of 127.0.0.1 cannot be used"),
        "in use",
        "hint: end what listens there",
    ]);
    assert_eq!(other.counts().requests, 0);
    managed.has_left_nothing();
}

#[test]
fn a_configured_port_is_used() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let managed = Managed::with(2, &sim("{served_name}", &[]), &json!({ "port": port }));
    managed
        .replicate()
        .run()
        .exits(0)
        .says(&[&format!("http://127.0.0.1:{port}")]);
}

#[test]
fn a_server_that_ignores_sigterm_is_killed_after_its_grace() {
    let command = script("trap '' TERM; $SIM; while :; do sleep 1; done");
    let managed = Managed::with(4, &command, &json!({ "stop_grace": 1 }));
    managed.replicate().run().exits(0);
    managed.has_left_nothing();
}

#[test]
fn children_that_ignore_sigterm_or_left_the_group_end_with_their_server() {
    let command = script(
        "(trap '' TERM; exec sleep 601) & setsid sh -c 'trap \"\" TERM; sleep 602 & exec sleep 603' & exec $SIM",
    );
    let managed = Managed::new(ROWS, &command);
    let running = managed.in_the_midst(&[]);
    for seconds in ["601", "602", "603"] {
        managed.wait_for(&format!("sleep {seconds}"));
    }
    running.wait(SOON).exits(0);
    managed.has_left_nothing();
}

#[track_caller]
fn check_death(managed: &Managed, running: crate::command::Running, words: &str) {
    let ended = running.wait(SOON).exits(0);
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
        .wait(SOON)
        .exits(0)
        .says(&["starting it again (restart 1)"]);
    managed.has_left_nothing();
    assert_eq!(starts(&managed), [false, true, true]);
    let replication = managed.study.replication(0);
    assert_eq!(sealed(&replication), managed.study.undisturbed());
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
    running.wait(SOON).exits(75).says(&[
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
    running.wait(SOON).exits(code).says(&["interrupted"]);
    managed.has_left_nothing();
    let managed = Managed::new(2, &script("exec sleep 600"));
    let mut running = managed.replicate().start();
    assert!(running.says("[2/7]"));
    managed.wait_for("sleep 600");
    running.signal(name);
    running.wait(SOON).exits(code);
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
    let ended = running.wait(SOON).exits(0);
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

#[test]
fn run_starts_a_server_for_one_experiment() {
    let managed = Managed::new(1, &sim(MODEL, &[]));
    let folder = managed.study.folder().join("out");
    let command = sim("'{served_name}'", &[]).join(" ");
    let run = |further: &[&str]| {
        grace([
            "run",
            "--experiment",
            "study1_exp1",
            "--limit",
            "3",
            "--seed",
            "1",
        ])
        .args(["--input".as_ref(), demo_file("study1.csv").as_os_str()])
        .args(["--output".as_ref(), folder.as_os_str()])
        .args(["--model-name", MODEL])
        .args(further)
    };
    let model = ["--model-path", "/models/tiny", "--server-command"];
    run(&[&model[..], &[&command]].concat())
        .run()
        .exits(0)
        .says(&["[6/7] model server: stop it"]);
    assert_eq!(metadata(&folder)["status"], "complete");
    run(&[&model[..], &["serve '{port}"]].concat())
        .run()
        .exits(2)
        .says(&["each quote closed"]);
    run(&[&model[..], &["serve {prot}"]].concat())
        .run()
        .exits(2)
        .says(&["`{prot}`", "`{port}`"]);
    run(&["--model-path", "x", "--base-url", "http://h"])
        .run()
        .exits(2)
        .says(&["cannot be used with"]);
    run(&[])
        .run()
        .exits(2)
        .says(&["--base-url", "--model-path"]);
    // Without a command it is vLLM, which is not here.
    fs::remove_dir_all(&folder).unwrap();
    run(&["--model-path", "/models/tiny"])
        .run()
        .exits(42)
        .says(&["model server `vllm` could not be started"]);
}

#[test]
fn gpus_are_recorded_as_nvidia_smi_lists_them() {
    let managed = Managed::new(2, &sim(MODEL, &[]));
    let bin = managed.study.folder().join("bin");
    fs::create_dir(&bin).unwrap();
    let answers = "#!/bin/sh\ncase \"$1\" in\n--query-gpu=name,driver_version) printf 'NVIDIA L40, 550.54.15\\nNVIDIA L40, 550.54.15\\n' ;;\n\
                   *) echo '| NVIDIA-SMI 550.54.15    Driver Version: 550.54.15    CUDA Version: 12.4     |' ;;\nesac\n";
    fs::write(bin.join("nvidia-smi"), answers).unwrap();
    fs::set_permissions(bin.join("nvidia-smi"), fs::Permissions::from_mode(0o755)).unwrap();
    managed
        .replicate()
        .env("PATH", bin.to_str().unwrap())
        .env("POD_NAME", "pod-0")
        .env("NODE_NAME", "node-7")
        .run()
        .exits(0);
    let info = &metadata(&managed.study.replication(0))["deployment_info"];
    let expected = json!({
        "pod_name": "pod-0",
        "node_name": "node-7",
        "vllm_version": info["server"]["version"],
        "cuda_version": "12.4",
        "driver_version": "550.54.15",
        "gpu_count": 2,
        "gpu_type": "NVIDIA L40",
        "grace_version": env!("CARGO_PKG_VERSION"),
        "server": { "kind": "vllm", "version": info["server"]["version"] },
        "server_restarts": 0,
        "unknown": {},
    });
    assert_eq!(*info, expected);
    assert!(info["vllm_version"].is_string());
}
