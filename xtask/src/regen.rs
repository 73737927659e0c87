//! Golden files: compared by tests named `golden_*`, written by one switch.

use anyhow::Result;

use crate::command::{self, cargo, root};

/// `expect-test` writes where it would fail if this is set.
const SWITCH: &str = "UPDATE_EXPECT";

/// Arguments of `regen`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only compare; write nothing
    #[arg(long)]
    check: bool,
}

fn run_tests(check: bool) -> Result<()> {
    let mut tests = cargo(["test", "--workspace", "golden_"]);
    if check {
        tests.env_remove(SWITCH);
    } else {
        tests.env(SWITCH, "1");
    }
    command::run(&mut tests)
}

pub(crate) fn run(args: &Args) -> Result<()> {
    run_tests(args.check)?;
    if args.check {
        println!("golden files are up to date");
        return Ok(());
    }
    // Files that are new are no part of a diff.
    let mut status = std::process::Command::new("git");
    command::run(
        status
            .args(["status", "--short", "--untracked-files=all"])
            .current_dir(root()),
    )?;
    let mut diff = std::process::Command::new("git");
    command::run(diff.args(["diff", "--stat"]).current_dir(root()))
}
