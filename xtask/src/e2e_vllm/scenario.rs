//! The steps on vLLM, for one model and one method of scoring.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::install::Installed;
use super::reference;
use crate::e2e::{self, Grace, Settings, step};

/// The most that two ways to one log-probability may differ by in float32.
const FLOAT32_NAT: f64 = 1e-3;
/// Trials of each experiment to replay.
const REPLAYED: usize = 2;

/// One thread: two wait for each other by spinning, and with one every answer is the same to the last bit, alone and under load.
const ENV: [(&str, &str); 5] = [
    ("HF_HUB_OFFLINE", "1"),
    ("TRANSFORMERS_OFFLINE", "1"),
    ("VLLM_CPU_KVCACHE_SPACE", "1"),
    ("VLLM_CPU_OMP_THREADS_BIND", "nobind"),
    ("OMP_NUM_THREADS", "1"),
];

/// Arguments of vLLM. Chunks of one seeded prompt crash the generator of this CPU build.
const EXTRA: [&str; 6] = [
    "--enforce-eager",
    "--max-num-seqs",
    "64",
    "--no-enable-chunked-prefill",
    "--max-num-batched-tokens",
    "8192",
];

/// A query of Gemma's takes 15 s of arithmetic by prompt log-probabilities, and much longer where the machine is shared; a try
/// that is given up is computed in vain.
const REPLICATE: [&str; 6] = [
    "--max-connections",
    "4",
    "--request-timeout",
    "1800",
    "--timeout",
    "3600",
];

/// What is to be played.
#[derive(Debug)]
pub(super) struct Scenario<'a> {
    pub(super) program: &'a Path,
    pub(super) installed: &'a Installed,
    pub(super) stimuli: &'a Path,
    pub(super) work: PathBuf,
    pub(super) model: &'a str,
    pub(super) method: &'a str,
    pub(super) limit: u32,
    /// Prompts to compare with transformers.
    pub(super) prompts: u32,
}

impl Scenario<'_> {
    /// Plays all steps; the first that does not hold is the error.
    pub(super) fn play(&self) -> Result<()> {
        let (installed, model) = (self.installed, self.model);
        let python = installed.python();
        let grace = Grace::new(Settings {
            program: self.program,
            python: &python,
            work: self.work.clone(),
            stimuli: self.stimuli,
            models_yaml: self.models_yaml(),
            limit: self.limit,
            method: self.method,
            replicate_args: REPLICATE
                .iter()
                .chain(&["--scoring", self.method])
                .map(|&word| word.to_owned())
                .collect(),
            bin: Some(&installed.bin),
            server_env: &ENV,
        })?;
        println!("{model} by {}:", self.method);
        e2e::kill_and_resume(&grace, model)?;
        step("chain rule and noise", || {
            float32(&grace.replication(model).metadata()?)
        })?;
        e2e::verify(&grace)?;
        e2e::ask_again(
            &grace,
            model,
            REPLAYED,
            reference::TOLERANCE_NAT,
            |_| Ok(()),
        )?;
        e2e::leave_alone(&grace, model, 2)?;
        step("beside a forward pass", || {
            reference::compare(installed, model, &grace.replication(model), self.prompts)
        })?;
        e2e::counts(&grace, &[model])
    }

    fn models_yaml(&self) -> String {
        let env: serde_json::Map<String, Value> = ENV
            .iter()
            .map(|&(name, value)| (name.to_owned(), value.into()))
            .collect();
        let path = self.installed.model(self.model);
        // JSON is YAML.
        json!({ "models": { self.model: {
            "huggingface_name": format!("lab/{}", self.model),
            "bos": true,
            "vllm": { "dtype": "float32", "max_model_len": 2048, "extra_args": EXTRA },
            "server": { "model_path": path, "env": env, "ready_timeout": 900, "stop_grace": 30 },
        } } })
        .to_string()
    }
}

/// Two ways to one number differ by no more than float32 explains.
fn float32(metadata: &Value) -> Result<String> {
    let chain = metadata["probe"]["scoring"]["chain_rule_nat"]
        .as_f64()
        .context("no `chain_rule_nat` in metadata.json")?;
    let (alone, loaded) = e2e::noise(metadata)?;
    ensure!(
        [chain, alone, loaded]
            .iter()
            .all(|&nats| nats <= FLOAT32_NAT),
        "chain rule {chain} nat, noise {alone} nat alone, {loaded} under load: expected at most {FLOAT32_NAT} in float32"
    );
    Ok(format!(
        "within {chain} nat, noise {alone} nat alone, {loaded} under load"
    ))
}
