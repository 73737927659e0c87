//! The real `grace-cli`, run as a user runs it.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::config::{PARALLELISM, REPLICATIONS};
use crate::e2e::tail;

/// The program, its configuration and its log.
#[derive(Debug)]
pub(super) struct Grace {
    program: PathBuf,
    work: PathBuf,
    context: Option<String>,
}

/// A process that does not outlive its handle.
#[derive(Debug)]
pub(super) struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Running {
    /// Its exit code, if it has ended.
    pub(super) fn ended(&mut self) -> Result<Option<i32>> {
        let status = self.0.try_wait().context("grace-cli launch")?;
        Ok(status.map(|status| status.code().unwrap_or(-1)))
    }
}

impl Grace {
    pub(super) fn new(program: PathBuf, work: &Path, context: Option<String>) -> Self {
        Self {
            program,
            work: work.to_owned(),
            context,
        }
    }

    /// A folder for results here.
    pub(super) fn folder(&self, name: &str) -> PathBuf {
        self.work.join(name)
    }

    /// `launch`, with whatever it says in the log.
    pub(super) fn start_launch(&self) -> Result<Running> {
        let mut command = self.launch();
        let log = self.log()?;
        command.stdout(log.try_clone().context("grace-cli.log")?);
        let child = command.stderr(log).spawn();
        Ok(Running(child.context("grace-cli could not be started")?))
    }

    /// `launch` to its end: the JSON it printed.
    pub(super) fn launch_again(&self) -> Result<Value> {
        let mut command = self.launch();
        self.json(command.args(["--output", "json"]))
    }

    fn launch(&self) -> Command {
        let mut command = self.on_cluster("launch");
        command.args(["--replications", &REPLICATIONS.to_string()]);
        command.args(["--parallelism", &PARALLELISM.to_string()]);
        command.args(["--policy", "none", "--start-deadline", "10m"]);
        command
    }

    /// `status`, as JSON.
    pub(super) fn status(&self) -> Result<Value> {
        self.json(self.on_cluster("status").args(["--output", "json"]))
    }

    /// A command that must end with 0.
    pub(super) fn must(&self, command: &str, args: &[&str]) -> Result<Output> {
        self.ends_well(self.on_cluster(command).args(args))
    }

    /// `doctor` with a pod of its own if need be, as JSON.
    pub(super) fn doctor_with_pod(&self) -> Result<Value> {
        let mut command = self.on_cluster("doctor");
        self.json(command.args(["--measure-storage", "--output", "json"]))
    }

    /// `collect` into a folder.
    pub(super) fn collect(&self, folder: &Path) -> Result<Output> {
        self.ends_well(self.on_cluster("collect").arg("--out").arg(folder))
    }

    /// `verify` of a folder, which must hold all replications.
    pub(super) fn verify(&self, folder: &Path) -> Result<Output> {
        let mut command = self.command("verify");
        command.arg(folder);
        self.ends_well(command.args(["--replications", &REPLICATIONS.to_string()]))
    }

    fn json(&self, command: &mut Command) -> Result<Value> {
        let done = self.ends_well(command)?;
        serde_json::from_slice(&done.stdout).context("`--output json` printed no JSON")
    }

    fn ends_well(&self, command: &mut Command) -> Result<Output> {
        let done = command.stderr(self.log()?).output();
        let done = done.context("grace-cli could not be started")?;
        ensure!(
            done.status.success(),
            "`{}` ended with {}\n{}{}",
            crate::command::shown(command),
            done.status,
            String::from_utf8_lossy(&done.stdout),
            self.last_words()
        );
        Ok(done)
    }

    fn on_cluster(&self, name: &str) -> Command {
        let mut command = self.command(name);
        command.arg("--config").arg(self.work.join("config"));
        if let Some(context) = &self.context {
            command.args(["--context", context]);
        }
        command
    }

    fn command(&self, name: &str) -> Command {
        let mut command = Command::new(&self.program);
        command.arg(name).stdin(Stdio::null());
        // What a developer has set must not reach the test.
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("GRACE_") {
                command.env_remove(&name);
            }
        }
        command
    }

    fn log(&self) -> Result<File> {
        let path = self.work.join("grace-cli.log");
        let log = OpenOptions::new().create(true).append(true).open(&path);
        log.with_context(|| path.display().to_string())
    }

    /// The end of the log.
    pub(super) fn last_words(&self) -> String {
        let log = self.work.join("grace-cli.log");
        format!("its log ends with:\n{}", tail(&log))
    }
}
