//! `install-self`: brings the program into a folder, without a shell.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::exit::{COMPLETE, Failure, TRY_AGAIN};
use crate::output;

/// The program's name in the folder.
const NAME: &str = "grace-cli";

pub(crate) fn run(folder: &Path) -> Result<u8, Failure> {
    let target = folder.join(NAME);
    install(folder, &target).map_err(|error| {
        let message = format!("{} cannot be made: {error}", target.display());
        Failure::new(TRY_AGAIN, anyhow::Error::msg(message))
    })?;
    output::line(target.display().to_string())?;
    Ok(COMPLETE)
}

/// Copies the running program; whoever looks sees all of it or nothing.
fn install(folder: &Path, target: &Path) -> io::Result<()> {
    let program = running()?;
    fs::create_dir_all(folder)?;
    let partial = folder.join(format!(".{NAME}.partial"));
    fs::copy(program, &partial)?;
    fs::set_permissions(&partial, Permissions::from_mode(0o755))?;
    File::open(&partial)?.sync_all()?;
    fs::rename(&partial, target)
}

/// The program that runs: by `/proc`, else by how it was called, as a root folder may have no `/proc`.
fn running() -> io::Result<PathBuf> {
    let called = || {
        std::env::args_os()
            .next()
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    std::env::current_exe().or_else(|error| called().ok_or(error))
}
