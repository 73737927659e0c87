//! Golden manifests: what the lab's configuration becomes.

use anyhow::Result;

use crate::command::{self, cargo, root};

/// Arguments of `gen-manifests`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Replications of each model
    #[arg(default_value_t = 5)]
    replications: u32,
    /// Replications of a model at the same time
    #[arg(default_value_t = 2)]
    parallelism: u32,
    /// Only compare; write nothing
    #[arg(long)]
    check: bool,
}

/// Writes or compares `testdata/golden/k8s/NxP`, from which tests take N and P. The program itself refuses manifests that it
/// did not make, removes those that it does not make any more, and tells differences.
pub(crate) fn run(args: &Args) -> Result<()> {
    let (replications, parallelism) = (args.replications.to_string(), args.parallelism.to_string());
    let folder = root().join(format!("testdata/golden/k8s/{replications}x{parallelism}"));
    let mut program = cargo([
        "run",
        "--quiet",
        "--package=grace-cli",
        "--",
        "gen-manifests",
    ]);
    program
        .args([
            "--replications",
            &replications,
            "--parallelism",
            &parallelism,
            "--out",
        ])
        .arg(folder);
    if args.check {
        program.arg("--check");
    }
    command::run(&mut program)
}
