//! Arguments of the commands that make manifests or talk to a cluster.

use std::path::PathBuf;

use clap::Args;
use clap::builder::BoolishValueParser;
use grace_core::ModelKey;

use super::Format;

/// Which models, and how many replications of each.
#[derive(Debug, Args)]
pub(crate) struct ClusterArgs {
    /// Folder of models.yaml, and of plan.yaml, experiments/ and stimuli/ where there are any; or a models.yaml alone
    /// [default: the models.yaml that grace carries]
    #[arg(long, short, value_name = "DIR|FILE", env = "GRACE_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Replications of each model
    #[arg(long, short = 'n', value_name = "N", default_value_t = 5, env = "GRACE_REPLICATIONS",
        value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) replications: u32,
    /// Replications of a model at the same time; a model's own `replication_parallelism` wins
    #[arg(long, short, value_name = "P", default_value_t = 1, env = "GRACE_PARALLELISM",
        value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) parallelism: u32,
    /// Only these models; may be given several times
    #[arg(long, short, value_name = "KEY", value_delimiter = ',', num_args = 1.., env = "GRACE_MODEL")]
    pub(crate) model: Vec<ModelKey>,
    /// How to print the result
    #[arg(long, value_enum, default_value_t, env = "GRACE_OUTPUT_FORMAT")]
    pub(crate) output: Format,
}

/// Which cluster, and where on it.
#[derive(Debug, Args)]
pub(crate) struct AccessArgs {
    /// Context of the kubeconfig (KUBECONFIG, ~/.kube/config) [default: the current one, or the pod's own account]
    #[arg(long, value_name = "NAME", env = "GRACE_CONTEXT")]
    pub(crate) context: Option<String>,
    /// Namespace [default: `cluster.namespace` of models.yaml]
    #[arg(long, value_name = "NAME", env = "GRACE_NAMESPACE")]
    pub(crate) namespace: Option<String>,
}

/// Which models of which cluster.
#[derive(Debug, Args)]
pub(crate) struct TargetArgs {
    /// Folder of models.yaml, or a models.yaml alone [default: the models.yaml that grace carries]
    #[arg(long, short, value_name = "DIR|FILE", env = "GRACE_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Only these models; may be given several times
    #[arg(long, short, value_name = "KEY", value_delimiter = ',', num_args = 1.., env = "GRACE_MODEL")]
    pub(crate) model: Vec<ModelKey>,
    #[command(flatten)]
    pub(crate) access: AccessArgs,
}

/// Which rules manifests keep to.
#[derive(Debug, Args)]
pub(crate) struct PolicyArgs {
    /// Policies to keep to: nrp, restricted, a policy file, or none; may be given several times
    /// [default: `cluster.policy` of models.yaml]
    #[arg(
        long,
        value_name = "NAME|FILE",
        value_delimiter = ',',
        env = "GRACE_POLICY"
    )]
    pub(crate) policy: Vec<String>,
}

/// Arguments of `gen-manifests`.
#[derive(Debug, Args)]
pub(crate) struct GenManifestsArgs {
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
    /// Folder for the manifests; what an earlier run left there and is not made any more is removed
    /// [default: print them all]
    #[arg(long, short, value_name = "DIR", env = "GRACE_OUT")]
    pub(crate) out: Option<PathBuf>,
    /// Write nothing; show how the folder differs from what would be written, and end with 100 if it does
    #[arg(long, requires = "out", env = "GRACE_CHECK", value_parser = BoolishValueParser::new())]
    pub(crate) check: bool,
    #[command(flatten)]
    pub(crate) policy: PolicyArgs,
    /// Print the models.yaml that grace carries, as a start for your own
    #[arg(long, exclusive = true)]
    pub(crate) show_config: bool,
    /// Print a built-in policy, as a start for your own
    #[arg(long, value_name = "NAME", exclusive = true)]
    pub(crate) show_policy: Option<String>,
}

/// Arguments of `plan`.
#[derive(Debug, Args)]
pub(crate) struct BudgetArgs {
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
    /// Minutes of one replication, of all models or of one; may be given several times
    #[arg(long, value_name = "[KEY=]MINUTES", value_delimiter = ',', value_parser = minutes, env = "GRACE_MINUTES")]
    pub(crate) minutes: Vec<Minutes>,
    /// Take the minutes from the sealed replications in this results folder, where there are any
    #[arg(long, value_name = "DIR", env = "GRACE_MEASURED")]
    pub(crate) measured: Option<PathBuf>,
}

/// Minutes of one replication.
#[derive(Debug, Clone)]
pub(crate) struct Minutes {
    /// The model; without one, all models.
    pub(crate) model: Option<ModelKey>,
    /// The minutes.
    pub(crate) minutes: f64,
}

fn minutes(text: &str) -> Result<Minutes, String> {
    let (model, number) = match text.split_once('=') {
        Some((model, number)) => {
            let model = model
                .parse()
                .map_err(|error: grace_core::id::IdError| error.to_string())?;
            (Some(model), number)
        }
        None => (None, text),
    };
    match number.parse() {
        Ok(minutes) if (0.0..=525_600.0).contains(&minutes) => Ok(Minutes { model, minutes }),
        _ => Err(String::from("expected minutes, as `30` or `my-model=150`")),
    }
}
