//! Arguments of `run` and `replicate`.

use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::Args;
use clap::builder::BoolishValueParser;
use grace_core::model::Api;
use grace_core::scoring::{ScoringMethod, ScoringSettings};
use grace_core::settings::RequestSeeds;
use grace_core::{ExperimentId, ModelKey};
use grace_seed::{OrderAlgorithm, SeedBits};

use super::Format;
use super::server::{ServerArgs, api};

/// What `run` and `replicate` share.
#[derive(Debug, Clone, Args)]
pub(crate) struct WorkArgs {
    #[command(flatten)]
    pub(crate) server: ServerArgs,
    /// Keep only the first N rows of the stimuli
    #[arg(long, value_name = "N", env = "GRACE_LIMIT")]
    pub(crate) limit: Option<NonZeroU32>,
    /// Largest share of an experiment's queries that may end without an answer
    #[arg(long, value_name = "SHARE", default_value_t = 0.05, value_parser = super::share, env = "GRACE_FAIL_ON_ERROR")]
    pub(crate) fail_on_error: f64,
    /// Go on with a server that does not honour seeds; no trial can be replayed then
    #[arg(long, env = "GRACE_SEEDS_OPTIONAL", value_parser = BoolishValueParser::new())]
    pub(crate) seeds_optional: bool,
    /// How options are scored: `auto`, `prompt_logprobs`, `trie`, `forced_tokens` or `first_token` [default: as plan.yaml says, else auto]
    #[arg(long, value_name = "METHOD", env = "GRACE_SCORING")]
    pub(crate) scoring: Option<ScoringMethod>,
    /// Ask every score query, also those that are equal to others; by default each is asked once
    #[arg(long, env = "GRACE_NO_REUSE", value_parser = BoolishValueParser::new())]
    pub(crate) no_reuse: bool,
}

impl WorkArgs {
    /// How options are scored: `planned`, unless a flag says otherwise.
    pub(crate) fn scoring(&self, planned: ScoringSettings) -> ScoringSettings {
        let method = self.scoring.unwrap_or(planned.method);
        ScoringSettings::new(method, planned.reuse && !self.no_reuse)
    }
}

/// Arguments of `run`.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// Id of a built-in experiment, or an experiment file
    #[arg(long, short, value_name = "ID|FILE", env = "GRACE_EXPERIMENT")]
    pub(crate) experiment: String,
    /// The stimuli, a CSV file
    #[arg(long, short, value_name = "FILE", env = "GRACE_INPUT")]
    pub(crate) input: PathBuf,
    /// A folder for the results, or a `.json` file for the records (its folder is then `<name>.grace` beside it)
    #[arg(long, short, value_name = "DIR|FILE", env = "GRACE_OUTPUT")]
    pub(crate) output: PathBuf,
    /// The model's name, as the server knows it
    #[arg(long, value_name = "NAME", env = "GRACE_MODEL_NAME")]
    pub(crate) model_name: String,
    /// Start a server for the model in this folder, or of this name on the hub; by default `vllm serve`
    #[arg(
        long,
        value_name = "DIR|NAME",
        conflicts_with = "base_url",
        env = "GRACE_MODEL_PATH"
    )]
    pub(crate) model_path: Option<String>,
    /// The command that serves it, with `{port}`, `{model}` and `{served_name}` where they belong
    #[arg(
        long,
        value_name = "COMMAND",
        requires = "model_path",
        env = "GRACE_SERVER_COMMAND"
    )]
    pub(crate) server_command: Option<String>,
    /// The model's short name in the records [default: made from its name]
    #[arg(long, value_name = "KEY", env = "GRACE_MODEL_KEY")]
    pub(crate) model_key: Option<ModelKey>,
    /// The experiment seed [default: the recorded one, else drawn and printed]
    #[arg(
        long,
        value_name = "SEED",
        env = "GRACE_SEED",
        allow_negative_numbers = true
    )]
    pub(crate) seed: Option<u64>,
    /// Show trials in the order `pcg64` of the seed; protects against drift over the hours of a run
    #[arg(long, env = "GRACE_SHUFFLE", value_parser = BoolishValueParser::new())]
    pub(crate) shuffle: bool,
    /// Show trials in this order: pcg64, pandas or as-given [default: as-given]
    #[arg(long, value_name = "ALGORITHM", env = "GRACE_ORDER")]
    pub(crate) order: Option<OrderAlgorithm>,
    /// The index of the replication, for the records
    #[arg(
        long,
        value_name = "N",
        default_value_t = 0,
        env = "GRACE_REPLICATION_ID"
    )]
    pub(crate) replication_id: u32,
    /// Endpoint for prompts: completions or chat
    #[arg(long, default_value = "completions", value_parser = api, env = "GRACE_API")]
    pub(crate) api: Api,
    /// A string that ends an answer, besides those of the experiment; may be given several times
    #[arg(long, value_name = "TEXT", env = "GRACE_STOP")]
    pub(crate) stop: Vec<String>,
    /// The marker before a thought, such as `<think>`
    #[arg(
        long,
        value_name = "TEXT",
        requires = "reasoning_end",
        env = "GRACE_REASONING_START"
    )]
    pub(crate) reasoning_start: Option<String>,
    /// The marker behind a thought, such as `</think>`
    #[arg(
        long,
        value_name = "TEXT",
        requires = "reasoning_start",
        env = "GRACE_REASONING_END"
    )]
    pub(crate) reasoning_end: Option<String>,
    /// Tokens for a thought, besides those of the answer
    #[arg(
        long,
        value_name = "N",
        default_value_t = 2048,
        env = "GRACE_REASONING_MAX_TOKENS"
    )]
    pub(crate) reasoning_max_tokens: u32,
    /// Seeds of requests: `per-request`, or `shared` as older runs had it
    #[arg(long, default_value = "per-request", env = "GRACE_REQUEST_SEEDS")]
    pub(crate) request_seeds: RequestSeeds,
    /// Size of request seeds in bits: 31 or 53
    #[arg(long, default_value = "31", env = "GRACE_SEED_BITS")]
    pub(crate) seed_bits: SeedBits,
    #[command(flatten)]
    pub(crate) work: WorkArgs,
}

/// Arguments of `replicate`.
#[derive(Debug, Args)]
pub(crate) struct ReplicateArgs {
    /// The model's key in `models.yaml`
    #[arg(long, short, value_name = "KEY", env = "GRACE_MODEL")]
    pub(crate) model: ModelKey,
    /// Folder of models.yaml, and of plan.yaml, experiments/ and stimuli/ where there are any
    #[arg(long, short, value_name = "DIR", env = "GRACE_CONFIG")]
    pub(crate) config: PathBuf,
    /// Folder for the results of all models and replications
    #[arg(long, short, value_name = "DIR", env = "GRACE_RESULTS")]
    pub(crate) results: PathBuf,
    /// The index of the replication, from 0 [default: `JOB_COMPLETION_INDEX`]
    #[arg(long, value_name = "N", env = "GRACE_REPLICATION", allow_negative_numbers = true, value_parser = super::index)]
    pub(crate) replication: Option<u32>,
    /// Folder of the stimuli [default: `stimuli` in the configuration]
    #[arg(long, value_name = "DIR", env = "GRACE_STIMULI")]
    pub(crate) stimuli: Option<PathBuf>,
    /// Only this experiment; may be given several times
    #[arg(
        long,
        short,
        value_name = "ID",
        env = "GRACE_EXPERIMENT",
        value_delimiter = ','
    )]
    pub(crate) experiment: Vec<ExperimentId>,
    /// How to print the result
    #[arg(long, value_enum, default_value_t, env = "GRACE_OUTPUT_FORMAT")]
    pub(crate) output: Format,
    #[command(flatten)]
    pub(crate) work: WorkArgs,
}
