//! The table of what was expected and what was found.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::finding::{Finding, FindingKind};
use super::plan::Plan;
use super::row::Row;
use crate::replication::Replication;
use crate::results::Results;

/// What was expected and what was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Completeness {
    /// By model, replication and experiment.
    pub rows: Vec<Row>,
    /// Everything that is wrong, by file.
    pub findings: Vec<Finding>,
    /// What a reader should know besides, and what is no fault of the results.
    pub notes: Vec<String>,
}

impl Completeness {
    /// Whether nothing is missing, broken, changed, duplicated, unsealed or refused.
    pub fn is_whole(&self) -> bool {
        self.findings.is_empty()
    }
}

impl Results {
    /// What was expected and what was found. Each model must have `replications` replications, from index 0 on; without
    /// that, there must be none missing below the highest index of any model.
    pub fn completeness(&self, replications: Option<u32>) -> Completeness {
        let wanted = replications.unwrap_or_else(|| {
            let indexes = self.replications.iter().filter_map(|one| one.index);
            indexes.max().map_or(0, |highest| highest.saturating_add(1))
        });
        let mut rows = Vec::new();
        let mut findings: Vec<Finding> = Vec::new();
        for (model, siblings) in by_model(&self.replications) {
            let plan = Plan::of(&siblings);
            for replication in &siblings {
                rows.extend(plan.rows(replication));
            }
            let there: BTreeSet<u32> = siblings.iter().filter_map(|one| one.index).collect();
            // A single folder given by itself has no siblings to miss.
            let lone = replications.is_none() && self.replications.len() == 1;
            for index in (0..wanted).filter(|index| !lone && !there.contains(index)) {
                rows.extend(plan.missing(model, index));
                let folder = siblings[0]
                    .folder
                    .with_file_name(format!("replication-{index}"));
                let message = format!("replication {index} of {model} is not there");
                findings.push(Finding::new(folder, FindingKind::Missing, message));
            }
            findings.extend(siblings.iter().flat_map(|one| one.findings.iter().cloned()));
            findings.extend(
                siblings
                    .iter()
                    .filter(|one| one.readable)
                    .flat_map(|one| plan.lacking(one)),
            );
        }
        rows.sort_by(|a, b| {
            let key = |row: &Row| {
                (
                    row.model_key.clone(),
                    row.replication,
                    row.experiment.clone(),
                )
            };
            key(a).cmp(&key(b))
        });
        findings.sort();
        Completeness {
            rows,
            findings,
            notes: self.notes(),
        }
    }
}

impl Results {
    fn notes(&self) -> Vec<String> {
        let strays = self.strays.iter().map(|path| {
            let path = path.display();
            format!("{path} lies beside replications and is part of none: it was not read")
        });
        let undescribed = self.experiments.iter().filter(|one| one.is_undescribed());
        let undescribed = undescribed.map(|experiment| {
            let lacking = match experiment.lacking.as_slice() {
                [] => String::from("no experiment file describes them"),
                columns => format!(
                    "they lack {} of its experiment file",
                    columns.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
                ),
            };
            format!(
                "{}: earlier scripts wrote these records, and {lacking}. So nothing tells answers from stimuli: icc takes \
                 the columns that --measure and --by name, and drift and report leave them out",
                experiment.id
            )
        });
        strays.chain(undescribed).collect()
    }
}

fn by_model(replications: &[Replication]) -> BTreeMap<&str, Vec<&Replication>> {
    let mut models: BTreeMap<&str, Vec<&Replication>> = BTreeMap::new();
    for replication in replications {
        models
            .entry(&replication.model_key)
            .or_default()
            .push(replication);
    }
    models
}
