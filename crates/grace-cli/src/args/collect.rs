//! Arguments of the commands that look at a cluster and bring results from it.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::builder::BoolishValueParser;

use super::launch::time;
use super::{AccessArgs, ClusterArgs, Format, TargetArgs};

/// Arguments of `collect`.
#[derive(Debug, Args)]
pub(crate) struct CollectArgs {
    #[command(flatten)]
    pub(crate) target: TargetArgs,
    /// The results folder here; what is in it already is not sent again
    #[arg(long, short, value_name = "DIR", env = "GRACE_OUT")]
    pub(crate) out: PathBuf,
    /// Replace local files that differ from what is sealed on the cluster
    #[arg(long, env = "GRACE_REPLACE", value_parser = BoolishValueParser::new())]
    pub(crate) replace: bool,
    /// Give up if the pod that reads does not run by then
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = time, env = "GRACE_START_DEADLINE")]
    pub(crate) start_deadline: Duration,
    /// How to print the result
    #[arg(long, value_enum, default_value_t, env = "GRACE_OUTPUT_FORMAT")]
    pub(crate) output: Format,
}

/// Arguments of `doctor`.
#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
    #[command(flatten)]
    pub(crate) access: AccessArgs,
    /// Start a small pod to measure what is left on the claim, if it is bound and no pod of grace runs that can tell
    #[arg(long, env = "GRACE_MEASURE_STORAGE", value_parser = BoolishValueParser::new())]
    pub(crate) measure_storage: bool,
}

pub(super) const COLLECT_EXAMPLES: &str = "\
Examples:
  grace-cli collect --config config/ --out results/
  grace-cli collect --config config/ --model gemma-2b-rtx3090 --out results/ --output json

A pod of grace's own image reads the claim and is deleted in the end. Run it again at any time: only
what is missing is sent. Replications that are not sealed are listed and left out. Ends with 100 if
a file on the cluster is not what was sealed.";
pub(super) const DOCTOR_EXAMPLES: &str = "\
Examples:
  grace-cli doctor --config config/
  grace-cli doctor --config config/ --replications 20 --parallelism 4 --output json
  grace-cli doctor --config config/ --measure-storage

Changes nothing on the cluster and shows no secret; the pod of `--measure-storage`, which is that of
`collect`, is deleted in the end. Ends with 100 if anything fails.";
