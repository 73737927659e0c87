//! The request seeds of a whole study, for [`SeedAudit`].

use std::path::Path;

use grace_core::Digest;
use grace_core::experiment::{Experiment, Query};
use grace_core::model::Model;
use grace_core::plan::SeedRules;
use grace_core::settings::RequestSeeds;
use grace_seed::{ExperimentSeed, RequestKey, RequestSeed, SeedAudit, request_seed};

use crate::job::{JobError, each_prompt, stimuli_error};
use crate::stimuli::StimuliFile;

/// Which request a seed belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct AuditLabel {
    /// The index of the replication.
    pub replication: u32,
    /// The position of the experiment in the plan.
    pub experiment: usize,
    /// The row of the stimulus.
    pub trial_id: u32,
    /// The position of the query in the experiment.
    pub query: usize,
}

/// Adds all sampled requests of `experiment` (number `position` of the plan) to `audit`: for each model and each
/// of the replications in `seeds`.
///
/// # Errors
///
/// Returns every mistake in the stimuli.
pub fn audit_experiment(
    audit: &mut SeedAudit<AuditLabel>,
    (position, experiment): (usize, &Experiment),
    stimuli: &Path,
    models: &[Model],
    seeds: &[(u32, ExperimentSeed)],
    rules: SeedRules,
) -> Result<(), JobError> {
    let (file, index) = StimuliFile::open(stimuli, experiment).map_err(stimuli_error)?;
    let each = |trial_id: u32, query: &Query, prompt: &str| {
        let digest = *Digest::of(prompt.as_bytes()).as_bytes();
        let number = experiment.query_position(&query.id).unwrap_or_default();
        for model in models {
            for &(replication, seed) in seeds {
                let label = AuditLabel {
                    replication,
                    experiment: position,
                    trial_id,
                    query: number,
                };
                let sent = match rules.request_seeds {
                    RequestSeeds::Shared => RequestSeed(seed.0),
                    _ => request_seed(
                        &RequestKey {
                            model: &model.name,
                            experiment: experiment.id.as_str(),
                            experiment_seed: seed,
                            trial_id: u64::from(trial_id),
                            query: query.id.as_str(),
                            draw: 0,
                        },
                        rules.bits,
                    ),
                };
                audit.add(&model.name, digest, sent, label);
            }
        }
    };
    each_prompt(&file, &index, experiment, stimuli, each)
}
