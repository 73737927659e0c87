//! Replications that nobody can use beside the others.

use std::collections::btree_map::{BTreeMap, Entry};
use std::path::PathBuf;

use super::experiments;
use crate::completeness::FindingKind;
use crate::read::Origin;
use crate::replication::{RecordsFile, Replication};
use crate::schema::{Definition, Definitions, Role};

/// Leaves out what cannot stand in one table with the others, or would count twice. `replications` are in their order:
/// of two that exclude each other the first stays.
pub(super) fn leave_out(replications: &mut [Replication], definitions: &Definitions) {
    leave_out_twins(replications);
    leave_out_halves(replications);
    leave_out_copies(replications, definitions);
    leave_out_equal_seeds(replications);
    leave_out_strangers(replications);
    leave_out_misfits(replications, definitions);
}

fn readable(replications: &mut [Replication]) -> impl Iterator<Item = &mut Replication> {
    replications
        .iter_mut()
        .filter(|replication| replication.readable)
}

/// Of several folders with one replication the first counts.
fn leave_out_twins(replications: &mut [Replication]) {
    let mut first: BTreeMap<(String, u32), PathBuf> = BTreeMap::new();
    for replication in readable(replications) {
        let Some(index) = replication.index else {
            continue;
        };
        let key = (replication.model_key.clone(), index);
        match first.get(&key) {
            None => {
                first.insert(key, replication.folder.clone());
            }
            Some(other) => {
                let message = format!(
                    "is replication {index} of {}, which {} is, too",
                    key.0,
                    other.display()
                );
                let folder = replication.folder.clone();
                replication.leave_out(folder, FindingKind::Duplicated, message);
            }
        }
    }
}

/// Leaves out what earlier scripts wrote in part: nothing but the other files tells how many records there should be.
/// Sealed replications say so themselves.
fn leave_out_halves(replications: &mut [Replication]) {
    let mut lengths: BTreeMap<String, BTreeMap<u64, usize>> = BTreeMap::new();
    let files = readable(replications).flat_map(|replication| legacy_files(replication));
    for file in files.filter(|file| file.survey.records > 0) {
        let counts = lengths.entry(file.experiment.clone()).or_default();
        *counts.entry(file.survey.records).or_default() += 1;
    }
    // Of equal maxima `max_by_key` takes the last, which is the longest.
    let usual = |experiment: &str| {
        let counts = lengths.get(experiment)?.iter();
        counts
            .max_by_key(|(_, files)| **files)
            .map(|(records, _)| *records)
    };
    for replication in readable(replications) {
        let mut wrong = Vec::new();
        for file in legacy_files(replication) {
            let (records, usual) = (file.survey.records, usual(&file.experiment));
            let message = match usual {
                _ if records == 0 => String::from("holds no records"),
                Some(usual) if usual != records => format!(
                    "holds {records} records, expected {usual}, as most files of this experiment have"
                ),
                _ => continue,
            };
            wrong.push((file.path.clone(), message));
        }
        for (path, message) in wrong {
            replication.leave_out(path, FindingKind::Missing, message);
        }
    }
}

fn legacy_files(replication: &Replication) -> &[RecordsFile] {
    match replication.origin {
        Origin::Legacy => &replication.files,
        Origin::Grace => &[],
    }
}

/// Fewer records than this may be equal by chance.
const FEWEST_COPIED: u64 = 20;

/// Leaves out what earlier scripts wrote twice, be it in another order. Scores are no draws: they may be equal, and are no copy.
fn leave_out_copies(replications: &mut [Replication], definitions: &Definitions) {
    let is_scored = |file: &&RecordsFile| {
        let columns = file.survey.observed.names().collect();
        let definition = definitions.of_records(&file.experiment, &columns);
        definition.is_some_and(|definition| {
            let mut columns = Definition::columns(definition);
            columns.all(|(_, _, role)| *role == Role::Scored)
        })
    };
    let mut first: BTreeMap<Vec<(String, String)>, PathBuf> = BTreeMap::new();
    for replication in readable(replications) {
        let sampled: Vec<&RecordsFile> = legacy_files(replication)
            .iter()
            .filter(|file| !is_scored(file))
            .collect();
        let records: u64 = sampled.iter().map(|file| file.survey.records).sum();
        let content = sampled.into_iter().map(|file| {
            let digest = file.content.map(|digest| digest.to_string());
            (file.experiment.clone(), digest.unwrap_or_default())
        });
        let content: Vec<(String, String)> = content.collect();
        if records < FEWEST_COPIED {
            continue;
        }
        match first.entry(content) {
            Entry::Vacant(vacant) => {
                vacant.insert(replication.folder.clone());
            }
            Entry::Occupied(other) => {
                let other = other.get().display();
                let message =
                    format!("holds the records of {other}: a copy, or the same random numbers");
                let folder = replication.folder.clone();
                replication.leave_out(folder, FindingKind::Duplicated, message);
            }
        }
    }
}

/// Leaves out replications with the seeds of another one of their model: their random numbers are the same.
fn leave_out_equal_seeds(replications: &mut [Replication]) {
    let mut first: BTreeMap<(String, String, String), PathBuf> = BTreeMap::new();
    for replication in readable(replications) {
        let Some(metadata) = &replication.metadata else {
            continue;
        };
        let seeds = metadata
            .seeds
            .iter()
            .filter(|(key, _)| key.ends_with("_seed"));
        let seeds: Vec<(String, String, String)> = seeds
            .map(|(key, seed)| {
                (
                    replication.model_key.clone(),
                    key.to_owned(),
                    seed.to_string(),
                )
            })
            .collect();
        let same = seeds.iter().find_map(|seed| Some((seed, first.get(seed)?)));
        if let Some(((_, key, seed), other)) = same {
            let message = format!(
                "has the same {key} as {}, {seed}: its random numbers are the same",
                other.display()
            );
            let folder = replication.folder.clone();
            replication.leave_out(folder, FindingKind::Duplicated, message);
            continue;
        }
        let folder = &replication.folder;
        first.extend(seeds.into_iter().map(|seed| (seed, folder.clone())));
    }
}

/// Leaves out replications that were asked with other inputs (prompts, stimuli, settings) than most of their model's: their
/// difference would be taken for one between replications. Of equally many, those of the first count.
fn leave_out_strangers(replications: &mut [Replication]) {
    let mut groups: BTreeMap<String, Vec<Vec<usize>>> = BTreeMap::new();
    for (place, replication) in replications.iter().enumerate() {
        if !replication.readable || replication.metadata.is_none() {
            continue;
        }
        let groups = groups.entry(replication.model_key.clone()).or_default();
        let same = groups
            .iter_mut()
            .find(|group| differing_inputs(&replications[group[0]], replication).is_empty());
        match same {
            Some(group) => group.push(place),
            None => groups.push(vec![place]),
        }
    }
    for mut groups in groups.into_values() {
        // Stable: the first of equally large ones stays in front.
        groups.sort_by_key(|group| std::cmp::Reverse(group.len()));
        let Some((most, others)) = groups.split_first() else {
            continue;
        };
        let usual = most[0];
        for &place in others.iter().flatten() {
            let keys = differing_inputs(&replications[usual], &replications[place]).join(", ");
            let message = format!(
                "has other inputs than {}, as most of this model have: {keys}",
                replications[usual].folder.display()
            );
            let folder = replications[place].folder.clone();
            replications[place].leave_out(folder, FindingKind::Refused, message);
        }
    }
}

/// The names of the inputs that differ, the planned seeds aside. An experiment that one of them lacks is told of elsewhere.
fn differing_inputs(one: &Replication, other: &Replication) -> Vec<String> {
    let (Some(one), Some(other)) = (&one.metadata, &other.metadata) else {
        return Vec::new();
    };
    let differences = other.inputs.differences(&one.inputs).into_iter();
    differences
        .filter(|it| it.recorded.is_some() && it.now.is_some())
        .map(|difference| difference.key)
        .filter(|key| key != "replication_index" && key.rsplit('.').next() != Some("seed"))
        .collect()
}

/// Leaves out replications with values that are not of their column's type.
fn leave_out_misfits(replications: &mut [Replication], definitions: &Definitions) {
    let experiments = experiments(replications, definitions);
    for replication in readable(replications) {
        let mut wrong = Vec::new();
        for file in &replication.files {
            let experiment = experiments.iter().find(|one| one.id == file.experiment);
            let misfits = experiment
                .map(|experiment| {
                    let definition = experiment.definition.as_ref();
                    file.survey.observed.misfits(&experiment.schema, definition)
                })
                .unwrap_or_default();
            for misfit in misfits {
                let message = format!(
                    "record {}: `{}` holds {}, expected {}",
                    misfit.record, misfit.column, misfit.found, misfit.expected
                );
                wrong.push((file.path.clone(), message));
            }
        }
        for (path, message) in wrong {
            replication.leave_out(path, FindingKind::Broken, message);
        }
    }
}
