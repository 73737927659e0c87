//! The real `grace-cli`, run as a user runs it.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::results::Replication;
use super::server::{Server, tail};

const GUARD: &str = include_str!("guard.py");
/// Time between SIGTERM and SIGKILL for servers that this process starts.
const STOP_GRACE_MS: &str = "10000";

/// What a run is made of.
#[derive(Debug)]
pub(crate) struct Settings<'a> {
    /// The binary to test.
    pub(crate) program: &'a Path,
    /// Any Python 3.
    pub(crate) python: &'a Path,
    /// The folder for all that is written.
    pub(crate) work: PathBuf,
    pub(crate) stimuli: &'a Path,
    /// The content of models.yaml. Its servers are told their port by `--port`.
    pub(crate) models_yaml: String,
    /// The rows of each study.
    pub(crate) limit: u32,
    /// The method by which options are scored.
    pub(crate) method: &'a str,
    /// Further arguments of `replicate`.
    pub(crate) replicate_args: Vec<String>,
    /// A folder of programs to be found, before those of the user.
    pub(crate) bin: Option<&'a Path>,
    /// Variables of servers that this process starts; models.yaml has them for those of grace.
    pub(crate) server_env: &'a [(&'a str, &'a str)],
}

/// The program and its folders.
#[derive(Debug)]
pub(crate) struct Grace<'a> {
    settings: Settings<'a>,
    config: PathBuf,
    results: PathBuf,
    log: PathBuf,
}

impl<'a> Grace<'a> {
    /// Writes the configuration into the folder of work.
    pub(crate) fn new(settings: Settings<'a>) -> Result<Self> {
        let work = &settings.work;
        let config = work.join("config");
        fs::create_dir_all(&config).with_context(|| config.display().to_string())?;
        fs::write(config.join("models.yaml"), &settings.models_yaml).context("models.yaml")?;
        Ok(Self {
            config,
            results: work.join("results"),
            log: work.join("grace-cli.log"),
            settings,
        })
    }

    pub(super) fn settings(&self) -> &Settings<'a> {
        &self.settings
    }

    /// The folder of replication 0 of a model.
    pub(crate) fn replication(&self, model: &str) -> Replication {
        Replication::at(self.results.join(model).join("replication-0"))
    }

    /// Whether any process but this one has a file of the folder of work open: grace a journal, a server its log, which
    /// all its processes inherit, whatever they call themselves.
    pub(super) fn runs(&self) -> bool {
        let Ok(processes) = fs::read_dir("/proc") else {
            return false;
        };
        let this = std::process::id().to_string();
        let others = processes.flatten().filter(|one| *one.file_name() != *this);
        let files = others.filter_map(|process| fs::read_dir(process.path().join("fd")).ok());
        let mut targets = files.flat_map(|files| {
            let files = files.flatten();
            files.filter_map(|file| fs::read_link(file.path()).ok())
        });
        targets.any(|target| target.starts_with(&self.settings.work))
    }

    /// Starts `replicate` of replication 0.
    pub(super) fn start_replicate(&self, model: &str) -> Result<Child> {
        let mut command = self.command();
        command.args(["replicate", "--model", model, "--config"]);
        command.arg(&self.config);
        command.arg("--stimuli").arg(self.settings.stimuli);
        command.arg("--results").arg(&self.results);
        let limit = self.settings.limit.to_string();
        command.args(["--replication", "0", "--limit", &limit]);
        // Whether so small a model can be understood is not what is tested.
        command.args(["--fail-on-error", "1"]);
        command.args(&self.settings.replicate_args);
        let log = self.log()?;
        command
            .stdout(log.try_clone().context("grace-cli.log")?)
            .stderr(log);
        command.spawn().context("grace-cli could not be started")
    }

    /// Runs `replicate` to its end, which must be exit code 0.
    pub(super) fn replicate(&self, model: &str) -> Result<()> {
        let status = self.start_replicate(model)?.wait();
        let status = status.context("grace-cli could not be waited for")?;
        self.expect_success("replicate", status)
    }

    /// Runs `verify` over all results, which must find no fault.
    pub(super) fn verify(&self) -> Result<()> {
        let mut command = self.command();
        command.arg("verify").arg(&self.results);
        command.args(["--min-parse-rate", "0"]);
        let log = self.log()?;
        command
            .stdout(log.try_clone().context("grace-cli.log")?)
            .stderr(log);
        let status = command.status().context("grace-cli could not be started")?;
        self.expect_success("verify", status)
    }

    /// Replays trials; what it says as JSON.
    pub(super) fn replay(
        &self,
        replication: &Replication,
        experiment: &str,
        trials: &[u64],
        url: &str,
    ) -> Result<Value> {
        let mut command = self.command();
        command.arg("replay").arg(replication.folder());
        command.args(["--experiment", experiment, "--output", "json"]);
        command.args(["--base-url", &format!("{url}/v1")]);
        for trial in trials {
            command.args(["--trial", &trial.to_string()]);
        }
        let done = command.stderr(self.log()?).output();
        let done = done.context("grace-cli could not be started")?;
        self.expect_success("replay", done.status)?;
        serde_json::from_slice(&done.stdout)
            .context("`grace-cli replay --output json` printed no JSON")
    }

    /// Starts the server of a replication again, by the command on record but at a free port. grace's own guard, which
    /// ends it with this process, stands between.
    pub(crate) fn serve(&self, model: &str) -> Result<Server> {
        let metadata = self.replication(model).metadata()?;
        let configuration = &metadata["configuration"];
        let free = TcpListener::bind("127.0.0.1:0").context("a free port")?;
        let port = free.local_addr().context("a free port")?.port();
        drop(free);
        let recorded = at_port(&configuration["server"]["command"], port)?;
        let served = configuration["served_name"]
            .as_str()
            .context("no served_name")?;
        // No guard of the guard: killed, it could not end the server.
        let mut guard = self.at_home(Command::new(self.settings.program));
        guard.args(["guard-server", "--stop-grace-ms", STOP_GRACE_MS, "--"]);
        guard.args(recorded);
        guard.envs(self.settings.server_env.iter().copied());
        Server::start(guard, port, served, &self.settings.work.join("server.log"))
    }

    /// The program under a guard that kills it should this process be killed.
    fn command(&self) -> Command {
        let mut command = Command::new(self.settings.python);
        command
            .args(["-c", GUARD])
            .arg(std::process::id().to_string());
        command.arg(self.settings.program).stdin(Stdio::null());
        self.at_home(command)
    }

    /// The command with the variables of the test alone: what a developer has set must not reach it.
    fn at_home(&self, mut command: Command) -> Command {
        if let Some(path) = self.path() {
            command.env("PATH", path);
        }
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            let ours = [
                "GRACE_",
                "OPENAI_",
                "JOB_COMPLETION_INDEX",
                "POD_",
                "NODE_NAME",
            ];
            if ours.iter().any(|start| text.starts_with(start)) {
                command.env_remove(&name);
            }
        }
        command
    }

    /// The user's path with the folder of programs before it, so that `vllm` is found as users have it found.
    fn path(&self) -> Option<OsString> {
        let first = self.settings.bin?.to_owned();
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::iter::once(first).chain(std::env::split_paths(&path));
        std::env::join_paths(folders).ok()
    }

    fn log(&self) -> Result<File> {
        let mut options = OpenOptions::new();
        let log = options.create(true).append(true).open(&self.log);
        log.with_context(|| self.log.display().to_string())
    }

    /// The end of the log.
    pub(super) fn last_words(&self) -> String {
        format!("its log ends with:\n{}", tail(&self.log))
    }

    fn expect_success(&self, what: &str, status: ExitStatus) -> Result<()> {
        if !status.success() {
            bail!(
                "`grace-cli {what}` ended with {status}; {}",
                self.last_words()
            );
        }
        Ok(())
    }
}

/// A recorded command with another port behind its `--port`.
fn at_port(recorded: &Value, port: u16) -> Result<Vec<String>> {
    let words = recorded.as_array().into_iter().flatten();
    let mut words: Vec<String> = words
        .filter_map(|word| word.as_str().map(str::to_owned))
        .collect();
    let place = words.iter().position(|word| word == "--port");
    let place = place.and_then(|place| words.get_mut(place + 1));
    *place.with_context(|| format!("no `--port` in the recorded command {recorded}"))? =
        port.to_string();
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_recorded_command_is_run_at_another_port() {
        let command = at_port(&json!(["vllm", "--port", "1", "--max-num-seqs", "1"]), 7);
        assert_eq!(
            command.unwrap(),
            ["vllm", "--port", "7", "--max-num-seqs", "1"]
        );
        assert!(at_port(&json!(["vllm", "--port"]), 7).is_err());
        assert!(at_port(&Value::Null, 7).is_err());
    }
}
