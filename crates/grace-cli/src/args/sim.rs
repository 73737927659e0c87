//! Arguments of `demo` and `serve-sim`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Arguments of `demo`.
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Folder for the results
    #[arg(
        long,
        short,
        value_name = "DIR",
        default_value = "grace-demo",
        env = "GRACE_DEMO_OUT"
    )]
    pub(crate) out: PathBuf,
    /// Keep only the first N rows of the stimuli
    #[arg(long, value_name = "N", env = "GRACE_LIMIT")]
    pub(crate) limit: Option<std::num::NonZeroU32>,
}

/// What the simulated server does with seeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum SeedPolicyArg {
    /// Equal seeds, equal texts.
    #[default]
    Honours,
    /// Random texts whatever the seed.
    Ignores,
    /// One text a prompt.
    Constant,
}

/// Whose paths, fields and errors the simulated server speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum DialectArg {
    /// vLLM's: log-probabilities of prompts.
    #[default]
    Vllm,
    /// llama.cpp's: grammars of token ids.
    LlamaCpp,
}

/// What is wrong with the log-probabilities of the simulated server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ScoringFaultArg {
    /// There are none.
    Absent,
    /// One fewer than tokens.
    TooFew,
    /// The last place lacks its token.
    MissingToken,
    /// The last place has -9999.0, vLLM's minus infinity.
    MinusInfinity,
    /// The last place has null.
    Null,
    /// Those of the request before.
    Stale,
    /// Those after one token fewer.
    Shifted,
    /// Tokens asked for by id are ignored, as by an old vLLM.
    NoTokenIds,
    /// Those after temperature.
    Sampled,
}

/// Which neighbours the simulated tokenizer joins into one token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum MergingArg {
    /// None across a space.
    Apart,
    /// A word takes the space before it.
    #[default]
    Spaces,
    /// A colon takes what follows, too.
    Colons,
}

/// What the simulated tokenizer begins prompts with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum BosArg {
    /// Nothing.
    Absent,
    /// One begin-of-text token.
    #[default]
    Once,
    /// Two of them.
    Doubled,
}

/// Arguments of `serve-sim`.
#[derive(Debug, Args)]
pub(crate) struct ServeSimArgs {
    /// The port on 127.0.0.1; 0 takes a free one and prints it
    #[arg(
        long,
        short,
        value_name = "PORT",
        default_value_t = 8000,
        env = "GRACE_SIM_PORT"
    )]
    pub(crate) port: u16,
    /// The name of the served model
    #[arg(
        long,
        short,
        value_name = "NAME",
        default_value = "sim",
        env = "GRACE_SIM_MODEL"
    )]
    pub(crate) model: String,
    /// Standard deviation of the shift that each server instance plants into its answers
    #[arg(
        long,
        value_name = "SD",
        default_value_t = 0.0, value_parser = deviation, env = "GRACE_SIM_BATCH_EFFECT_SD"
    )]
    pub(crate) batch_effect_sd: f64,
    /// Which instance this is: its shift follows from it
    #[arg(
        long,
        value_name = "N",
        default_value_t = 0,
        env = "GRACE_SIM_INSTANCE"
    )]
    pub(crate) instance: u64,
    /// What it does with seeds
    #[arg(long, value_enum, default_value_t, env = "GRACE_SIM_SEEDS")]
    pub(crate) seeds: SeedPolicyArg,
    /// Time that each answer takes
    #[arg(
        long,
        value_name = "MS",
        default_value_t = 0,
        env = "GRACE_SIM_LATENCY_MS"
    )]
    pub(crate) latency_ms: u64,
    /// Requests served at a time; others wait [default: no limit]
    #[arg(long, value_name = "N", env = "GRACE_SIM_SLOTS")]
    pub(crate) slots: Option<std::num::NonZeroUsize>,
    /// Share of requests that fail, all modes mixed
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = super::share, env = "GRACE_SIM_FAULTS")]
    pub(crate) faults: f64,
    /// Whose server it is like
    #[arg(long, value_enum, default_value_t, env = "GRACE_SIM_DIALECT")]
    pub(crate) dialect: DialectArg,
    /// Which neighbours its tokenizer joins
    #[arg(long, value_enum, default_value_t, env = "GRACE_SIM_MERGING")]
    pub(crate) merging: MergingArg,
    /// What its tokenizer begins prompts with
    #[arg(long, value_enum, default_value_t, env = "GRACE_SIM_BOS")]
    pub(crate) bos: BosArg,
    /// What is wrong with its log-probabilities [default: nothing]
    #[arg(long, value_enum, env = "GRACE_SIM_SCORING_FAULT")]
    pub(crate) scoring_fault: Option<ScoringFaultArg>,
    /// Let each log-probability be off at random, so that equal requests differ by up to NATS
    #[arg(long, value_name = "NATS", value_parser = deviation, conflicts_with = "scoring_fault", env = "GRACE_SIM_SCORING_NOISE")]
    pub(crate) scoring_noise: Option<f64>,
    /// Refuse connections for so long at the start, as vLLM does while it loads
    #[arg(
        long,
        value_name = "MS",
        default_value_t = 0,
        env = "GRACE_SIM_STARTUP_MS"
    )]
    pub(crate) startup_ms: u64,
    /// Die when completion or chat request N + 1 arrives, and exit with 1 [default: never]
    #[arg(long, value_name = "N", env = "GRACE_SIM_DIE_AFTER")]
    pub(crate) die_after: Option<u64>,
    /// Answer every request with this text, without thinking: for benchmarks
    #[arg(long, value_name = "TEXT", env = "GRACE_SIM_CANNED")]
    pub(crate) canned: Option<String>,
}

fn deviation(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(sd) if (0.0..=1e6).contains(&sd) => Ok(sd),
        _ => Err(String::from("expected a number from 0, such as 0.5")),
    }
}
