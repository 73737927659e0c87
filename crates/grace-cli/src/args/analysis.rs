//! What can be typed behind the commands that look at many replications.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use super::Format;

/// Which results are looked at.
#[derive(Debug, clap::Args)]
pub(crate) struct SourceArgs {
    /// A whole results folder, a model's folder, or a replication
    pub(crate) results: PathBuf,
    /// Configuration folder with the experiments of the study; without it, those that grace carries are known
    #[arg(long, value_name = "DIR", env = "GRACE_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Number of replications that each model must have
    #[arg(long, value_name = "N", env = "GRACE_REPLICATIONS")]
    pub(crate) replications: Option<u32>,
    /// Threads to work on; as many as there are cores by default. Results do not depend on it
    #[arg(long, value_name = "N", env = "GRACE_THREADS")]
    pub(crate) threads: Option<NonZeroUsize>,
    /// End with 100 if anything is missing, broken, changed, duplicated, unsealed or refused
    #[arg(long, env = "GRACE_STRICT")]
    pub(crate) strict: bool,
}

/// Arguments of `aggregate`.
#[derive(Debug, clap::Args)]
pub(crate) struct AggregateArgs {
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    /// Folder for the tables
    #[arg(long, value_name = "DIR", env = "GRACE_OUT")]
    pub(crate) out: PathBuf,
    /// How to print the result
    #[arg(long, value_enum, default_value_t, env = "GRACE_OUTPUT_FORMAT")]
    pub(crate) output: Format,
}
