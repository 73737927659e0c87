//! What can be typed behind the commands that look at many replications.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};

use super::Format;

/// How results are looked at.
#[derive(Debug, clap::Args)]
pub(crate) struct SourceArgs {
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
    /// A whole results folder, a model's folder, or a replication
    pub(crate) results: PathBuf,
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    /// Folder for the tables
    #[arg(long, value_name = "DIR", env = "GRACE_OUT")]
    pub(crate) out: PathBuf,
    /// How to print the result
    #[arg(long, value_enum, default_value_t, env = "GRACE_OUTPUT_FORMAT")]
    pub(crate) output: Format,
}

/// Arguments of `icc`.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct IccArgs {
    #[command(subcommand)]
    pub(crate) command: Option<IccCommand>,
    #[command(flatten)]
    pub(crate) data: IccDataArgs,
}

/// Commands of `icc`.
#[derive(Debug, Subcommand)]
pub(crate) enum IccCommand {
    /// How many replications do I need? The chance of each verdict in planned studies
    #[command(after_help = super::DESIGN_EXAMPLES)]
    Design(DesignArgs),
}

/// What is planned, and what is assumed to be true.
#[derive(Debug, clap::Args)]
pub(crate) struct DesignArgs {
    /// Numbers of replications to look at
    #[arg(
        long,
        value_name = "N",
        value_delimiter = ',',
        default_value = "3,5,10,20"
    )]
    pub(crate) replications: Vec<usize>,
    /// Trials of a condition in each replication
    #[arg(long, value_name = "N", value_delimiter = ',', default_value = "50")]
    pub(crate) trials: Vec<usize>,
    /// ICCs that may be true
    #[arg(
        long,
        value_name = "ICC",
        value_delimiter = ',',
        default_value = "0,0.02,0.05,0.1,0.2,0.3"
    )]
    pub(crate) icc: Vec<f64>,
    /// The ICC under which replications count as alike
    #[arg(long, value_name = "ICC", default_value_t = 0.10, value_parser = margin, env = "GRACE_MARGIN")]
    pub(crate) margin: f64,
    /// The chance of the right verdict that is wanted, for the number of replications that it takes
    #[arg(long, value_name = "SHARE", default_value_t = 0.8, value_parser = super::share)]
    pub(crate) chance: f64,
    /// How to print the result
    #[arg(long, value_enum, default_value_t, env = "GRACE_OUTPUT_FORMAT")]
    pub(crate) output: Format,
}

/// What the intraclass correlation is asked of.
#[derive(Debug, clap::Args)]
pub(crate) struct IccDataArgs {
    /// A whole results folder, a model's folder, or a replication
    #[arg(required_unless_present = "table")]
    pub(crate) results: Option<PathBuf>,
    /// Another table in place of results: a CSV file with a line of names
    #[arg(
        long,
        value_name = "FILE",
        requires = "value",
        requires = "replication",
        conflicts_with = "results"
    )]
    pub(crate) table: Option<PathBuf>,
    /// Column of values in --table; may be given several times
    #[arg(long, value_name = "COL", requires = "table", value_delimiter = ',')]
    pub(crate) value: Vec<String>,
    /// Column that tells the replication in --table
    #[arg(long, value_name = "COL", requires = "table")]
    pub(crate) replication: Option<String>,
    /// Conditions, or columns, that tell cells apart; may be given several times. Of results all conditions by default
    #[arg(long, value_name = "COL", value_delimiter = ',')]
    pub(crate) by: Vec<String>,
    /// Only these measures of results; may be given several times
    #[arg(
        long,
        value_name = "COL",
        value_delimiter = ',',
        conflicts_with = "table"
    )]
    pub(crate) measure: Vec<String>,
    /// All conditions of a measure together: value ~ condition + (1 | replication), by REML
    #[arg(long)]
    pub(crate) pooled: bool,
    /// The ICC under which replications count as alike
    #[arg(long, value_name = "ICC", default_value_t = 0.10, value_parser = margin, env = "GRACE_MARGIN")]
    pub(crate) margin: f64,
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    /// How to print the result
    #[arg(long, value_enum, default_value_t, env = "GRACE_OUTPUT_FORMAT")]
    pub(crate) output: TableFormat,
}

/// Arguments of `drift`.
#[derive(Debug, clap::Args)]
pub(crate) struct DriftArgs {
    /// A whole results folder, a model's folder, or a replication
    pub(crate) results: PathBuf,
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    /// How to print the result
    #[arg(long, value_enum, default_value_t, env = "GRACE_OUTPUT_FORMAT")]
    pub(crate) output: TableFormat,
}

/// Arguments of `report`.
#[derive(Debug, clap::Args)]
pub(crate) struct ReportArgs {
    /// A whole results folder, a model's folder, or a replication
    pub(crate) results: PathBuf,
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    /// The HTML file to write
    #[arg(long, value_name = "FILE", env = "GRACE_REPORT")]
    pub(crate) out: PathBuf,
    /// The heading of the page
    #[arg(long, value_name = "TEXT", env = "GRACE_TITLE")]
    pub(crate) title: Option<String>,
    /// The ICC under which replications count as alike
    #[arg(long, value_name = "ICC", default_value_t = 0.10, value_parser = margin, env = "GRACE_MARGIN")]
    pub(crate) margin: f64,
}

/// How a table is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum TableFormat {
    /// For people.
    #[default]
    Text,
    /// For spreadsheets and R.
    Csv,
    /// For programs.
    Json,
}

/// A number over 0 and under 1.
fn margin(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(margin) if margin > 0.0 && margin < 1.0 => Ok(margin),
        _ => Err(String::from(
            "expected a number over 0 and under 1, such as 0.10",
        )),
    }
}
