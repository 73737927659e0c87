//! The binary that runs in pods: small enough to be copied into each of them.

use std::fs;

use anyhow::{Context, Result, ensure};

use crate::command::{self, cargo, target_folder};

/// Arguments of `pod-size`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The size that the binary must stay under, in MB (1,000,000 bytes)
    #[arg(long, value_name = "MB", default_value_t = 15.0)]
    limit: f64,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    command::run(&mut cargo([
        "build",
        "--release",
        "--package=grace-cli",
        "--no-default-features",
    ]))?;
    let binary = target_folder()?.join("release").join("grace-cli");
    let bytes = fs::metadata(&binary)
        .with_context(|| format!("{} is not there after the build", binary.display()))?
        .len();
    let megabytes = bytes as f64 / 1e6;
    println!(
        "{}: {megabytes:.1} MB, limit {} MB",
        binary.display(),
        args.limit
    );
    ensure!(
        megabytes < args.limit,
        "the pod's binary has {megabytes:.1} MB, it must stay under {} MB; see what grew with `cargo bloat --release --crates`",
        args.limit
    );
    Ok(())
}
