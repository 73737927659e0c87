//! Checking finished replications: complete, unique, seeded and ordered as planned, unchanged since, and
//! replications of one another.

mod criteria;
mod find;
mod gaps;
mod journals;
mod manifest;
mod records;
mod report;

pub use find::FindError;
pub use report::{Checks, Criterion, ExperimentReport, ReplicationReport, Report};

use std::path::Path;

use grace_core::layout::ReplicationLayout;
use grace_core::metadata::{Metadata, Status};

use crate::metadata;

/// What counts as good.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VerifyOptions {
    /// The least share of queries of an experiment with an answer that could be read, from 0 to 1.
    pub min_parse_rate: f64,
    /// How many replications each model must have, from index 0 on; `None` asks only that there is no gap below the
    /// highest index found.
    pub replications: Option<u32>,
}

impl Default for VerifyOptions {
    /// 95 % of answers read, any number of replications.
    fn default() -> Self {
        Self {
            min_parse_rate: 0.95,
            replications: None,
        }
    }
}

/// Checks every replication at or under `path`. Reads all sealed files; writes nothing.
///
/// # Errors
///
/// Returns [`FindError`] if there is no replication. Faults of replications are no error but
/// part of the [`Report`].
pub fn verify(path: &Path, options: VerifyOptions) -> Result<Report, FindError> {
    let folders = find::replications(path)?;
    let replications = folders.iter().map(replication).collect();
    Ok(Report::new(replications, options))
}

fn replication(layout: &ReplicationLayout) -> ReplicationReport {
    let mut report = ReplicationReport::new(layout.folder());
    let metadata = match metadata::load(layout) {
        Ok(Some(metadata)) => metadata,
        Ok(None) => {
            report.fault(String::from("has no metadata.json: it never began"));
            return report;
        }
        Err(error) => {
            report.fault(crate::ask::chain(&error));
            return report;
        }
    };
    report.describe(layout, &metadata);
    if !layout.manifest().exists() {
        report.fault(format!("is not sealed: {}", unsealed(&metadata)));
        return report;
    }
    report.sealed = true;
    manifest::check(layout, &mut report);
    for (id, _) in metadata.counts.iter() {
        match id.parse() {
            Ok(experiment) => records::check(layout, &experiment, &metadata, &mut report),
            Err(error) => report.fault(format!(
                "metadata.json counts an experiment that cannot be: {error}"
            )),
        }
    }
    journals::check(layout, &metadata, &mut report);
    report
}

/// How far a replication is that is not sealed.
pub(crate) fn unsealed(metadata: &Metadata) -> String {
    let open: u64 = metadata
        .counts
        .iter()
        .map(|(_, counts)| counts.outstanding())
        .sum();
    let open = if open > 0 {
        format!(", {open} queries open")
    } else {
        String::new()
    };
    format!("its status is `{}`{open}", status(metadata))
}

fn status(metadata: &Metadata) -> &'static str {
    match metadata.status {
        Status::Running => "running",
        Status::Complete => "complete",
        Status::Incomplete => "incomplete",
        _ => "failed",
    }
}
