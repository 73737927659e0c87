//! One replication on vLLM, and its scores against transformers.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::json;

use super::install::Installed;
use crate::command::output;
use crate::e2e_llm::{Replication, checks, tail};

const REFERENCE: &str = include_str!("reference.py");
/// The most that two ways to one log-probability may differ by in float32.
const FLOAT32_NAT: f64 = 1e-3;
const EXPERIMENTS: [&str; 4] = ["study1_exp1", "study2_exp1", "study1_exp2", "study2_exp2"];

/// A replication to run.
#[derive(Debug)]
pub(super) struct Run<'a> {
    pub(super) program: &'a Path,
    pub(super) installed: &'a Installed,
    pub(super) stimuli: &'a Path,
    pub(super) work: PathBuf,
    pub(super) model: &'a str,
    pub(super) method: &'a str,
    pub(super) limit: u32,
}

/// How far recorded scores lie from a forward pass.
#[derive(Debug, Deserialize)]
pub(super) struct Compared {
    pub(super) prompts: u32,
    pub(super) options: u32,
    pub(super) tokens: u32,
    /// The largest difference of a token.
    pub(super) token_nat: f64,
    /// The largest difference of an option.
    pub(super) option_nat: f64,
}

impl Run<'_> {
    fn replication(&self) -> Replication {
        Replication::at(
            self.work
                .join("results")
                .join(self.model)
                .join("replication-0"),
        )
    }

    /// Runs all four experiments on a server that grace starts and stops; what it took.
    pub(super) fn replicate(&self) -> Result<String> {
        let config = self.work.join("config");
        fs::create_dir_all(&config).with_context(|| config.display().to_string())?;
        fs::write(config.join("models.yaml"), self.models_yaml()).context("models.yaml")?;
        let log = self.work.join("grace-cli.log");
        let file = File::create(&log).with_context(|| log.display().to_string())?;
        let mut command = Command::new(self.program);
        command.args([
            "replicate",
            "--model",
            self.model,
            "--replication",
            "0",
            "--config",
        ]);
        command.arg(&config).arg("--stimuli").arg(self.stimuli);
        command.arg("--results").arg(self.work.join("results"));
        command.args(["--limit", &self.limit.to_string(), "--scoring", self.method]);
        // Whether so small a model can be understood is not what is tested.
        command.args(["--fail-on-error", "1", "--max-connections", "8"]);
        command.stdout(file.try_clone()?).stderr(file);
        // `vllm` is looked for in the path, as users have it.
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders =
            std::iter::once(self.installed.bin.clone()).chain(std::env::split_paths(&path));
        command.env("PATH", std::env::join_paths(folders)?);
        let status = command.status().context("grace-cli could not be started")?;
        ensure!(
            status.success(),
            "replicate ended with {status}; its log ends with:\n{}",
            tail(&log)
        );
        self.check()
    }

    fn models_yaml(&self) -> String {
        let env = json!({
            "HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "VLLM_CPU_KVCACHE_SPACE": "1",
            "VLLM_CPU_OMP_THREADS_BIND": "nobind", "OMP_NUM_THREADS": "2",
        });
        // Chunks of one seeded prompt crash the generator of this CPU build.
        let extra = json!([
            "--enforce-eager",
            "--max-num-seqs",
            "64",
            "--no-enable-chunked-prefill",
            "--max-num-batched-tokens",
            "8192"
        ]);
        let path = self.installed.model(self.model);
        // JSON is YAML.
        json!({ "models": { self.model: {
            "huggingface_name": format!("lab/{}", self.model),
            "bos": true,
            "vllm": { "dtype": "float32", "max_model_len": 2048, "extra_args": extra },
            "server": { "model_path": path, "env": env, "ready_timeout": 900, "stop_grace": 30 },
        } } })
        .to_string()
    }

    fn check(&self) -> Result<String> {
        let replication = self.replication();
        let metadata = replication.metadata()?;
        ensure!(
            metadata["status"] == "complete",
            "its status is {}",
            metadata["status"]
        );
        let scoring = &metadata["probe"]["scoring"];
        ensure!(scoring["method"] == self.method, "scoring is {scoring}");
        for experiment in EXPERIMENTS {
            let records = replication.records(experiment)?;
            checks::complete_and_in_order(&records, usize::try_from(self.limit)?)?;
            let journal = replication.journal(experiment)?;
            checks::answered_once(&records, &journal)?;
            checks::seeds_as_recorded(&records, &journal)?;
        }
        output(
            Command::new(self.program)
                .arg("verify")
                .arg(replication.folder())
                .args(["--min-parse-rate", "0"]),
        )
        .context("verify")?;
        let noise = &scoring["noise_floor"];
        for (name, nats) in [
            ("chain rule", &scoring["chain_rule_nat"]),
            ("noise", &noise["loaded_nat"]),
        ] {
            let found = nats
                .as_f64()
                .with_context(|| format!("no {name} in {scoring}"))?;
            ensure!(
                found <= FLOAT32_NAT,
                "{name}: {found} nat, expected at most {FLOAT32_NAT} in float32"
            );
        }
        Ok(format!(
            "four experiments complete and verified, chain rule within {} nat, noise {} nat alone, {} under load",
            scoring["chain_rule_nat"], noise["alone_nat"], noise["loaded_nat"]
        ))
    }
}

/// Compares the options of `prompts` prompts with transformers: all of study 2, the rest of study 1.
pub(super) fn compare(run: &Run<'_>, prompts: u32) -> Result<Compared> {
    let replication = run.replication();
    let mut journals = replication.journal_paths(EXPERIMENTS[3])?;
    journals.extend(replication.journal_paths(EXPERIMENTS[2])?);
    let mut reference = Command::new(run.installed.python());
    reference.args(["-c", REFERENCE]);
    reference.arg(run.installed.model(run.model));
    reference.arg(prompts.to_string());
    reference.arg(replication.folder().join("metadata.json"));
    reference.args(journals);
    let said = output(&mut reference)?;
    let compared: Compared = serde_json::from_str(said.lines().last().unwrap_or_default())
        .context("the reference printed no JSON")?;
    ensure!(
        compared.prompts == prompts,
        "{} prompts were compared, expected {prompts}: a larger `--limit` gives more",
        compared.prompts
    );
    Ok(compared)
}
