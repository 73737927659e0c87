//! `replicate`: one replication of a study.

use std::num::NonZeroU32;
use std::path::Path;

use grace_core::ExperimentId;
use grace_core::experiment::Experiment;
use grace_core::layout::ReplicationLayout;
use grace_core::model::Model;
use grace_core::scoring::ScoringSettings;
use grace_runner::{ExperimentJob, Job};
use grace_seed::SeedPlan;

use crate::args::ReplicateArgs;
use crate::commands::work;
use crate::exit::Failure;
use crate::runtime;
use crate::wiring::{self, Configuration, seed_failure};

pub(crate) fn run(args: &ReplicateArgs) -> Result<u8, Failure> {
    let index = replication(args.replication)?;
    let (configuration, models) = Configuration::load_with_models(&args.config)?;
    let Some(model) = models.model(&args.model) else {
        let known: Vec<&str> = models
            .models
            .iter()
            .map(|model| model.key.as_str())
            .collect();
        return Err(Failure::configuration(format!(
            "model `{}` is not in {}/models.yaml, which has `{}`",
            args.model,
            args.config.display(),
            known.join("`, `")
        )));
    };
    let scoring = configuration.settings.scoring_server;
    let (client, server) = wiring::client_or_server(&args.work.server, model, scoring)?;
    let stimuli = configuration.stimuli(args.stimuli.clone());
    let mut study = Study::new(configuration, index)?;
    study.keep(&args.experiment)?;
    study.scoring = args.work.scoring(study.scoring);
    let job = study.job(
        model.clone(),
        &args.results,
        &stimuli,
        args.work.limit,
        wiring::options(&args.work, server),
    )?;
    let folder = job.layout.folder().to_owned();
    let (end, code) = work::finish(job, &client)?;
    work::report(&end, code, &folder, args.output)?;
    Ok(code)
}

/// A configuration at one replication.
pub(crate) struct Study {
    configuration: Configuration,
    index: u32,
    seeds: SeedPlan,
    experiments: Vec<Experiment>,
    scoring: ScoringSettings,
}

impl Study {
    /// The experiments of a configuration at replication `index`.
    pub(crate) fn new(mut configuration: Configuration, index: u32) -> Result<Self, Failure> {
        let planned = configuration
            .settings
            .replications
            .max(index.saturating_add(1));
        // Of all experiments of the plan, so that leaving one out changes no seed and hides no overlap.
        let seeds = configuration.seeds(planned)?;
        let experiments = std::mem::take(&mut configuration.experiments);
        Ok(Self {
            scoring: configuration.settings.scoring,
            configuration,
            index,
            seeds,
            experiments,
        })
    }

    /// Keeps the experiments that were asked for; all, if none was.
    fn keep(&mut self, wanted: &[ExperimentId]) -> Result<(), Failure> {
        if wanted.is_empty() {
            return Ok(());
        }
        for id in wanted {
            let mut experiments = self.experiments.iter();
            if !experiments.any(|experiment| experiment.id == *id) {
                let known: Vec<&str> = self
                    .experiments
                    .iter()
                    .map(|experiment| experiment.id.as_str())
                    .collect();
                return Err(Failure::configuration(format!(
                    "experiment `{id}` is not part of the plan, which has `{}`",
                    known.join("`, `")
                )));
            }
        }
        self.experiments
            .retain(|experiment| wanted.contains(&experiment.id));
        Ok(())
    }

    /// The job of this replication for `model`.
    pub(crate) fn job(
        self,
        model: Model,
        results: &Path,
        stimuli: &Path,
        limit: Option<NonZeroU32>,
        options: grace_runner::Options,
    ) -> Result<Job, Failure> {
        let mut experiments = Vec::new();
        for experiment in self.experiments {
            let seed = self
                .seeds
                .experiment_seed(self.index, experiment.id.as_str())
                .map_err(seed_failure)?;
            let stimuli = stimuli.join(&experiment.stimuli_file);
            experiments.push(ExperimentJob {
                experiment,
                stimuli,
                seed,
                limit,
            });
        }
        let base_seed = self.seeds.base_seed(self.index).map_err(seed_failure)?;
        Ok(Job {
            layout: ReplicationLayout::of(results, &model.key, self.index),
            model,
            replication: self.index,
            base_seed: Some(base_seed.0),
            rules: self.configuration.rules(),
            scoring: self.scoring,
            experiments,
            host: runtime::host()?,
            options,
        })
    }
}

fn replication(given: Option<u32>) -> Result<u32, Failure> {
    const VARIABLE: &str = "JOB_COMPLETION_INDEX";
    if let Some(index) = given {
        return Ok(index);
    }
    let Some(text) = runtime::variable(VARIABLE) else {
        return Err(Failure::configuration(format!(
            "no replication given: expected `--replication N`, or {VARIABLE} as an Indexed Job sets it"
        )));
    };
    text.parse().map_err(|_| {
        Failure::configuration(format!(
            "{VARIABLE} is `{text}`, expected a whole number from 0"
        ))
    })
}
