//! grace's image as an OCI archive, without Docker: the pod's program as the only file of the only layer.

mod binary;
mod oci;
mod tar;

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::command::root;

/// Arguments of `image`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The archive to write [default: `grace-image.tar` in the build folder]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// The tag in the archive [default: the version of grace-cli]
    #[arg(long)]
    tag: Option<String>,
    /// Features of grace-cli to build in, which pods do not need: `sim` for `cargo xtask e2e-cluster`
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    features: Vec<String>,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let program = binary::build(&args.features)?;
    let linkage = binary::check_linkage(&program)?;
    let bytes = fs::read(&program).with_context(|| program.display().to_string())?;
    binary::check_size(bytes.len())?;
    binary::try_in_empty_root(&program)?;
    let tag = match &args.tag {
        Some(tag) => tag.clone(),
        None => version()?,
    };
    let out = match &args.out {
        Some(out) => out.clone(),
        None => crate::command::target_folder()?.join("grace-image.tar"),
    };
    let archive = oci::archive(&bytes, &tag);
    fs::write(&out, &archive).with_context(|| out.display().to_string())?;
    println!(
        "{}: {linkage}, {:.1} MB",
        program.display(),
        bytes.len() as f64 / 1e6
    );
    println!("it runs in an empty root folder, and installs itself there");
    println!(
        "{}: OCI archive, tag {tag}, {:.1} MB",
        out.display(),
        archive.len() as f64 / 1e6
    );
    Ok(())
}

/// The version of grace-cli.
fn version() -> Result<String> {
    let manifest = root().join("crates/grace-cli/Cargo.toml");
    let text = fs::read_to_string(&manifest).with_context(|| manifest.display().to_string())?;
    let line = text.lines().find(|line| line.starts_with("version"));
    let version = line.and_then(|line| line.split('"').nth(1));
    version
        .map(str::to_owned)
        .with_context(|| format!("{} names no version", manifest.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dockerfile_makes_the_same() {
        let read = |path: &str| fs::read_to_string(root().join(path)).unwrap();
        let dockerfile = read("Dockerfile");
        let workspace = read("Cargo.toml");
        let line = workspace
            .lines()
            .find(|line| line.starts_with("rust-version"))
            .unwrap();
        let rust = line.split('"').nth(1).unwrap();
        for part in [
            format!("FROM rust:{rust}."),
            String::from("FROM scratch"),
            format!("USER {}", oci::USER),
            format!("ENTRYPOINT [\"/{}\"]", oci::PROGRAM),
            binary::RUSTFLAGS.to_owned(),
            String::from("--no-default-features"),
        ] {
            assert!(dockerfile.contains(&part), "{part}");
        }
    }
}
