//! Arguments of the commands that grace calls by itself, between itself and a model server.

use std::ffi::OsString;

use clap::Args;

/// Arguments of `guard-server`.
#[derive(Debug, Args)]
pub(crate) struct GuardServerArgs {
    /// Time between SIGTERM and SIGKILL
    #[arg(long, value_name = "MS")]
    pub(crate) stop_grace_ms: u64,
    /// The server's command
    #[arg(required = true, last = true)]
    pub(crate) command: Vec<OsString>,
}

/// Arguments of `become-server`.
#[derive(Debug, Args)]
pub(crate) struct BecomeServerArgs {
    /// The guard's process id, and the server's command
    #[arg(required = true, last = true)]
    pub(crate) guard_and_command: Vec<OsString>,
}
