//! Arguments of the commands that work on a cluster.

use std::time::Duration;

use clap::builder::BoolishValueParser;
use clap::{Args, ValueEnum};
use grace_core::ModelKey;

use super::{AccessArgs, ClusterArgs, Format, PolicyArgs, TargetArgs};

/// Arguments of `launch`.
#[derive(Debug, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
pub(crate) struct LaunchArgs {
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
    #[command(flatten)]
    pub(crate) access: AccessArgs,
    /// Run as many models at once as fit into this many GPUs, largest first [default: one after the other]
    #[arg(long, value_name = "G", env = "GRACE_MAX_GPUS", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) max_gpus: Option<u32>,
    /// Apply nothing: show what would be (client), or have the cluster check it (server)
    #[arg(long, value_name = "BY", value_enum)]
    pub(crate) dry_run: Option<DryRun>,
    /// Apply what may start now, and do not wait for it
    #[arg(long, env = "GRACE_DETACH", value_parser = BoolishValueParser::new())]
    pub(crate) detach: bool,
    /// Go on with the other models after one has failed
    #[arg(long, env = "GRACE_KEEP_GOING", value_parser = BoolishValueParser::new())]
    pub(crate) keep_going: bool,
    /// Delete the Jobs that are complete; claims and results stay
    #[arg(long, env = "GRACE_DELETE_FINISHED", value_parser = BoolishValueParser::new())]
    pub(crate) delete_finished: bool,
    /// Leave weights to the servers, instead of fetching them first on nodes without GPUs
    #[arg(long, env = "GRACE_NO_PREFETCH", value_parser = BoolishValueParser::new())]
    pub(crate) no_prefetch: bool,
    /// Give a Job up that has had no running pod for so long; where waiting does not help, 10m
    #[arg(long, value_name = "TIME", default_value = "2h", value_parser = time, env = "GRACE_START_DEADLINE")]
    pub(crate) start_deadline: Duration,
    /// Go on for so long without any answer from the cluster
    #[arg(long, value_name = "TIME", default_value = "30m", value_parser = time, env = "GRACE_PATIENCE")]
    pub(crate) patience: Duration,
    #[command(flatten)]
    pub(crate) policy: PolicyArgs,
}

/// Who checks what nobody applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DryRun {
    /// Only here: no cluster is asked.
    Client,
    /// The cluster, which keeps nothing.
    Server,
}

/// Arguments of `status`.
#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    #[command(flatten)]
    pub(crate) target: TargetArgs,
    /// Stay until all Jobs have ended: on a terminal the table is drawn anew, elsewhere changes of 0.2 s at a time are
    /// written
    #[arg(long, short, env = "GRACE_WATCH", value_parser = BoolishValueParser::new())]
    pub(crate) watch: bool,
    /// How to print the result
    #[arg(long, value_enum, default_value_t, env = "GRACE_OUTPUT_FORMAT")]
    pub(crate) output: Format,
}

/// Arguments of `logs`.
#[derive(Debug, Args)]
pub(crate) struct LogsArgs {
    /// The model
    pub(crate) model: ModelKey,
    /// The replication
    #[arg(value_parser = super::index, default_value = "0")]
    pub(crate) index: u32,
    /// Folder of models.yaml, or a models.yaml alone [default: the models.yaml that grace carries]
    #[arg(long, short, value_name = "DIR|FILE", env = "GRACE_CONFIG")]
    pub(crate) config: Option<std::path::PathBuf>,
    #[command(flatten)]
    pub(crate) access: AccessArgs,
    /// Stay until the replication has ended, over all its tries
    #[arg(long, short, env = "GRACE_FOLLOW", value_parser = BoolishValueParser::new())]
    pub(crate) follow: bool,
    /// Only so many lines of what was written before
    #[arg(long, value_name = "N", env = "GRACE_TAIL")]
    pub(crate) tail: Option<u32>,
}

/// Arguments of `cancel`.
#[derive(Debug, Args)]
pub(crate) struct CancelArgs {
    #[command(flatten)]
    pub(crate) target: TargetArgs,
    /// Delete the Jobs, instead of suspending them until the next `launch`
    #[arg(long, env = "GRACE_DELETE", value_parser = BoolishValueParser::new())]
    pub(crate) delete: bool,
    /// Do not ask
    #[arg(long, short, env = "GRACE_YES", value_parser = BoolishValueParser::new())]
    pub(crate) yes: bool,
    /// How to print the result
    #[arg(long, value_enum, default_value_t, env = "GRACE_OUTPUT_FORMAT")]
    pub(crate) output: Format,
}

/// A time such as `90s`, `10m` or `2h 30m`.
pub(super) fn time(text: &str) -> Result<Duration, String> {
    let parsed = text.parse::<jiff::SignedDuration>().ok();
    let time = parsed.and_then(|it| Duration::try_from(it).ok());
    time.filter(|it| !it.is_zero())
        .ok_or_else(|| String::from("expected a time such as `90s`, `10m` or `2h 30m`"))
}
