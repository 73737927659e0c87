//! The steps on llama.cpp: with one slot killed, resumed and replayed, with four run through.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::json;

use super::install::Installed;
use super::scores::{self, Compared};
use crate::e2e::{self, EXPERIMENTS, Grace, Settings, step};

const SCRIPT: &str = include_str!("serve.py");
/// The name under which the model is served.
const SERVED: &str = "gemma-3-270m";
/// The models of the configuration: the same weights behind a server with one slot, and with four.
const ONE_SLOT: &str = "gemma-3-270m";
const FOUR_SLOTS: &str = "gemma-3-270m-four-slots";
/// Scores whose tokens are read one by one.
const ONE_BY_ONE: usize = 2;
/// Trials of each experiment to replay: two would take twice as long and say the same.
const REPLAYED: usize = 1;

/// Plays all steps in the folder `work`; the first that does not hold is the error.
pub(super) fn play(
    program: &Path,
    installed: &Installed,
    work: &Path,
    stimuli: &Path,
    limit: u32,
) -> Result<()> {
    let script = work.join("serve.py");
    fs::write(&script, SCRIPT).with_context(|| script.display().to_string())?;
    let grace = Grace::new(Settings {
        program,
        python: &installed.python,
        work: work.to_owned(),
        stimuli,
        models_yaml: models_yaml(installed, &script),
        limit,
        method: "forced_tokens",
        replicate_args: ["--max-connections", "4"].map(str::to_owned).into(),
        bin: None,
        server_env: &[],
    })?;
    println!("one slot:");
    e2e::kill_and_resume(&grace, ONE_SLOT)?;
    step("noise of repeated scores", || noise(&grace, ONE_SLOT, true))?;
    println!("four slots:");
    e2e::run_through(&grace, FOUR_SLOTS)?;
    step("noise of repeated scores", || {
        noise(&grace, FOUR_SLOTS, false)
    })?;
    println!("both:");
    e2e::verify(&grace)?;
    println!("one slot again:");
    e2e::ask_again(&grace, ONE_SLOT, REPLAYED, 0.0, |url| {
        step("forced tokens, read one by one", || one_by_one(&grace, url))
    })?;
    e2e::leave_alone(&grace, ONE_SLOT, 2)?;
    e2e::counts(&grace, &[ONE_SLOT, FOUR_SLOTS])
}

/// A server that grace starts and stops.
fn models_yaml(installed: &Installed, script: &Path) -> String {
    let model = |slots: u32| {
        let slots = slots.to_string();
        let command = json!([
            installed.python,
            script,
            installed.gguf,
            SERVED,
            slots,
            "--port",
            "{port}"
        ]);
        json!({
            "huggingface_name": "google/gemma-3-270m", "served_name": SERVED, "bos": true,
            "server": { "ready_timeout": 300, "stop_grace": 5, "command": command },
        })
    };
    // JSON is YAML.
    json!({ "models": { ONE_SLOT: model(1), FOUR_SLOTS: model(4) } }).to_string()
}

/// One slot computes every request in the same way; several do not, and the noise floor must show it.
fn noise(grace: &Grace<'_>, model: &str, exact: bool) -> Result<String> {
    let (alone, loaded) = e2e::noise(&grace.replication(model).metadata()?)?;
    ensure!(
        if exact {
            alone == 0.0 && loaded == 0.0
        } else {
            loaded > 0.0
        },
        "{alone} nat alone and {loaded} under load"
    );
    Ok(format!("{alone} nat alone, {loaded} nat under load"))
}

fn one_by_one(grace: &Grace<'_>, url: &str) -> Result<String> {
    let mut all = Compared::default();
    let mut lines = grace.replication(ONE_SLOT).journal(EXPERIMENTS[3].0)?;
    lines.truncate(ONE_BY_ONE);
    for line in &lines {
        let compared = scores::one_by_one(line, url)?;
        all.tokens += compared.tokens;
        all.largest_nat = all.largest_nat.max(compared.largest_nat);
    }
    ensure!(all.tokens > 0, "no score to compare");
    Ok(format!(
        "{} tokens of {} prompts, within {:.4} nat",
        all.tokens,
        lines.len(),
        all.largest_nat
    ))
}
