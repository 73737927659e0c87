//! Programs that Debian has.

use std::process::{Command, Stdio};

use crate::command::output;

/// Whether `program` runs with these arguments.
pub(crate) fn runs(program: &str, args: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null());
    output(&mut command).is_ok()
}

/// Installs `packages` unless `there` holds already; whether it holds in the end. Needs `apt-get` and the right to use
/// it.
pub(crate) fn ensure(there: impl Fn() -> bool, packages: &[&str]) -> bool {
    if there() {
        return true;
    }
    println!("installing {}", packages.join(", "));
    let apt = |args: &[&str]| {
        let mut command = Command::new("apt-get");
        command.args(args).env("DEBIAN_FRONTEND", "noninteractive");
        output(&mut command)
    };
    let install = ["install", "--yes", "--no-install-recommends"];
    let install: Vec<&str> = install.iter().chain(packages).copied().collect();
    // Lists may be there already, and old ones may do.
    let updated = apt(&["update"]);
    if let Err(error) = apt(&install).and(updated) {
        println!("{error:#}");
    }
    there()
}
