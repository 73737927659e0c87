//! Whether what was sent carried the planned seeds.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use grace_core::layout::ReplicationLayout;
use grace_core::metadata::Metadata;
use grace_seed::{ExperimentSeed, OrderAlgorithm, RequestKey, SeedBits, request_seed};
use serde::Deserialize;

use super::report::ReplicationReport;

/// The seeds of one experiment, as `metadata.json` tells them.
#[derive(Debug)]
pub(super) struct SeedPlanOf<'a> {
    model_name: &'a str,
    experiment: &'a str,
    shared: bool,
    bits: SeedBits,
    pub(super) experiment_seed: u64,
    pub(super) order: OrderAlgorithm,
}

impl<'a> SeedPlanOf<'a> {
    pub(super) fn read(metadata: &'a Metadata, experiment: &'a str) -> Option<Self> {
        let seeds = &metadata.seeds;
        let bits = u32::try_from(seeds.value("seed_bits")?.as_u64()?).ok()?;
        Some(Self {
            model_name: &metadata.model_name,
            experiment,
            shared: seeds.value("request_seeds")?.as_str()? == "shared",
            bits: SeedBits::try_from(bits).ok()?,
            experiment_seed: seeds.value(&format!("{experiment}_seed"))?.as_u64()?,
            order: seeds.value("order_algorithm")?.as_str()?.parse().ok()?,
        })
    }

    pub(super) fn request_seed(&self, trial_id: u32, query: &str) -> u64 {
        if self.shared {
            return self.experiment_seed;
        }
        let key = RequestKey {
            model: self.model_name,
            experiment: self.experiment,
            experiment_seed: ExperimentSeed(self.experiment_seed),
            trial_id: u64::from(trial_id),
            query,
            draw: 0,
        };
        request_seed(&key, self.bits).0
    }
}

#[derive(Deserialize)]
struct Sent<'a> {
    trial_id: u32,
    #[serde(borrow)]
    query: std::borrow::Cow<'a, str>,
    request: Body,
}

#[derive(Deserialize)]
struct Body {
    seed: Option<u64>,
}

/// Checks the seeds in the bodies of all journals.
pub(super) fn check(
    layout: &ReplicationLayout,
    metadata: &Metadata,
    report: &mut ReplicationReport,
) {
    for attempt in &metadata.attempts {
        for (experiment, _) in metadata.counts.iter() {
            let (Ok(id), Some(seeds)) =
                (experiment.parse(), SeedPlanOf::read(metadata, experiment))
            else {
                continue;
            };
            let journal = layout.attempt(&attempt.name).journal(&id);
            if let Ok(file) = File::open(&journal) {
                check_journal(&journal, file, &seeds, report);
            }
        }
    }
}

fn check_journal(path: &Path, file: File, seeds: &SeedPlanOf<'_>, report: &mut ReplicationReport) {
    let mut wrong = 0_u64;
    let mut example = String::new();
    let mut reader = BufReader::with_capacity(1 << 18, file);
    let mut line = Vec::new();
    while reader
        .read_until(b'\n', &mut line)
        .is_ok_and(|length| length > 0)
    {
        // Damaged lines are counted when results are sealed; they answer nothing.
        if let Ok(sent) = serde_json::from_slice::<Sent<'_>>(&line) {
            let planned = seeds.request_seed(sent.trial_id, &sent.query);
            if sent.request.seed != Some(planned) {
                wrong += 1;
                example = format!("trial_id {}, query {}", sent.trial_id, sent.query);
            }
        }
        line.clear();
    }
    if wrong > 0 {
        report.seeds_sent_as_planned = false;
        report.fault(format!(
            "{}: {wrong} requests were sent with another seed than planned ({example})",
            path.display()
        ));
    }
}
