//! Whether the journals hold what was sealed, and whether what was sent carried the planned seeds.

use std::borrow::Cow;
use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind};
use std::path::Path;

use grace_core::journal::RequestOutcome;
use grace_core::layout::ReplicationLayout;
use grace_core::metadata::Metadata;
use grace_core::record::Outcome;
use grace_seed::{ExperimentSeed, OrderAlgorithm, RequestKey, SeedBits, request_seed};
use serde::Deserialize;

use super::report::{ExperimentReport, ReplicationReport};

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
    query: Cow<'a, str>,
    seed: u64,
    outcome: RequestOutcome,
    request: Body,
}

/// What was sent: a body, or for a score the bodies and where they went.
#[derive(Deserialize)]
#[serde(untagged)]
enum Body {
    One { seed: Option<u64> },
    Several(Vec<Posted>),
}

#[derive(Deserialize)]
struct Posted {
    path: String,
    body: Seed,
}

#[derive(Deserialize)]
struct Seed {
    seed: Option<u64>,
}

impl Body {
    /// Whether every request that could draw random numbers carried this seed.
    fn has_seed(&self, planned: u64) -> bool {
        match self {
            Self::One { seed } => *seed == Some(planned),
            Self::Several(posted) => posted
                .iter()
                .filter(|posted| posted.path.starts_with("/v1/"))
                .all(|posted| posted.body.seed == Some(planned)),
        }
    }
}

/// Checks that the journals hold an answer to all that was sealed, and the seeds in the bodies that were sent.
pub(super) fn check(
    layout: &ReplicationLayout,
    metadata: &Metadata,
    report: &mut ReplicationReport,
) {
    let mut faults = Vec::new();
    for attempt in &metadata.attempts {
        if !layout.attempt(&attempt.name).info().exists() {
            faults.push(format!(
                "attempts/{} is named in metadata.json, and is not there or has no attempt.json",
                attempt.name
            ));
        }
    }
    let mut complete = faults.is_empty();
    let (mut sent, mut wrong) = (0, 0);
    for (experiment, _) in metadata.counts.iter() {
        let (Ok(id), Some(seeds)) = (experiment.parse(), SeedPlanOf::read(metadata, experiment))
        else {
            continue;
        };
        let mut reports = report.experiments.iter();
        let records = reports.find(|found| found.experiment == experiment);
        let (mut held, sealed) = (Held::new(records), records.map_or(0, finals));
        for attempt in &metadata.attempts {
            let journal = layout.attempt(&attempt.name).journal(&id);
            let requests = Requests::read(&journal, &seeds, &mut held);
            (sent, wrong) = (sent + requests.sent, wrong + requests.wrong);
            faults.extend(requests.fault(&journal));
        }
        if held.answers < sealed {
            complete = false;
            faults.push(format!(
                "the journals of {experiment} hold {} of the {sealed} answers that were sealed",
                held.answers
            ));
        }
    }
    report.faults.extend(faults);
    report.journals_complete = Some(complete);
    report.seeds_sent_as_planned = (sent > 0).then_some(wrong == 0);
}

/// The queries that cannot have been sealed without a journal line.
fn finals(records: &ExperimentReport) -> u64 {
    let failed = records.outcomes.get(Outcome::Failed.as_str());
    let elsewhere = failed.copied().unwrap_or_default() + records.reused;
    records.queries.saturating_sub(elsewhere)
}

/// Which queries of the records have an answer: a byte each.
struct Held<'a> {
    queries: &'a [String],
    trials: u64,
    answered: Vec<Vec<bool>>,
    answers: u64,
}

impl<'a> Held<'a> {
    fn new(records: Option<&'a ExperimentReport>) -> Self {
        let queries = records.map_or(&[][..], |records| &records.query_ids);
        Self {
            queries,
            trials: records.map_or(0, |records| records.trials),
            answered: vec![Vec::new(); queries.len()],
            answers: 0,
        }
    }

    fn take(&mut self, trial_id: u32, query: &str) {
        let position = self.queries.iter().position(|known| known == query);
        if let Some(position) = position
            && u64::from(trial_id) < self.trials
        {
            let (answered, row) = (&mut self.answered[position], trial_id as usize);
            if answered.len() <= row {
                answered.resize(row + 1, false);
            }
            self.answers += u64::from(!answered[row]);
            answered[row] = true;
        }
    }
}

/// What the requests of one journal carried.
#[derive(Default)]
struct Requests {
    sent: u64,
    wrong: u64,
    example: String,
    unreadable: Option<std::io::Error>,
}

impl Requests {
    fn read(path: &Path, seeds: &SeedPlanOf<'_>, held: &mut Held<'_>) -> Self {
        let mut requests = Self::default();
        match File::open(path) {
            Ok(file) => {
                requests.unreadable = requests.read_lines(file, seeds, held).err();
            }
            // An attempt that found nothing to ask has no journal.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => requests.unreadable = Some(error),
        }
        requests
    }

    fn read_lines(
        &mut self,
        file: File,
        seeds: &SeedPlanOf<'_>,
        held: &mut Held<'_>,
    ) -> std::io::Result<()> {
        let mut reader = BufReader::with_capacity(1 << 18, file);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line)? > 0 {
            // Damaged lines are counted when results are sealed; they answer nothing.
            let whole = line.strip_suffix(b"\n");
            if let Some(Ok(sent)) = whole.map(serde_json::from_slice::<Sent<'_>>) {
                self.count(&sent, seeds, held);
            }
            line.clear();
        }
        Ok(())
    }

    fn count(&mut self, sent: &Sent<'_>, seeds: &SeedPlanOf<'_>, held: &mut Held<'_>) {
        let planned = seeds.request_seed(sent.trial_id, &sent.query);
        self.sent += 1;
        if !sent.request.has_seed(planned) {
            self.wrong += 1;
            self.example = format!("trial_id {}, query {}", sent.trial_id, sent.query);
        }
        if sent.outcome.is_final() && sent.seed == planned {
            held.take(sent.trial_id, &sent.query);
        }
    }

    fn fault(&self, path: &Path) -> Option<String> {
        let path = path.display();
        let Self { wrong, example, .. } = self;
        match &self.unreadable {
            Some(error) => Some(format!("{path} cannot be read: {error}")),
            None if *wrong > 0 => Some(format!(
                "{path}: {wrong} requests were sent with another seed than planned ({example})"
            )),
            None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use grace_core::journal::RequestOutcome::{Answered, Failed};
    use tempfile::TempDir;

    use super::*;
    use crate::fixture::{journal, line, plan};

    #[test]
    fn each_query_of_the_records_is_held_once_and_only_by_whole_final_lines() {
        let (folder, plan) = (TempDir::new().unwrap(), plan(3));
        let seeds = SeedPlanOf {
            model_name: "model",
            experiment: "tiny",
            shared: false,
            bits: SeedBits::Bits31,
            experiment_seed: 7,
            order: OrderAlgorithm::Pcg64,
        };
        let good = line(&plan, 1, 0, Answered, "yes").replace(
            "\"request\":{}",
            &format!("\"request\":{{\"seed\":{}}}", seeds.request_seed(1, "a")),
        );
        let lines = [
            good.clone(),
            line(
                &plan,
                1,
                0,
                Answered,
                "sent without a seed, and a duplicate",
            ),
            line(&plan, 1, 1, Failed, "no"),
            good.replacen("\"seed\":", "\"seed\":1", 1)
                .replace("\"a\"", "\"b\""),
            line(&plan, 2, 1, Answered, "yes"),
            line(&plan, 0, 0, Answered, "cut").trim_end().to_owned(),
        ];
        let path = journal(folder.path(), "j", lines.concat().as_bytes());
        let queries = ["a".to_owned(), "b".to_owned()];
        let mut held = Held {
            queries: &queries,
            trials: 2,
            answered: vec![Vec::new(); 2],
            answers: 0,
        };
        let requests = Requests::read(&path, &seeds, &mut held);
        assert_eq!(held.answers, 1, "row 2 is no record");
        assert_eq!((requests.sent, requests.wrong), (5, 4));
        assert!(requests.fault(&path).unwrap().contains("4 requests"));
        let absent = Requests::read(&folder.path().join("absent"), &seeds, &mut held);
        assert_eq!((absent.sent, absent.fault(&path)), (0, None));
        let unreadable = Requests::read(folder.path(), &seeds, &mut held);
        assert!(unreadable.fault(&path).unwrap().contains("cannot be read"));
    }
}
