//! Python packages in the cache folder.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, anyhow, ensure};

use crate::command::{self, output};

/// The folder that outlives builds: the one given, else `grace` in the user's cache folder.
pub(crate) fn cache(given: Option<&Path>) -> Result<PathBuf> {
    if let Some(cache) = given {
        return Ok(cache.to_owned());
    }
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    let base = variable("XDG_CACHE_HOME").map(PathBuf::from);
    let base = base.or_else(|| Some(PathBuf::from(variable("HOME")?).join(".cache")));
    let base = base.context("no cache folder: set GRACE_CACHE, XDG_CACHE_HOME or HOME")?;
    ensure!(
        base.is_absolute(),
        "the cache folder {} must be an absolute path",
        base.display()
    );
    Ok(base.join("grace"))
}

/// The `bin` folder of the virtual environment `name` with `packages`, installed if they are not there yet. Two
/// processes at once take turns.
pub(crate) fn ensure(name: &str, packages: &[&str]) -> Result<PathBuf> {
    let cache = cache(None)?;
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
    make_venv(&venv)?;
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

/// An empty virtual environment.
pub(crate) fn make_venv(venv: &Path) -> Result<()> {
    output(
        Command::new("python3")
            .args(["-m", "venv", "--clear"])
            .arg(venv),
    )
    .map(drop)
    .context("`python3 -m venv` does not work; on Debian: `apt-get install python3-venv`")
}

/// Installs a package from `PyPI`.
pub(crate) fn install(python: &Path, package: &str) -> Result<()> {
    let arguments = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        package,
    ];
    command::run(Command::new(python).args(arguments))
        .map_err(|error| anyhow!("the package `{package}` could not be had from PyPI: {error:#}"))
}

/// A program of the environment.
pub(crate) fn program(bin: &Path, name: &str) -> Command {
    Command::new(bin.join(name))
}
