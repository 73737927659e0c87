//! What checking found, replication by replication, and against the lab's criteria for success.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use grace_core::metadata::Metadata;
use serde::Serialize;

use super::VerifyOptions;

/// What was found in all replications.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// Each replication.
    pub replications: Vec<ReplicationReport>,
    /// The criteria, met or not.
    pub criteria: Vec<Criterion>,
}

/// One criterion for success.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Criterion {
    /// What is asked.
    pub name: &'static str,
    /// What was found.
    pub found: String,
    /// What is wanted.
    pub wanted: String,
    /// Whether it is met.
    pub met: bool,
}

/// What was found in one replication.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct ReplicationReport {
    /// Its folder.
    pub path: PathBuf,
    /// The model, as far as it is known.
    pub model_key: Option<String>,
    /// The index, as far as it is known.
    pub replication: Option<u32>,
    /// The server's version, as recorded.
    pub server: Option<String>,
    /// Whether it is sealed.
    pub sealed: bool,
    /// Whether every sealed file has the digest it was sealed with.
    pub hashes_hold: bool,
    /// Whether every request in the journals carries its planned seed.
    pub seeds_sent_as_planned: bool,
    /// Each experiment.
    pub experiments: Vec<ExperimentReport>,
    /// Everything that is wrong, in words.
    pub faults: Vec<String>,
}

/// What was found in one experiment of a replication.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct ExperimentReport {
    /// The experiment.
    pub experiment: String,
    /// Records found.
    pub trials: u64,
    /// Queries found.
    pub queries: u64,
    /// Queries with an answer that could be read.
    pub answered: u64,
    /// Queries by outcome.
    pub outcomes: BTreeMap<String, u64>,
    /// What was checked.
    pub checks: Checks,
    /// Whether trials were shuffled at all.
    pub shuffled: bool,
    /// The experiment seed.
    pub seed: u64,
    #[serde(skip)]
    pub(super) order: Vec<u32>,
}

/// What was checked in one experiment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Checks {
    /// Whether each planned trial is there once.
    pub trials_complete: bool,
    /// Whether the order is that of the seed.
    pub order_as_planned: bool,
    /// Whether the recorded request seeds are those of the plan.
    pub seeds_as_planned: bool,
}

impl ExperimentReport {
    /// The share of queries with an answer that could be read.
    pub fn parse_rate(&self) -> f64 {
        self.answered as f64 / self.queries.max(1) as f64
    }
}

impl ReplicationReport {
    pub(super) fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            model_key: None,
            replication: None,
            server: None,
            sealed: true,
            hashes_hold: true,
            seeds_sent_as_planned: true,
            experiments: Vec::new(),
            faults: Vec::new(),
        }
    }

    pub(super) fn describe(&mut self, metadata: &Metadata) {
        self.model_key = Some(metadata.model_key.clone());
        self.replication = Some(metadata.replication_index);
        self.server = metadata
            .deployment_info
            .value("server")
            .map(ToString::to_string);
    }

    pub(super) fn incomplete(&mut self, fault: String) {
        self.sealed = false;
        self.fault(fault);
    }

    pub(super) fn hash_fault(&mut self, fault: String) {
        self.hashes_hold = false;
        self.fault(fault);
    }

    pub(super) fn fault(&mut self, fault: String) {
        self.faults.push(fault);
    }
}

impl Report {
    pub(super) fn new(replications: Vec<ReplicationReport>, options: VerifyOptions) -> Self {
        let criteria = criteria(&replications, options);
        Self {
            replications,
            criteria,
        }
    }

    /// Whether every criterion is met and nothing is wrong.
    pub fn passed(&self) -> bool {
        let faultless = self
            .replications
            .iter()
            .all(|replication| replication.faults.is_empty());
        faultless && self.criteria.iter().all(|criterion| criterion.met)
    }
}

fn criteria(replications: &[ReplicationReport], options: VerifyOptions) -> Vec<Criterion> {
    let sealed = share(
        "replications complete and sealed",
        replications.iter().map(|replication| replication.sealed),
    );
    let hashes = share(
        "sealed files unchanged",
        replications
            .iter()
            .map(|replication| replication.hashes_hold),
    );
    let experiments = || {
        replications
            .iter()
            .flat_map(|replication| &replication.experiments)
    };
    let seeds = replications.iter().map(|replication| {
        replication.seeds_sent_as_planned
            && replication
                .experiments
                .iter()
                .all(|experiment| experiment.checks.seeds_as_planned)
    });
    vec![
        sealed,
        gaps(replications),
        share(
            "each trial there once",
            experiments().map(|experiment| experiment.checks.trials_complete),
        ),
        share("seeds as planned", seeds),
        share(
            "orders as planned",
            experiments().map(|experiment| experiment.checks.order_as_planned),
        ),
        distinct(
            "orders differ between replications",
            replications,
            same_order,
        ),
        distinct("seeds differ between replications", replications, |a, b| {
            a.seed == b.seed
        }),
        hashes,
        parse_rates(replications, options.min_parse_rate),
        servers(replications),
    ]
}

fn share(name: &'static str, checks: impl Iterator<Item = bool>) -> Criterion {
    let (mut met, mut all) = (0, 0);
    for check in checks {
        all += 1;
        met += u32::from(check);
    }
    Criterion {
        name,
        found: format!("{met} of {all}"),
        wanted: String::from("all"),
        met: met == all && all > 0,
    }
}

/// Orders of a handful of trials may be equal by chance.
fn same_order(a: &ExperimentReport, b: &ExperimentReport) -> bool {
    const FEWEST: usize = 10;
    a.shuffled && b.shuffled && a.order.len() >= FEWEST && a.order == b.order
}

fn distinct(
    name: &'static str,
    replications: &[ReplicationReport],
    equal: impl Fn(&ExperimentReport, &ExperimentReport) -> bool,
) -> Criterion {
    let mut pairs = Vec::new();
    for (position, later) in replications.iter().enumerate() {
        for earlier in replications[..position]
            .iter()
            .filter(|earlier| earlier.model_key == later.model_key)
        {
            for experiment in &later.experiments {
                let twin = earlier
                    .experiments
                    .iter()
                    .find(|twin| twin.experiment == experiment.experiment);
                if twin.is_some_and(|twin| equal(twin, experiment)) {
                    pairs.push(format!(
                        "{} in {} and {}",
                        experiment.experiment,
                        index(earlier),
                        index(later)
                    ));
                }
            }
        }
    }
    Criterion {
        name,
        met: pairs.is_empty(),
        found: if pairs.is_empty() {
            String::from("all differ")
        } else {
            format!("equal: {}", pairs.join("; "))
        },
        wanted: String::from("all differ"),
    }
}

fn index(replication: &ReplicationReport) -> String {
    replication
        .replication
        .map_or_else(|| String::from("?"), |index| index.to_string())
}

/// Replications whose index is missing below the highest one of the same model.
fn gaps(replications: &[ReplicationReport]) -> Criterion {
    let mut by_model: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
    for replication in replications {
        if let (Some(model), Some(index)) = (&replication.model_key, replication.replication) {
            by_model.entry(model).or_default().push(index);
        }
    }
    let mut missing = Vec::new();
    for (model, indexes) in by_model {
        // A single replication is looked at for itself, whatever its index.
        if indexes.len() > 1 {
            let highest = indexes.iter().max().copied().unwrap_or_default();
            missing.extend(
                (0..highest)
                    .filter(|index| !indexes.contains(index))
                    .map(|index| format!("{model} {index}")),
            );
        }
    }
    Criterion {
        name: "no replication missing",
        met: missing.is_empty(),
        found: if missing.is_empty() {
            String::from("none missing")
        } else {
            missing.join(", ")
        },
        wanted: String::from("none missing"),
    }
}

fn parse_rates(replications: &[ReplicationReport], wanted: f64) -> Criterion {
    let experiments = replications
        .iter()
        .flat_map(|replication| &replication.experiments);
    let lowest = experiments.min_by(|a, b| a.parse_rate().total_cmp(&b.parse_rate()));
    let percent = |share: f64| format!("{:.1} %", share * 100.0);
    Criterion {
        name: "answers that could be read",
        found: lowest.map_or_else(
            || String::from("no experiment"),
            |lowest| {
                format!(
                    "at least {} ({})",
                    percent(lowest.parse_rate()),
                    lowest.experiment
                )
            },
        ),
        wanted: format!("at least {} in each experiment", percent(wanted)),
        met: lowest.is_some_and(|lowest| lowest.parse_rate() >= wanted),
    }
}

fn servers(replications: &[ReplicationReport]) -> Criterion {
    let mut by_model: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for replication in replications {
        if let (Some(model), Some(server)) = (&replication.model_key, &replication.server) {
            let servers = by_model.entry(model).or_default();
            if !servers.contains(&server.as_str()) {
                servers.push(server);
            }
        }
    }
    let mixed: Vec<String> = by_model
        .iter()
        .filter(|(_, servers)| servers.len() > 1)
        .map(|(model, servers)| format!("{model}: {}", servers.join(", ")))
        .collect();
    Criterion {
        name: "one server version for each model",
        met: mixed.is_empty(),
        found: if mixed.is_empty() {
            String::from("one each")
        } else {
            mixed.join("; ")
        },
        wanted: String::from("one each"),
    }
}
