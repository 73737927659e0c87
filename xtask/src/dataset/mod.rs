//! `dataset`: tables as others read them.
//!
//! Runs the demo, aggregates its results, and has pandas with pyarrow compare every value of the Parquet and CSV files
//! with what `pandas.json_normalize` makes of the records.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::command::{self, built, existing};
use crate::venv::{self, install, make_venv};

const CHECK: &str = include_str!("check.py");
const PACKAGES: [&str; 2] = ["pandas==3.1.1", "pyarrow==26.0.1"];

/// Arguments of `dataset`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Results to aggregate [default: those of the demo, 50 rows of each study]
    #[arg(long, value_name = "DIR")]
    results: Option<PathBuf>,
    /// The binary to test [default: `cargo build --release -p grace-cli`]
    #[arg(long, value_name = "PATH")]
    grace_cli: Option<PathBuf>,
    /// Cache folder [default: `grace` in `$XDG_CACHE_HOME` or `~/.cache`]
    #[arg(long, value_name = "DIR", env = "GRACE_CACHE")]
    cache: Option<PathBuf>,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let program = match &args.grace_cli {
        Some(path) => existing(path)?,
        None => built()?,
    };
    let python = python(args.cache.as_deref())?;
    let work = std::env::temp_dir().join(format!("grace-dataset-{}", std::process::id()));
    let results = match &args.results {
        Some(results) => existing(results)?,
        None => demo(&program, &work.join("demo"), 50)?,
    };
    let tables = work.join("dataset");
    command::output(
        Command::new(&program)
            .args(["aggregate", "--strict"])
            .arg(&results)
            .arg("--out")
            .arg(&tables),
    )?;
    command::run(
        Command::new(python)
            .args(["-c", CHECK])
            .arg(&results)
            .arg(&tables),
    )?;
    fs::remove_dir_all(&work).with_context(|| work.display().to_string())
}

/// Results of a small demo: so many rows of each study.
pub(crate) fn demo(program: &Path, folder: &Path, limit: u32) -> Result<PathBuf> {
    let mut demo = Command::new(program);
    demo.args(["demo", "--limit", &limit.to_string(), "--out"]);
    command::output(demo.arg(folder))?;
    Ok(folder.join("results"))
}

/// A Python with the packages, installed once.
pub(crate) fn python(folder: Option<&Path>) -> Result<PathBuf> {
    let venv = venv::cache(folder)?.join("venv-pandas");
    let python = venv.join("bin").join("python");
    let stamp = venv.join("installed.txt");
    let wanted = PACKAGES.join("\n");
    if fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
        return Ok(python);
    }
    make_venv(&venv)?;
    for package in PACKAGES {
        install(&python, package)?;
    }
    fs::write(&stamp, wanted).with_context(|| stamp.display().to_string())?;
    Ok(python)
}
