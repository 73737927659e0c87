//! The real `grace-cli`, run as a user runs it.

use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::json;

use super::install::Installed;
use super::results::Replication;
use super::server::{SCRIPT, tail};

/// The name under which the model is served.
pub(super) const SERVED: &str = "gemma-3-270m";

/// The models of the configuration: the same weights behind a server with one slot, and with four.
pub(super) const ONE_SLOT: &str = "gemma-3-270m";
pub(super) const FOUR_SLOTS: &str = "gemma-3-270m-four-slots";

/// The experiments, and the file of stimuli of each; those that sample text come first.
pub(super) const EXPERIMENTS: [(&str, &str); 4] = [
    ("study1_exp1", "study1.csv"),
    ("study2_exp1", "study2.csv"),
    ("study1_exp2", "study1.csv"),
    ("study2_exp2", "study2.csv"),
];

/// A server that grace starts and stops.
fn models_yaml(installed: &Installed, script: &Path) -> String {
    let model = |key: &str, slots: u32| {
        let command = json!([
            installed.python,
            script,
            "0",
            "{port}",
            installed.gguf,
            SERVED,
            slots.to_string()
        ]);
        format!(
            "  {key}:\n    huggingface_name: google/gemma-3-270m\n    served_name: {SERVED}\n    bos: true\n    \
             server: {{ready_timeout: 300, stop_grace: 5, command: {command}}}\n"
        )
    };
    format!("models:\n{}{}", model(ONE_SLOT, 1), model(FOUR_SLOTS, 4))
}

const GUARD: &str = include_str!("guard.py");

/// The program and its folders.
#[derive(Debug)]
pub(super) struct Grace {
    program: PathBuf,
    python: PathBuf,
    script: PathBuf,
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
        installed: &Installed,
        work: &Path,
        stimuli: PathBuf,
        limit: u32,
    ) -> Result<Self> {
        let (config, script) = (work.join("config"), work.join("serve.py"));
        fs::create_dir_all(&config).with_context(|| config.display().to_string())?;
        fs::write(&script, SCRIPT).context("serve.py")?;
        let models = models_yaml(installed, &script);
        fs::write(config.join("models.yaml"), models).context("models.yaml")?;
        Ok(Self {
            program,
            python: installed.python.clone(),
            script,
            config,
            results: work.join("results"),
            log: work.join("grace-cli.log"),
            stimuli,
            limit,
        })
    }

    /// The folder of replication 0 of a model.
    pub(super) fn replication(&self, model: &str) -> Replication {
        Replication::at(self.results.join(model).join("replication-0"))
    }

    /// Whether any process runs the script that serves models for grace.
    pub(super) fn serves(&self) -> bool {
        let wanted = self.script.as_os_str().as_encoded_bytes();
        let Ok(processes) = fs::read_dir("/proc") else {
            return false;
        };
        let mut lines = processes
            .flatten()
            .filter_map(|process| fs::read(process.path().join("cmdline")).ok());
        lines.any(|line| line.split(|&byte| byte == 0).any(|word| word == wanted))
    }

    /// Starts `replicate` of replication 0.
    pub(super) fn start_replicate(&self, model: &str) -> Result<Child> {
        let mut command = self.command();
        command.args(["replicate", "--model", model, "--config"]);
        command.arg(&self.config);
        command.arg("--stimuli").arg(&self.stimuli);
        command.arg("--results").arg(&self.results);
        command.args(["--replication", "0", "--limit", &self.limit.to_string()]);
        // Whether so small a model can be understood is not what is tested.
        command.args(["--fail-on-error", "1", "--max-connections", "4"]);
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
