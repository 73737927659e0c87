//! The pod's program, linked statically, and the proof that it needs nothing around it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::command::{self, cargo, output, target_folder};

/// Links the C library into the program; Debian's libc6-dev has the static one.
pub(super) const RUSTFLAGS: &str = "-C target-feature=+crt-static";
/// The size that the program must stay under, in MB (1,000,000 bytes): it is copied into each pod.
const MOST_MEGABYTES: f64 = 16.0;

/// Builds the program for the host's architecture; returns its path.
pub(super) fn build(features: &[String]) -> Result<PathBuf> {
    let target = host()?;
    let variable = format!(
        "CARGO_TARGET_{}_RUSTFLAGS",
        target.to_uppercase().replace('-', "_")
    );
    // With a target, flags are not for build scripts and procedural macros, which cannot be static.
    let mut build = cargo([
        "build",
        "--release",
        "--package=grace-cli",
        "--no-default-features",
        "--target",
        &target,
    ]);
    if !features.is_empty() {
        build.arg("--features").arg(features.join(","));
    }
    command::run(build.env(variable, RUSTFLAGS))?;
    Ok(target_folder()?
        .join(target)
        .join("release")
        .join("grace-cli"))
}

/// The target that rustc builds for by itself; the image is for Linux.
fn host() -> Result<String> {
    let version = output(Command::new("rustc").arg("-vV"))?;
    let host = version
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .context("`rustc -vV` names no host")?;
    ensure!(
        host.contains("-linux-"),
        "this machine is {host}, expected Linux; the Dockerfile builds anywhere"
    );
    Ok(host.to_owned())
}

/// The architecture as images name it.
pub(super) fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

/// Fails unless the program has neither an interpreter nor libraries; says what it is.
pub(super) fn check_linkage(program: &Path) -> Result<&'static str> {
    let shown = output(
        Command::new("readelf")
            .args(["--wide", "--program-headers", "--dynamic"])
            .arg(program),
    )
    .context("readelf is part of binutils")?;
    for word in ["INTERP", "(NEEDED)"] {
        if let Some(line) = shown.lines().find(|line| line.contains(word)) {
            bail!("{} is not static: {}", program.display(), line.trim());
        }
    }
    Ok("static, no interpreter, no libraries")
}

pub(super) fn check_size(bytes: usize) -> Result<()> {
    let megabytes = bytes as f64 / 1e6;
    ensure!(
        megabytes < MOST_MEGABYTES,
        "the program has {megabytes:.1} MB, it must stay under {MOST_MEGABYTES} MB"
    );
    Ok(())
}

/// Runs the program in a root folder that holds nothing else: `--version`, and installing itself as an init container does.
pub(super) fn try_in_empty_root(program: &Path) -> Result<()> {
    let root = std::env::temp_dir().join(format!("grace-image-{}", std::process::id()));
    fs::create_dir_all(&root).with_context(|| root.display().to_string())?;
    let tried = try_in(&root, program);
    fs::remove_dir_all(&root).with_context(|| root.display().to_string())?;
    tried
}

fn try_in(root: &Path, program: &Path) -> Result<()> {
    fs::copy(program, root.join("grace-cli")).with_context(|| root.display().to_string())?;
    for (words, expected) in [
        (["/grace-cli", "--version"].as_slice(), "grace-cli "),
        (
            &["/grace-cli", "install-self", "/grace"],
            "/grace/grace-cli",
        ),
        (&["/grace/grace-cli", "--version"], "grace-cli "),
        (
            &["/grace/grace-cli", "seeds", "--replications", "1"],
            "study1_exp1",
        ),
    ] {
        let said = output(enter(root).args(words)).with_context(|| {
            format!("`{}` does not run in an empty root folder", words.join(" "))
        })?;
        ensure!(
            said.contains(expected),
            "`{}` said `{}`, expected `{expected}`",
            words.join(" "),
            said.trim()
        );
    }
    Ok(())
}

/// A command that enters `root`: only root may, or a user in a namespace of its own.
fn enter(root: &Path) -> Command {
    let is_root = output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0");
    let mut command = if is_root {
        Command::new("chroot")
    } else {
        let mut unshare = Command::new("unshare");
        unshare.args(["--map-root-user", "chroot"]);
        unshare
    };
    command.arg(root);
    command
}
