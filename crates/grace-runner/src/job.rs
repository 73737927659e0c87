//! What a replication is to do, and its preparation: every input read and checked before anything is sent.

use std::collections::BTreeSet;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::time::Duration;

use grace_core::digest::Hasher;
use grace_core::experiment::{Experiment, Query, ScoreQuery};
use grace_core::id::ExperimentId;
use grace_core::layout::ReplicationLayout;
use grace_core::model::{Api, Model};
use grace_core::plan::{ExperimentPlan, Inputs, PromptDigest, SeedRules};
use grace_core::prompt::PromptError;
use grace_core::reuse::Reuse;
use grace_core::scoring::ScoringSettings;
use grace_core::settings::ScoringServer;
use grace_core::stimuli::StimuliIndex;
use grace_core::{Digest, Problem, Problems};
use grace_seed::{ExperimentSeed, OrderError};

use crate::attempt::Host;
use crate::stimuli::{StimuliError, StimuliFile};
use crate::supervise::ManagedServer;

/// One experiment to run.
#[derive(Debug)]
pub struct ExperimentJob {
    /// What is asked.
    pub experiment: Experiment,
    /// The stimuli file.
    pub stimuli: PathBuf,
    /// The seed of the experiment in this replication.
    pub seed: ExperimentSeed,
    /// The number of rows to keep, from the first.
    pub limit: Option<NonZeroU32>,
}

/// One replication to run.
#[derive(Debug)]
pub struct Job {
    /// Where results go.
    pub layout: ReplicationLayout,
    /// The model that is asked.
    pub model: Model,
    /// The index of the replication.
    pub replication: u32,
    /// The base seed, where the experiments' seeds come from one.
    pub base_seed: Option<u64>,
    /// How seeds and orders are made.
    pub rules: SeedRules,
    /// How options are scored.
    pub scoring: ScoringSettings,
    /// The experiments, in order.
    pub experiments: Vec<ExperimentJob>,
    /// Where this process runs.
    pub host: Host,
    /// How to go about it.
    pub options: Options,
}

/// How a replication is gone about; none of this decides results.
#[derive(Debug, Clone)]
pub struct Options {
    /// Requests in flight at most.
    pub max_connections: NonZeroUsize,
    /// How long to wait for a server that is not there yet.
    pub server_timeout: Duration,
    /// The largest share of queries of an experiment without any answer, from 0 to 1.
    pub fail_on_error: f64,
    /// Whether a server that does not honour seeds is refused.
    pub require_seeds: bool,
    /// The version of the program, for the record.
    pub grace_version: String,
    /// How the server is started; `None` if it runs already.
    pub server: Option<ManagedServer>,
    /// The program that tells of GPUs.
    pub nvidia_smi: PathBuf,
}

impl Options {
    /// Which server measures probabilities: one that was not started here serves for both.
    pub(crate) fn scoring_server(&self) -> ScoringServer {
        let server = self.server.as_ref();
        server.map_or(ScoringServer::Same, |server| server.scoring)
    }

    /// 64 connections, 10 minutes for the server, 5 % without an answer, seeds required, a server that runs already.
    pub fn new(grace_version: impl Into<String>) -> Self {
        Self {
            max_connections: const { NonZeroUsize::new(64).expect("64 is not 0") },
            server_timeout: Duration::from_mins(10),
            fail_on_error: 0.05,
            require_seeds: true,
            grace_version: grace_version.into(),
            server: None,
            nvidia_smi: PathBuf::from("nvidia-smi"),
        }
    }
}

/// A job that cannot be begun.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JobError {
    /// Files have mistakes.
    #[error("{0}")]
    Invalid(Problems),
    /// A seed does not fit the order's algorithm.
    #[error("experiment `{experiment}` cannot be put in order")]
    Order {
        /// The experiment.
        experiment: ExperimentId,
        /// Why.
        source: OrderError,
    },
    /// The stimuli changed while they were read.
    #[error(transparent)]
    Stimuli(StimuliError),
}

/// Checks a stimuli file against an experiment and makes every prompt; the number of rows and of distinct prompts.
///
/// # Errors
///
/// Returns every mistake in the stimuli, and every prompt that cannot be made.
pub fn check_stimuli(path: &Path, experiment: &Experiment) -> Result<(u32, usize), JobError> {
    let (stimuli, index) = StimuliFile::open(path, experiment).map_err(stimuli_error)?;
    let mut distinct = BTreeSet::new();
    let each = |_, query: &Query, prompt: &str| {
        distinct.insert((query.id.clone(), Digest::of(prompt.as_bytes())));
    };
    each_prompt(&stimuli, &index, experiment, path, each)?;
    Ok((index.len(), distinct.len()))
}

/// Makes every prompt, row by row in the file's order, so that one that cannot be made is known before any is sent.
pub(crate) fn each_prompt(
    stimuli: &StimuliFile,
    index: &StimuliIndex,
    experiment: &Experiment,
    path: &Path,
    mut each: impl FnMut(u32, &Query, &str),
) -> Result<(), JobError> {
    let mut problems = Problems::new();
    for trial_id in 0..index.len() {
        let stimulus = stimuli.row(index, trial_id).map_err(JobError::Stimuli)?;
        let context = stimulus.prompt_context();
        for query in &experiment.queries {
            match experiment.prompts.render(&query.id, &context) {
                Ok(prompt) => each(trial_id, query, &prompt),
                Err(error) => problems.push(prompt_problem(path, trial_id, &error)),
            }
        }
    }
    problems.into_result(()).map_err(JobError::Invalid)
}

pub(crate) fn stimuli_error(error: StimuliError) -> JobError {
    match error {
        StimuliError::Invalid(problems) => JobError::Invalid(problems),
        changed @ StimuliError::Changed { .. } => JobError::Stimuli(changed),
    }
}

/// A job with its files read.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) experiments: Vec<PreparedExperiment>,
    pub(crate) inputs: Inputs,
}

/// An experiment with its stimuli open.
#[derive(Debug)]
pub(crate) struct PreparedExperiment {
    pub(crate) plan: ExperimentPlan,
    pub(crate) stimuli: StimuliFile,
    /// The start of each prompt's digest, by row and query.
    prompts: Vec<u64>,
}

impl PreparedExperiment {
    /// Whether `prompt` is what was planned for query number `query` of row `trial_id`: the stimuli file may
    /// change under a run, and what is sent must not.
    pub(crate) fn is_planned(&self, trial_id: u32, query: usize, prompt: &str) -> bool {
        let place = trial_id as usize * self.plan.experiment.queries.len() + query;
        self.prompts.get(place) == Some(&short_digest(prompt))
    }
}

/// Equal for queries with the same prompt and options.
fn score_key(query: &ScoreQuery, prompt: &str) -> Digest {
    let mut hasher = Hasher::new();
    hasher.field(prompt.as_bytes());
    for option in &query.options {
        hasher.field(option.text.as_bytes());
    }
    hasher.finish()
}

fn short_digest(prompt: &str) -> u64 {
    let digest = Digest::of(prompt.as_bytes());
    let first = digest.as_bytes().first_chunk().copied().unwrap_or_default();
    u64::from_be_bytes(first)
}

/// Reads and checks every file of a job, and makes every prompt once.
pub(crate) fn prepare(
    model: &Model,
    replication: u32,
    (rules, scoring): (SeedRules, ScoringSettings),
    scoring_server: ScoringServer,
    jobs: Vec<ExperimentJob>,
) -> Result<Prepared, JobError> {
    let mut inputs = Inputs::of_model(model, replication);
    if jobs.iter().any(|job| job.experiment.scores()) {
        inputs.add_scoring_server(scoring_server, model);
    }
    let mut experiments = Vec::new();
    let mut problems = Problems::new();
    for job in jobs {
        problems.extend(unscorable(model, &job.experiment));
        match prepare_experiment(model, (rules, scoring), job) {
            Ok((prepared, prompts)) => {
                inputs.add_experiment(&prepared.plan, model, prompts);
                experiments.push(prepared);
            }
            Err(JobError::Invalid(found)) => problems.extend(found),
            Err(other) => return Err(other),
        }
    }
    let prepared = Prepared {
        experiments,
        inputs,
    };
    problems.into_result(prepared).map_err(JobError::Invalid)
}

/// A model that thinks in its chat template would be asked for an answer in place of its thought.
fn unscorable(model: &Model, experiment: &Experiment) -> Problems {
    let mut problems = Problems::new();
    if experiment.scores() && model.api == Api::Chat && model.reasoning.is_some() {
        problems.push(Problem::new(
            "models.yaml",
            format!(
                "model `{}` has `api: chat` and `reasoning`, so options of experiment `{}` would stand where its thought \
                 begins; expected `api: completions`",
                model.key, experiment.id
            ),
        ));
    }
    problems
}

fn prepare_experiment(
    model: &Model,
    (rules, scoring): (SeedRules, ScoringSettings),
    job: ExperimentJob,
) -> Result<(PreparedExperiment, Digest), JobError> {
    let (stimuli, index) =
        StimuliFile::open(&job.stimuli, &job.experiment).map_err(stimuli_error)?;
    let index = match job.limit {
        Some(limit) => index.limited(limit.get()),
        None => index,
    };
    let id = job.experiment.id.clone();
    let mut plan = ExperimentPlan::new(job.experiment, index, job.seed, rules, &model.name)
        .map_err(|source| JobError::Order {
            experiment: id,
            source,
        })?
        .with_limit(job.limit.map(NonZeroU32::get))
        .with_scoring(scoring);
    let (mut digest, mut prompts) = (PromptDigest::new(), Vec::new());
    let (reuses, mut keys) = (scoring.reuse && plan.experiment.scores(), Vec::new());
    let each = |_, query: &Query, prompt: &str| {
        digest.add(query, prompt);
        prompts.push(short_digest(prompt));
        if reuses {
            keys.push(query.kind.score().map(|score| score_key(score, prompt)));
        }
    };
    each_prompt(
        &stimuli,
        &plan.stimuli,
        &plan.experiment,
        &job.stimuli,
        each,
    )?;
    if reuses {
        let queries = plan.experiment.queries.len();
        let key = |row: u32, query: usize| keys.get(row as usize * queries + query).copied()?;
        plan.reuse = Reuse::of(&plan, key);
    }
    let prepared = PreparedExperiment {
        plan,
        stimuli,
        prompts,
    };
    Ok((prepared, digest.finish()))
}

fn prompt_problem(stimuli: &Path, trial_id: u32, error: &PromptError) -> Problem {
    let cause =
        std::error::Error::source(error).map_or_else(String::new, |cause| format!(": {cause}"));
    Problem::new(
        stimuli.display().to_string(),
        format!("{error}{cause} (row {trial_id}, counted from 0 without the header)"),
    )
}
