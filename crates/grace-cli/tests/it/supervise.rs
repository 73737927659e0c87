//! A server that grace starts: made ready, watched, started again, and never left behind.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use serde_json::json;

use crate::command::grace;
use crate::folder::{attempts, journals, metadata, sealed};
use crate::managed::{LONG, Managed, ROWS, script, sim, slow_sim};
use crate::server::{MODEL, Server};
use crate::study::demo_file;

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
    running.wait(LONG).exits(0);
    managed.has_left_nothing();
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
    run(&[&model[..], &["serve --port 8000"]].concat())
        .run()
        .exits(2)
        .says(&["`{port}` among its arguments"]);
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
fn run_starts_a_server_to_score_options() {
    let managed = Managed::new(1, &sim(MODEL, &[]));
    let folder = managed.study.folder().join("out");
    let command = sim("'{served_name}'", &[]).join(" ");
    let common = ["--experiment", "study1_exp2", "--limit", "3", "--seed", "1"];
    grace(["run", "--model-path", "/models/tiny", "--model-name", MODEL])
        .args(common)
        .args(["--server-command", &command])
        .args(["--input".as_ref(), demo_file("study1.csv").as_os_str()])
        .args(["--output".as_ref(), folder.as_os_str()])
        .run()
        .exits(0)
        .says(&["scoring by trie", "[6/7] model server: stop it"]);
    let metadata = metadata(&folder);
    assert_eq!(metadata["status"], "complete");
    assert_eq!(metadata["counts"]["study1_exp2"]["answered"], 15);
}

/// A port that nobody has at this moment.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

#[test]
fn a_server_that_took_the_port_in_the_meantime_is_not_taken_for_the_own_one() {
    let port = free_port();
    let managed = Managed::with(2, &script("exec sleep 600"), &json!({ "port": port }));
    let mut running = managed.replicate().start();
    managed.wait_for("sleep 600");
    // It even serves the right model.
    let mut other = Command::new(env!("CARGO_BIN_EXE_grace-cli"))
        .args(["serve-sim", "--model", MODEL, "--port", &port.to_string()])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    assert!(running.says("[2/7]"));
    let ended = running.wait(LONG);
    other.kill().unwrap();
    other.wait().unwrap();
    ended.exits(42).says(&[
        &format!(
            "port {port} of 127.0.0.1 is answered by process {} (`grace-cli`)",
            other.id()
        ),
        "expected the model server that grace started as process ",
        "hint: end that process, or leave `server.port` out",
    ]);
    managed.has_left_nothing();
    assert!(journals(&managed.study.replication(0)).is_empty());
}

#[test]
fn two_graces_do_not_start_their_servers_at_one_port() {
    let port = json!({ "port": free_port() });
    let first = Managed::with(ROWS, &slow_sim(), &port);
    let second = Managed::with(2, &sim("{served_name}", &[]), &port);
    let running = first.in_the_midst(&[]);
    second.replicate().run().exits(75).says(&[
        "cannot be used for the model server",
        "another grace has its model server there",
    ]);
    running.wait(LONG).exits(0);
    second.replicate().run().exits(0);
}

/// A folder with a script that is called `nvidia-smi`.
fn nvidia_smi(managed: &Managed, script: &str) -> String {
    let bin = managed.study.folder().join("bin");
    fs::create_dir(&bin).unwrap();
    let path = bin.join("nvidia-smi");
    fs::write(&path, format!("#!/bin/sh\n{script}")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    bin.display().to_string()
}

/// What the real one says of two GPUs.
const TWO_GPUS: &str = "case \"$1\" in\n--query-gpu=name,driver_version) printf 'NVIDIA L40, 550.54.15\\nNVIDIA L40, 550.54.15\\n' ;;\n\
                        *) echo '| NVIDIA-SMI 550.54.15    Driver Version: 550.54.15    CUDA Version: 12.4     |' ;;\nesac\n";

#[test]
fn gpus_of_this_machine_are_not_those_of_a_server_that_grace_did_not_start() {
    let managed = Managed::new(2, &sim(MODEL, &[]));
    let server = Server::plain();
    let bin = nvidia_smi(&managed, TWO_GPUS);
    let study = &managed.study;
    study.replicate(&server).env("PATH", &bin).run().exits(0);
    let info = &metadata(&study.replication(0))["deployment_info"];
    for key in ["gpu_type", "gpu_count", "driver_version", "cuda_version"] {
        assert_eq!(info[key], json!(null));
        let reason = info["unknown"][key].as_str().unwrap();
        assert!(reason.contains("not started by grace"), "{reason}");
    }
}

#[test]
fn a_driver_that_hangs_is_left_behind_by_nobody_who_is_interrupted() {
    let managed = Managed::new(2, &sim(MODEL, &[]));
    // With a child of its own, and a name in the environment that it shares with no other test.
    let bin = nvidia_smi(&managed, "/bin/sleep 607; true\n");
    let marker = managed.study.folder().display().to_string();
    let mut running = managed
        .replicate()
        .env("PATH", &bin)
        .env("MARKER", &marker)
        .start();
    assert!(running.says("[3/7]"));
    managed.wait_for("sleep 607");
    running.signal("INT");
    running.wait(LONG).exits(130);
    managed.leaves_nothing();
}

#[test]
fn gpus_are_recorded_as_nvidia_smi_lists_them() {
    let managed = Managed::new(2, &sim(MODEL, &[]));
    let bin = nvidia_smi(&managed, TWO_GPUS);
    managed
        .replicate()
        .env("PATH", &bin)
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
