//! What can be typed.

#[cfg(feature = "analysis")]
mod analysis;
#[cfg(feature = "cluster")]
mod cluster;
#[cfg(feature = "cluster")]
mod collect;
mod export;
mod guard;
#[cfg(feature = "cluster")]
mod launch;
mod run;
mod seeds;
mod server;
#[cfg(feature = "sim")]
mod sim;

#[cfg(feature = "analysis")]
pub(crate) use analysis::{
    AggregateArgs, DesignArgs, DriftArgs, IccArgs, IccCommand, IccDataArgs, ReportArgs, SourceArgs,
    TableFormat,
};
#[cfg(feature = "cluster")]
pub(crate) use cluster::{
    AccessArgs, BudgetArgs, ClusterArgs, GenManifestsArgs, PolicyArgs, TargetArgs,
};
#[cfg(feature = "cluster")]
pub(crate) use collect::{CollectArgs, DoctorArgs};
pub(crate) use export::ExportCommand;
pub(crate) use guard::{BecomeServerArgs, GuardServerArgs};
#[cfg(feature = "cluster")]
pub(crate) use launch::{CancelArgs, DryRun, LaunchArgs, LogsArgs, StatusArgs};
pub(crate) use run::{ReplicateArgs, RunArgs, WorkArgs};
pub(crate) use seeds::{AuditArgs, OrderArgs, PlanArgs, SeedsArgs, SeedsCommand};
pub(crate) use server::ServerArgs;
#[cfg(feature = "sim")]
pub(crate) use sim::{
    BosArg, DemoArgs, DialectArg, MergingArg, ScoringFaultArg, SeedPolicyArg, ServeSimArgs,
};

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

/// Replicated experiments on language models that you host yourself.
///
/// Results go to stdout, everything else to stderr. Exit codes: 0 complete, 2 wrong arguments, 42 configuration,
/// 43 too many queries without an answer, 75 try again, 100 a check found faults, 130 and 143 interrupted.
#[derive(Debug, Parser)]
#[command(
    name = "grace-cli",
    version,
    max_term_width = 100,
    infer_subcommands = false
)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
#[non_exhaustive]
pub(crate) enum Command {
    /// Run 2 simulated models × 5 replications on stimuli that grace carries, and analyse them
    #[cfg(feature = "sim")]
    #[command(after_help = DEMO_EXAMPLES)]
    Demo(DemoArgs),
    /// Run a single experiment, against a running server or one that grace starts
    #[command(after_help = RUN_EXAMPLES)]
    Run(RunArgs),
    /// Run one replication of all experiments of a study, as a pod does
    #[command(after_help = REPLICATE_EXAMPLES)]
    Replicate(ReplicateArgs),
    /// Check that replications are complete, unique, seeded and ordered as planned, and unchanged
    #[command(after_help = VERIFY_EXAMPLES)]
    Verify(VerifyArgs),
    /// Send the requests of single trials again and compare the answers
    #[command(after_help = REPLAY_EXAMPLES)]
    Replay(ReplayArgs),
    /// Gather all replications into tables, and say what is missing
    #[cfg(feature = "analysis")]
    #[command(after_help = AGGREGATE_EXAMPLES)]
    Aggregate(AggregateArgs),
    /// How much replications differ: the intraclass correlation of every measure and condition
    #[cfg(feature = "analysis")]
    #[command(after_help = ICC_EXAMPLES)]
    Icc(IccArgs),
    /// What moved answers besides the conditions: time, order, machines, shared random numbers
    #[cfg(feature = "analysis")]
    #[command(after_help = DRIFT_EXAMPLES)]
    Drift(DriftArgs),
    /// One HTML page about all replications: words, pictures, tables
    #[cfg(feature = "analysis")]
    #[command(after_help = REPORT_EXAMPLES)]
    Report(ReportArgs),
    /// Show, audit and apply the seeds of a study
    #[command(after_help = SEEDS_EXAMPLES)]
    Seeds(SeedsArgs),
    /// List, show and check experiment files
    #[command(subcommand, after_help = EXPERIMENTS_EXAMPLES)]
    Experiments(ExperimentsCommand),
    /// Make Kubernetes manifests: an Indexed Job for each model, and all that it needs
    #[cfg(feature = "cluster")]
    #[command(after_help = GEN_MANIFESTS_EXAMPLES)]
    GenManifests(GenManifestsArgs),
    /// Show what replications will take: GPU-hours, wall time, storage
    #[cfg(feature = "cluster")]
    #[command(after_help = PLAN_EXAMPLES)]
    Plan(BudgetArgs),
    /// Launch replications on a cluster, and follow them to their end
    #[cfg(feature = "cluster")]
    #[command(after_help = LAUNCH_EXAMPLES)]
    Launch(LaunchArgs),
    /// Show what is going on with the Jobs of a cluster
    #[cfg(feature = "cluster")]
    #[command(after_help = STATUS_EXAMPLES)]
    Status(StatusArgs),
    /// Print what a replication on the cluster prints
    #[cfg(feature = "cluster")]
    #[command(after_help = LOGS_EXAMPLES)]
    Logs(LogsArgs),
    /// Suspend or delete the Jobs of a cluster
    #[cfg(feature = "cluster")]
    #[command(after_help = CANCEL_EXAMPLES)]
    Cancel(CancelArgs),
    /// Copy sealed results from the cluster to a folder here
    #[cfg(feature = "cluster")]
    #[command(after_help = collect::COLLECT_EXAMPLES)]
    Collect(CollectArgs),
    /// Check that a cluster has all that launching and collecting need
    #[cfg(feature = "cluster")]
    #[command(after_help = collect::DOCTOR_EXAMPLES)]
    Doctor(DoctorArgs),
    /// Copy this program into a folder, as the init container of a pod does
    #[command(hide = true, after_help = INSTALL_SELF_EXAMPLES)]
    InstallSelf {
        /// The folder
        folder: PathBuf,
    },
    /// Read a results folder for `collect`, in the pod that it makes
    #[command(hide = true, subcommand, after_help = export::EXPORT_EXAMPLES)]
    ExportResults(ExportCommand),
    /// Serve simulated participants as an OpenAI-compatible server
    #[cfg(feature = "sim")]
    #[command(after_help = SERVE_SIM_EXAMPLES)]
    ServeSim(ServeSimArgs),
    /// Print a completion script for a shell
    #[command(after_help = COMPLETIONS_EXAMPLES)]
    Completions(CompletionsArgs),
    /// Guard a model server: grace calls this by itself
    #[command(hide = true)]
    GuardServer(GuardServerArgs),
    /// Become a model server: a guard calls this by itself
    #[command(hide = true)]
    BecomeServer(BecomeServerArgs),
}

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

/// Arguments of `verify`.
#[derive(Debug, clap::Args)]
pub(crate) struct VerifyArgs {
    /// A replication, a model's folder, or a whole results folder
    pub(crate) path: PathBuf,
    /// Number of replications that each model must have
    #[arg(long, value_name = "N", env = "GRACE_REPLICATIONS")]
    pub(crate) replications: Option<u32>,
    /// Least share of answers that could be read, in each experiment
    #[arg(long, value_name = "SHARE", default_value_t = 0.95, value_parser = share, env = "GRACE_MIN_PARSE_RATE")]
    pub(crate) min_parse_rate: f64,
    /// How to print the result
    #[arg(long, value_enum, default_value_t, env = "GRACE_OUTPUT_FORMAT")]
    pub(crate) output: Format,
}

/// Arguments of `replay`.
#[derive(Debug, clap::Args)]
pub(crate) struct ReplayArgs {
    /// The folder of the replication
    pub(crate) folder: PathBuf,
    /// The experiment
    #[arg(long, short, value_name = "ID", env = "GRACE_EXPERIMENT")]
    pub(crate) experiment: grace_core::ExperimentId,
    /// The trial: row of the stimulus, from 0; may be given several times
    #[arg(
        long,
        short,
        value_name = "TRIAL_ID",
        required = true,
        value_delimiter = ',',
        env = "GRACE_TRIAL"
    )]
    pub(crate) trial: Vec<u32>,
    /// Only this query; without it, all queries of the trial
    #[arg(long, short, value_name = "ID", env = "GRACE_QUERY")]
    pub(crate) query: Option<grace_core::QueryId>,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
    /// How to print the result
    #[arg(long, value_enum, default_value_t, env = "GRACE_OUTPUT_FORMAT")]
    pub(crate) output: Format,
}

/// Commands of `experiments`.
#[derive(Debug, Subcommand)]
pub(crate) enum ExperimentsCommand {
    /// List the experiments that grace carries
    #[command(after_help = EXPERIMENTS_EXAMPLES)]
    List {
        /// How to print the result
        #[arg(long, value_enum, default_value_t, env = "GRACE_OUTPUT_FORMAT")]
        output: Format,
    },
    /// Print an experiment's file, as a start for one of your own
    #[command(after_help = EXPERIMENTS_EXAMPLES)]
    Show {
        /// The experiment's id
        id: String,
    },
    /// Check experiment files, and stimuli against them
    #[command(after_help = EXPERIMENTS_EXAMPLES)]
    Check {
        /// Experiment files, or ids of built-in experiments
        #[arg(required = true)]
        files: Vec<String>,
        /// Also check the stimuli in this folder
        #[arg(long, value_name = "DIR", env = "GRACE_STIMULI")]
        stimuli: Option<PathBuf>,
    },
}

/// Arguments of `completions`.
#[derive(Debug, clap::Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    pub(crate) shell: clap_complete::Shell,
}

/// The index of a replication.
pub(crate) fn index(text: &str) -> Result<u32, String> {
    text.parse()
        .map_err(|_| String::from("expected a whole number from 0"))
}

/// A number from 0 to 1.
pub(crate) fn share(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err(String::from("expected a share from 0 to 1, such as 0.05")),
    }
}

#[cfg(feature = "sim")]
const DEMO_EXAMPLES: &str = "\
Examples:
  grace-cli demo                      everything into ./grace-demo
  grace-cli demo --out /tmp/demo      somewhere else";
const RUN_EXAMPLES: &str = "\
Examples:
  grace-cli run --experiment study1_exp1 --input study1.csv --output out/ --seed 1001 --shuffle \\
      --model-name google/gemma-2-2b-it --base-url http://127.0.0.1:8000/v1
  grace-cli run --experiment mine.yaml --input mine.csv --output mine.json --limit 20 \\
      --model-name tiny --base-url http://127.0.0.1:8000/v1
  grace-cli run --experiment study1_exp1 --input study1.csv --output out/ \\
      --model-name google/gemma-2-2b-it --model-path /models/gemma-2-2b-it

`--shuffle` protects against drift over the hours of a run. Each trial is a request of its own,
so the order cannot change what a model remembers.";
const REPLICATE_EXAMPLES: &str = "\
Examples:
  grace-cli replicate --model gemma-2b-rtx3090 --config config/ --results /results \\
      --replication 0 --base-url http://127.0.0.1:8000/v1
  JOB_COMPLETION_INDEX=3 grace-cli replicate --model gemma-2b-rtx3090 --config config/ \\
      --results /results

Without `--base-url` it starts the model server, by default `vllm serve` (`server` in models.yaml says
more), and leaves no process of it behind, however it ends.
Running it again goes on where it stopped, and leaves a sealed replication alone.";
const VERIFY_EXAMPLES: &str = "\
Examples:
  grace-cli verify /results                              all models, all replications
  grace-cli verify /results/gemma-2b-rtx3090/replication-0 --output json";
const REPLAY_EXAMPLES: &str = "\
Examples:
  grace-cli replay /results/tiny/replication-0 --experiment study1_exp1 --trial 12 \\
      --base-url http://127.0.0.1:8000/v1
  grace-cli replay out/ -e study1_exp1 -t 0 -t 7 -q knowledge --output json \\
      --base-url http://127.0.0.1:8000/v1";
#[cfg(feature = "analysis")]
const AGGREGATE_EXAMPLES: &str = "\
Examples:
  grace-cli aggregate /results --out dataset/
  grace-cli aggregate /results --out dataset/ --config config/ --replications 5 --strict

DIR then holds <experiment>.parquet and <experiment>.csv, a row a trial, completeness.csv and
findings.csv. A replication with any fault is left out as a whole and listed.";
#[cfg(feature = "analysis")]
const ICC_EXAMPLES: &str = "\
Examples:
  grace-cli icc /results
  grace-cli icc /results --by access --margin 0.05 --output csv > icc.csv
  grace-cli icc --table any.csv --value rating --replication run --by item --output json

An estimate under the margin says less than an interval under it: with 5 replications of 50 trials
a true ICC of 0.20 gives an estimate under 0.10 one time in four.";
#[cfg(feature = "analysis")]
const DRIFT_EXAMPLES: &str = "\
Examples:
  grace-cli drift results/
  grace-cli drift results/ --output csv > slopes.csv

CSV has the slopes; JSON has slopes, machines and shared random numbers. Measures of scored answers
take no part: they are no draws.";
#[cfg(feature = "analysis")]
const REPORT_EXAMPLES: &str = "\
Examples:
  grace-cli report results/ --out report.html
  grace-cli report results/ --out report.html --replications 5 --margin 0.05 --title 'Our study'

The page needs no network and no other file. Equal results give equal pages.";
#[cfg(feature = "analysis")]
const DESIGN_EXAMPLES: &str = "\
Examples:
  grace-cli icc design
  grace-cli icc design --replications 5,10,20 --trials 50,200 --icc 0,0.05,0.2 --margin 0.1

For balanced normal data these chances are exact. For yes-or-no measures near 0 or 1 the real ones
are worse.";
const SEEDS_EXAMPLES: &str = "\
Examples:
  grace-cli seeds --replications 5
  grace-cli seeds order --seed 1001 --n 300 --order pcg64 --output json";
const EXPERIMENTS_EXAMPLES: &str = "\
Examples:
  grace-cli experiments show study1_exp1 > mine.yaml
  grace-cli experiments check mine.yaml --stimuli data/";
#[cfg(feature = "cluster")]
const GEN_MANIFESTS_EXAMPLES: &str = "\
Examples:
  grace-cli gen-manifests --replications 5 --parallelism 2 --config config/ --out manifests/
  grace-cli gen-manifests --replications 5 --config config/ --out manifests/ --check
  grace-cli gen-manifests --show-config > config/models.yaml

Nothing is written unless all of it is valid and keeps to the policies. How to go on: docs/cluster.md.";
#[cfg(feature = "cluster")]
const PLAN_EXAMPLES: &str = "\
Examples:
  grace-cli plan --replications 5 --parallelism 2 --config config/
  grace-cli plan --replications 20 --measured /results --minutes llama-70b-rtx3090=170 --output json";
#[cfg(feature = "cluster")]
const LAUNCH_EXAMPLES: &str = "\
Examples:
  grace-cli launch --replications 5 --parallelism 2 --config config/ --dry-run server
  grace-cli launch --replications 5 --parallelism 2 --config config/ --max-gpus 16 --keep-going

Ctrl-C leaves the Jobs running; the same command follows them again. A Job with another plan is never
touched. Ends with 100 if a model failed, 42 if one was refused, 75 if one did not start in time.";
#[cfg(feature = "cluster")]
const STATUS_EXAMPLES: &str = "\
Examples:
  grace-cli status --config config/
  grace-cli status --config config/ --model gemma-2b-rtx3090 --watch --output json";
#[cfg(feature = "cluster")]
const LOGS_EXAMPLES: &str = "\
Examples:
  grace-cli logs gemma-2b-rtx3090 3 --config config/ --follow
  grace-cli logs gemma-2b-rtx3090 --tail 50";
#[cfg(feature = "cluster")]
const CANCEL_EXAMPLES: &str = "\
Examples:
  grace-cli cancel --config config/ --model llama-70b-rtx3090
  grace-cli cancel --config config/ --delete --yes";
const INSTALL_SELF_EXAMPLES: &str = "\
Examples:
  grace-cli install-self /grace
  grace-cli install-self ~/bin";
#[cfg(feature = "sim")]
const SERVE_SIM_EXAMPLES: &str = "\
Examples:
  grace-cli serve-sim --port 8000 --model sim
  grace-cli serve-sim --port 8000 --dialect llama-cpp --scoring-fault stale --die-after 100
  grace-cli serve-sim --port 8000 --batch-effect-sd 0.5 --instance 3 --latency-ms 50 --slots 64";
const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  grace-cli completions bash > ~/.local/share/bash-completion/completions/grace-cli
  grace-cli completions zsh > ~/.zfunc/_grace-cli";
