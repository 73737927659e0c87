//! What the pods are to run: seeds, and the files of the configuration folder.

use std::collections::BTreeMap;

use grace_core::Digest;
use grace_core::cluster::Workload;
use grace_core::digest::Hasher;
use grace_core::plan::Inputs;
use grace_seed::SeedPlan;

/// What the pods are to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Study {
    /// The seeds of all replications; also how many there are.
    pub seeds: SeedPlan,
    /// The digest of each experiment's file, by id.
    pub experiments: BTreeMap<String, Digest>,
    /// The files of the configuration folder, by path in it (`stimuli/study1.csv`).
    pub files: BTreeMap<String, String>,
    /// Stimuli files that the experiments need.
    pub stimuli: Vec<String>,
}

impl Study {
    /// Stimuli files that are needed but not in the configuration folder.
    pub fn missing_stimuli(&self) -> Vec<&str> {
        let missing = |file: &&String| !self.files.contains_key(&format!("stimuli/{file}"));
        let mut missing: Vec<&str> = self
            .stimuli
            .iter()
            .filter(missing)
            .map(String::as_str)
            .collect();
        missing.sort_unstable();
        missing.dedup();
        missing
    }

    /// The base seeds, as `1001-1005`.
    pub(crate) fn base_seeds(&self) -> String {
        self.range(|index| {
            self.seeds
                .base_seed(index)
                .map(|seed| seed.0)
                .unwrap_or_default()
        })
    }

    /// The experiment seeds, as `study1_exp1=1001-1005 study2_exp1=2001-2005`.
    pub(crate) fn experiment_seeds(&self) -> String {
        let seeds = self.seeds.experiments().map(|(id, _)| {
            let seed = |index| {
                self.seeds
                    .experiment_seed(index, id)
                    .map(|seed| seed.0)
                    .unwrap_or_default()
            };
            format!("{id}={}", self.range(seed))
        });
        seeds.collect::<Vec<_>>().join(" ")
    }

    fn range(&self, seed: impl Fn(u32) -> u64) -> String {
        let last = self.seeds.replications() - 1;
        if last == 0 {
            seed(0).to_string()
        } else {
            format!("{}-{}", seed(0), seed(last))
        }
    }

    /// The digest of what decides results whatever the model: seeds, experiments, plan and stimuli.
    pub(crate) fn digest(&self) -> Digest {
        let mut hasher = Hasher::new();
        hasher.field(self.experiment_seeds().as_bytes());
        for (id, digest) in &self.experiments {
            hasher.field(id.as_bytes());
            hasher.field(digest.as_bytes());
        }
        let decides = |path: &str| path == "plan.yaml" || path.starts_with("stimuli/");
        for (path, text) in self.files.iter().filter(|(path, _)| decides(path)) {
            hasher.field(path.as_bytes());
            hasher.field(text.as_bytes());
        }
        hasher.finish()
    }
}

/// The digest of what decides the results of `workload` in the study of this digest. Resources, parallelism and the
/// cluster are no part of it.
pub(crate) fn fingerprint(workload: &Workload, study: &Digest) -> Digest {
    let mut hasher = Hasher::new();
    let model = &workload.model;
    hasher.field(b"grace.plan-fingerprint/v1");
    // What replications record of their model; that of one stands for all.
    hasher.field(Inputs::of_model(model, 0).fingerprint().as_bytes());
    hasher.field(model.stop.len().to_string().as_bytes());
    for text in &model.stop {
        hasher.field(text.as_bytes());
    }
    hasher.field(study.as_bytes());
    hasher.finish()
}
