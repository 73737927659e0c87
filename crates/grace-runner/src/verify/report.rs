//! What checking found, replication by replication, and against the lab's criteria for success.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use grace_core::layout::ReplicationLayout;
use grace_core::metadata::Metadata;
use grace_core::plan::Inputs;
use serde::Serialize;

use super::VerifyOptions;
use super::criteria::criteria;
use crate::attempt::has_answers;

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
    /// The servers that its attempts had answers from, kind and version, each once, in the order of the attempts.
    pub servers: Vec<String>,
    /// Whether it is sealed; if not, only its metadata was looked at.
    pub sealed: bool,
    /// Whether every sealed file has the digest it was sealed with; null if it is not sealed.
    pub hashes_hold: Option<bool>,
    /// Whether the journals hold an answer to every query of the records; null if it is not sealed.
    pub journals_complete: Option<bool>,
    /// Whether every request in the journals carries its planned seed; null if it is not sealed or no request is
    /// there.
    pub seeds_sent_as_planned: Option<bool>,
    /// Each experiment whose records could be opened; none if it is not sealed.
    pub experiments: Vec<ExperimentReport>,
    /// Everything that is wrong, in words.
    pub faults: Vec<String>,
    /// What decides the results, as recorded; compared between replications.
    #[serde(skip)]
    pub(super) inputs: Option<Inputs>,
    /// The experiments that are counted; all of them once it is sealed.
    #[serde(skip)]
    pub(super) counted: Vec<String>,
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
    /// Queries that take the answer of an equal one, which alone was asked.
    pub reused: u64,
    /// Queries by outcome.
    pub outcomes: BTreeMap<String, u64>,
    /// What was checked.
    pub checks: Checks,
    /// Whether trials were shuffled at all.
    pub shuffled: bool,
    /// The experiment seed.
    pub seed: u64,
    /// The trials as they were presented.
    #[serde(skip)]
    pub(super) order: Vec<u32>,
    /// The queries of the first record, and so of all.
    #[serde(skip)]
    pub(super) query_ids: Vec<String>,
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
            servers: Vec::new(),
            sealed: false,
            hashes_hold: None,
            journals_complete: None,
            seeds_sent_as_planned: None,
            experiments: Vec::new(),
            faults: Vec::new(),
            inputs: None,
            counted: Vec::new(),
        }
    }

    pub(super) fn describe(&mut self, layout: &ReplicationLayout, metadata: &Metadata) {
        self.model_key = Some(metadata.model_key.clone());
        self.replication = Some(metadata.replication_index);
        self.servers = servers(layout, metadata);
        self.inputs = Some(metadata.inputs.clone());
        let counted = metadata.counts.iter();
        self.counted = counted.map(|(id, _)| id.to_owned()).collect();
        self.counted.sort();
    }

    pub(super) fn hash_fault(&mut self, fault: String) {
        self.hashes_hold = Some(false);
        self.fault(fault);
    }

    pub(super) fn fault(&mut self, fault: String) {
        self.faults.push(fault);
    }
}

/// The servers of all attempts that answered queries; where none says, that of the last probe.
fn servers(layout: &ReplicationLayout, metadata: &Metadata) -> Vec<String> {
    let mut servers: Vec<String> = Vec::new();
    for attempt in &metadata.attempts {
        // Missing journals are a fault of their own.
        let answered = has_answers(&layout.attempt(&attempt.name)).unwrap_or(true);
        if let Some(server) = &attempt.server
            && answered
            && !servers.contains(server)
        {
            servers.push(server.clone());
        }
    }
    let probed = metadata.deployment_info.value("server");
    if let (true, Some(server)) = (servers.is_empty(), probed)
        && let Some(kind) = server["kind"].as_str()
    {
        let version = server["version"].as_str();
        servers.push(format!(
            "{kind} {}",
            version.unwrap_or("of unknown version")
        ));
    }
    servers
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
