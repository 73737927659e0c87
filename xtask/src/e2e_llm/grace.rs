//! The real `grace-cli`, run as a user runs it.

use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::results::Replication;
use super::server::tail;

/// The model's key, and the name under which it is served.
pub(super) const MODEL_KEY: &str = "gemma-3-270m";

/// The experiments that `replicate` runs, and the file of stimuli of each.
pub(super) const EXPERIMENTS: [(&str, &str); 2] =
    [("study1_exp1", "study1.csv"), ("study2_exp1", "study2.csv")];

const MODELS_YAML: &str = "\
models:
  gemma-3-270m:
    huggingface_name: google/gemma-3-270m
    served_name: gemma-3-270m
    api: completions
";

const GUARD: &str = include_str!("guard.py");

/// The program and its folders.
#[derive(Debug)]
pub(super) struct Grace {
    program: PathBuf,
    python: PathBuf,
    config: PathBuf,
    results: PathBuf,
    log: PathBuf,
    pub(super) stimuli: PathBuf,
    pub(super) limit: u32,
}

impl Grace {
    /// Writes the configuration into `work`.
    pub(super) fn new(
        program: PathBuf,
        python: PathBuf,
        work: &Path,
        stimuli: PathBuf,
        limit: u32,
    ) -> Result<Self> {
        let config = work.join("config");
        fs::create_dir_all(&config).with_context(|| config.display().to_string())?;
        fs::write(config.join("models.yaml"), MODELS_YAML).context("models.yaml")?;
        Ok(Self {
            program,
            python,
            config,
            results: work.join("results"),
            log: work.join("grace-cli.log"),
            stimuli,
            limit,
        })
    }

    /// The folder of a replication.
    pub(super) fn replication(&self, index: u32) -> Replication {
        let name = format!("replication-{index}");
        Replication::at(self.results.join(MODEL_KEY).join(name))
    }

    /// Starts `replicate`.
    pub(super) fn start_replicate(
        &self,
        index: u32,
        url: &str,
        timeout: Duration,
    ) -> Result<Child> {
        let mut command = self.command();
        command.args(["replicate", "--model", MODEL_KEY, "--config"]);
        command.arg(&self.config);
        command.arg("--stimuli").arg(&self.stimuli);
        command.arg("--results").arg(&self.results);
        command.args(["--replication", &index.to_string()]);
        command.args(["--base-url", &format!("{url}/v1")]);
        command.args(["--limit", &self.limit.to_string()]);
        // Whether so small a model can be understood is not what is tested.
        command.args(["--fail-on-error", "1", "--max-connections", "4"]);
        command.args(["--timeout", &timeout.as_secs().to_string()]);
        let log = self.log()?;
        command
            .stdout(log.try_clone().context("grace-cli.log")?)
            .stderr(log);
        command.spawn().context("grace-cli could not be started")
    }

    /// Runs `replicate` to its end, which must be exit code 0.
    pub(super) fn replicate(&self, index: u32, url: &str, timeout: Duration) -> Result<()> {
        let status = self.start_replicate(index, url, timeout)?.wait();
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
    ) -> Result<serde_json::Value> {
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

    /// The program under a guard that kills it should this process be killed.
    fn command(&self) -> Command {
        let mut command = Command::new(&self.python);
        command
            .args(["-c", GUARD])
            .arg(std::process::id().to_string());
        command.arg(&self.program).stdin(Stdio::null());
        // What a developer has set must not reach the test.
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
