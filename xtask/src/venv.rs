//! Python packages in the cache folder.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::command::output;

/// The folder that outlives builds: `grace` in the user's cache folder.
pub(crate) fn cache() -> Result<PathBuf> {
    let folder = std::env::var_os("XDG_CACHE_HOME")
        .filter(|folder| !folder.is_empty())
        .map(PathBuf::from);
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    let cache = folder
        .or_else(home)
        .context("neither XDG_CACHE_HOME nor HOME is set")?;
    Ok(cache.join("grace"))
}

/// The `bin` folder of the virtual environment `name` with `packages`, installed if they are not there yet. Two
/// processes at once take turns.
pub(crate) fn ensure(name: &str, packages: &[&str]) -> Result<PathBuf> {
    let cache = cache()?;
    fs::create_dir_all(&cache).with_context(|| cache.display().to_string())?;
    let lock =
        File::create(cache.join(format!("{name}.lock"))).context("the lock of the cache folder")?;
    lock.lock().context("the lock of the cache folder")?;
    let venv = cache.join(name);
    let bin = venv.join("bin");
    // Written last, so that an installation that was interrupted is done again.
    let stamp = venv.join("installed.txt");
    let wanted = packages.join("\n");
    if fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
        return Ok(bin);
    }
    println!(
        "installing {} into {}",
        packages.join(" and "),
        venv.display()
    );
    output(
        Command::new("python3")
            .args(["-m", "venv", "--clear"])
            .arg(&venv),
    )
    .context("`python3 -m venv` does not work; on Debian: `apt-get install python3-venv`")?;
    let pip = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ];
    output(Command::new(bin.join("python")).args(pip).args(packages))?;
    fs::write(&stamp, wanted).with_context(|| stamp.display().to_string())?;
    Ok(bin)
}

/// A program of the environment.
pub(crate) fn program(bin: &Path, name: &str) -> Command {
    Command::new(bin.join(name))
}
