//! A study whose server is started by grace, and the processes that come of it.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::command::{Grace, Running};
use crate::folder::lines_so_far;
use crate::server::MODEL;
use crate::study::Study;

pub(crate) const ROWS: usize = 30;
/// Of the experiments that sample text.
pub(crate) const REQUESTS: usize = ROWS * 3;
/// Longer than any test waits for a process that must come or go.
pub(crate) const LONG: Duration = Duration::from_secs(40);

/// A study with its own server, and no process of it left when it is dropped.
pub(crate) struct Managed {
    pub(crate) study: Study,
    /// Stands in the environment of every process of the server, and of no other.
    marker: String,
}

/// The command of a simulated server that serves `model`.
pub(crate) fn sim(model: &str, further: &[&str]) -> Vec<String> {
    let fixed = [
        env!("CARGO_BIN_EXE_grace-cli"),
        "serve-sim",
        "--port",
        "{port}",
        "--model",
        model,
    ];
    fixed
        .iter()
        .chain(further)
        .map(|&part| part.to_owned())
        .collect()
}

/// A simulated server whose answers to 30 rows take half a second.
pub(crate) fn slow_sim() -> Vec<String> {
    sim("{served_name}", &["--latency-ms", "20", "--slots", "4"])
}

/// A script of the shell: `$SIM` is the simulated server, with all its arguments.
pub(crate) fn script(text: &str) -> Vec<String> {
    let exe = env!("CARGO_BIN_EXE_grace-cli");
    let text = text.replace(
        "$SIM",
        &format!("{exe} serve-sim --port $1 --model {MODEL} --latency-ms 20 --slots 4"),
    );
    ["/bin/sh", "-c", &text, "sh", "{port}"]
        .map(str::to_owned)
        .into()
}

impl Managed {
    /// The experiments that sample text on `rows` rows, and a server with this command.
    pub(crate) fn new(rows: usize, command: &[String]) -> Self {
        Self::with(rows, command, &json!({}))
    }

    /// The same with further keys of the section `server`.
    pub(crate) fn with(rows: usize, command: &[String], further: &Value) -> Self {
        let study = Study::new(rows);
        let marker = study.folder().display().to_string();
        let mut server =
            json!({ "command": command, "stop_grace": 2, "env": { "MARKER": marker } });
        let keys = server.as_object_mut().unwrap();
        keys.extend(further.as_object().unwrap().clone());
        // JSON is YAML.
        let models =
            json!({ "models": { "tiny": { "huggingface_name": MODEL, "server": server } } });
        study.write("models.yaml", &models.to_string());
        Self { study, marker }
    }

    /// `replicate` of replication 0, on a server of its own.
    pub(crate) fn replicate(&self) -> Grace {
        self.study
            .command(&self.study.results())
            .args(["--replication", "0"])
    }

    /// Starts it and waits until it has some answers.
    #[track_caller]
    pub(crate) fn in_the_midst(&self, args: &[&str]) -> Running {
        let mut running = self.replicate().args(args).start();
        self.wait_for_lines(&mut running, 10);
        running
    }

    #[track_caller]
    pub(crate) fn wait_for_lines(&self, running: &mut Running, lines: usize) {
        while lines_so_far(&self.study.replication(0)) < lines {
            assert!(!running.has_ended(), "ended before {lines} answers");
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// The ids of the server's processes, and of its guard, whose command lines hold `part`.
    pub(crate) fn processes(&self, part: &str) -> Vec<u32> {
        let mut found = Vec::new();
        for entry in fs::read_dir("/proc").unwrap().flatten() {
            let id = entry
                .file_name()
                .to_str()
                .and_then(|name| name.parse().ok());
            let (Some(id), true) = (id, self.is_ours(&entry.path())) else {
                continue;
            };
            let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
            let line = String::from_utf8_lossy(&line).replace('\0', " ");
            if line.contains(part) {
                found.push(id);
            }
        }
        found
    }

    fn is_ours(&self, process: &Path) -> bool {
        // One that has ended, or is another user's, cannot be read.
        let environment = fs::read(process.join("environ")).unwrap_or_default();
        let marker = format!("MARKER={}", self.marker);
        environment
            .split(|byte| *byte == 0)
            .any(|variable| variable == marker.as_bytes())
    }

    /// Waits until a process with this in its command line is there.
    #[track_caller]
    pub(crate) fn wait_for(&self, part: &str) -> u32 {
        let started = Instant::now();
        loop {
            if let Some(id) = self.processes(part).first() {
                return *id;
            }
            assert!(started.elapsed() < LONG, "no process `{part}` came");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// The simulated server itself, once there is one.
    #[track_caller]
    pub(crate) fn server(&self) -> u32 {
        self.server_after(0)
    }

    /// The server that took the place of `earlier`, once there is one.
    #[track_caller]
    pub(crate) fn server_after(&self, earlier: u32) -> u32 {
        let started = Instant::now();
        loop {
            let mut servers =
                self.processes(&format!("{} serve-sim ", env!("CARGO_BIN_EXE_grace-cli")));
            servers.retain(|id| *id != earlier);
            let guards = self.processes("guard-server");
            servers.retain(|id| !guards.contains(id));
            if let [server] = servers[..] {
                return server;
            }
            assert!(started.elapsed() < LONG, "{servers:?}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Checks that soon no process of the server is left.
    #[track_caller]
    pub(crate) fn leaves_nothing(&self) {
        let started = Instant::now();
        while !self.processes("").is_empty() {
            assert!(
                started.elapsed() < LONG,
                "{:?} are left",
                self.processes("")
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Checks that at this moment no process of the server is left.
    #[track_caller]
    pub(crate) fn has_left_nothing(&self) {
        assert_eq!(self.processes(""), Vec::<u32>::new());
    }

    /// All that servers printed.
    pub(crate) fn log(&self) -> String {
        let attempts = crate::folder::attempts(&self.study.replication(0));
        let logs = attempts
            .iter()
            .map(|attempt| fs::read_to_string(attempt.join("server.log")));
        logs.map(Result::unwrap_or_default).collect()
    }
}

impl Drop for Managed {
    fn drop(&mut self) {
        for id in self.processes("") {
            signal(id, "KILL");
        }
    }
}

/// Sends a signal to a process, which may be gone.
pub(crate) fn signal(id: u32, name: &str) {
    let script = format!("kill -{name} {id}");
    let _ = Command::new("sh").args(["-c", &script]).status().unwrap();
}
