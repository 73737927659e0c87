//! `completions`: scripts for shells.

use clap::CommandFactory;

use crate::args::{Args, CompletionsArgs};
use crate::exit::{COMPLETE, Failure};
use crate::output;

pub(crate) fn run(args: &CompletionsArgs) -> Result<u8, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Args::command(), "grace-cli", &mut script);
    output::raw(&String::from_utf8_lossy(&script))?;
    Ok(COMPLETE)
}
