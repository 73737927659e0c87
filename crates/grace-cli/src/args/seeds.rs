//! Arguments of `seeds`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use grace_seed::OrderAlgorithm;

use super::{Format, SEEDS_EXAMPLES};

/// Arguments of `seeds`: without a command, the table of a study's seeds.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct SeedsArgs {
    #[command(subcommand)]
    pub(crate) command: Option<SeedsCommand>,
    #[command(flatten)]
    pub(crate) plan: PlanArgs,
}

/// Commands of `seeds`.
#[derive(Debug, Subcommand)]
pub(crate) enum SeedsCommand {
    /// List equal request seeds over a whole study, and fail where equal prompts would share one
    #[command(after_help = SEEDS_EXAMPLES)]
    Audit(AuditArgs),
    /// Print the order of n rows under a seed
    #[command(after_help = SEEDS_EXAMPLES)]
    Order(OrderArgs),
}

/// Which study.
#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    /// Folder of plan.yaml and experiments/ [default: the built-in experiments]
    #[arg(long, short, value_name = "DIR", env = "GRACE_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Number of replications
    #[arg(long, value_name = "N", default_value_t = 5, env = "GRACE_REPLICATIONS",
        value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) replications: u32,
    /// How to print the result
    #[arg(long, value_enum, default_value_t, env = "GRACE_OUTPUT_FORMAT")]
    pub(crate) output: Format,
}

/// Arguments of `seeds audit`.
#[derive(Debug, Args)]
pub(crate) struct AuditArgs {
    #[command(flatten)]
    pub(crate) plan: PlanArgs,
    /// Folder of the stimuli [default: `stimuli` in the configuration]
    #[arg(long, value_name = "DIR", env = "GRACE_STIMULI")]
    pub(crate) stimuli: Option<PathBuf>,
    /// Audit as if only this model were asked [default: all models of models.yaml]
    #[arg(long, value_name = "NAME", env = "GRACE_MODEL_NAME")]
    pub(crate) model_name: Option<String>,
}

/// Arguments of `seeds order`.
#[derive(Debug, Args)]
pub(crate) struct OrderArgs {
    /// The seed
    #[arg(
        long,
        value_name = "SEED",
        env = "GRACE_SEED",
        allow_negative_numbers = true
    )]
    pub(crate) seed: u64,
    /// The number of rows
    #[arg(long, short, value_name = "N", env = "GRACE_N")]
    pub(crate) n: u32,
    /// The algorithm: pcg64, pandas or as-given
    #[arg(
        long,
        value_name = "ALGORITHM",
        default_value = "pcg64",
        env = "GRACE_ORDER"
    )]
    pub(crate) order: OrderAlgorithm,
    /// How to print the result: a row number a line, or a JSON array
    #[arg(long, value_enum, default_value_t, env = "GRACE_OUTPUT_FORMAT")]
    pub(crate) output: Format,
}
