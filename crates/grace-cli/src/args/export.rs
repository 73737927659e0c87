//! Arguments of `export-results`, which `collect` and `doctor` run in a pod.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use grace_core::ModelKey;

/// What the pod is asked to do.
#[derive(Debug, Subcommand)]
pub(crate) enum ExportCommand {
    /// Print what is in a results folder, as JSON lines
    #[command(after_help = EXPORT_EXAMPLES)]
    List {
        #[command(flatten)]
        from: ExportArgs,
        /// Only these models; may be given several times
        #[arg(long, short, value_name = "KEY", value_delimiter = ',')]
        model: Vec<ModelKey>,
    },
    /// Print how much is left on the volume of a results folder, as JSON lines
    #[command(after_help = EXPORT_EXAMPLES)]
    Volume {
        /// The results folder
        results: PathBuf,
    },
    /// Write the files named on stdin, one a line up to an empty one, to stdout as a tar stream
    #[command(after_help = EXPORT_EXAMPLES)]
    Send {
        #[command(flatten)]
        from: ExportArgs,
    },
    /// Wait until nothing was exported for a while
    #[command(after_help = EXPORT_EXAMPLES)]
    Wait {
        /// Seconds without an export after which to end
        #[arg(long, value_name = "SECONDS", default_value_t = 600)]
        idle: u64,
        /// The file that exports renew
        #[arg(long, value_name = "FILE")]
        mark: PathBuf,
    },
}

/// Where from.
#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// The results folder
    pub(crate) results: PathBuf,
    /// A file to renew while at work, for `wait`
    #[arg(long, value_name = "FILE")]
    pub(crate) mark: Option<PathBuf>,
}

pub(super) const EXPORT_EXAMPLES: &str = "\
Examples:
  grace-cli export-results list /results --model gemma-2b-rtx3090
  grace-cli export-results volume /results
  printf 'tiny/replication-0/metadata.json\\n\\n' | grace-cli export-results send /results > files.tar";
