//! The command `grace-cli`: arguments, environment, wiring, progress and exit codes.
//!
//! It is a library only so that tests can parse arguments; nobody else should depend on it.

mod args;
#[cfg(feature = "cluster")]
mod board;
#[cfg(feature = "cluster")]
mod cluster;
mod commands;
mod exit;
#[cfg(feature = "cluster")]
mod folder;
#[cfg(feature = "cluster")]
mod live;
#[cfg(feature = "cluster")]
mod manifests;
mod output;
mod progress;
#[cfg(feature = "cluster")]
mod reader;
mod runtime;
#[cfg(feature = "cluster")]
mod target;
#[cfg(feature = "cluster")]
mod transfer;
mod wiring;

use std::io::stderr;
use std::process::ExitCode;

use clap::Parser;

pub use args::Args;

/// Parses the arguments, runs the command, reports how it ended.
pub fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => return exit::usage(&error),
    };
    logging();
    match commands::run(args.command) {
        Ok(code) => ExitCode::from(code),
        Err(failure) => exit::report(&failure),
    }
}

/// Libraries log nothing by themselves; `RUST_LOG` shows what those below them do.
fn logging() {
    let filter = tracing_subscriber::EnvFilter::builder()
        .with_default_directive(tracing_subscriber::filter::LevelFilter::OFF.into())
        .from_env_lossy();
    // Bodies of failed requests are in the journal; this crate would print them whole.
    let quiet = "async_openai=off".parse().expect("a fixed directive");
    tracing_subscriber::fmt()
        .with_env_filter(filter.add_directive(quiet))
        .with_writer(stderr)
        .with_ansi(false) // colours take another feature; without it, asking for them is an error
        .init();
}
