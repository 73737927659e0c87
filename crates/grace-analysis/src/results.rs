//! All replications of a results folder, surveyed: which may be read, and the schema of each experiment's table.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use crate::completeness::FindingKind;
use crate::find::{self, FindError};
use crate::parallel;
use crate::replication::{RecordsFile, Replication};
use crate::schema::{Definition, Definitions, Observed, Schema, resolve};

/// A results folder after every file was read once.
#[derive(Debug)]
pub struct Results {
    /// Every replication that was found, by model and index.
    pub(crate) replications: Vec<Replication>,
    /// The experiments of readable replications, by id.
    pub(crate) experiments: Vec<Experiment>,
}

/// An experiment in all replications.
#[derive(Debug)]
pub(crate) struct Experiment {
    pub(crate) id: String,
    pub(crate) schema: Schema,
    pub(crate) definition: Option<Definition>,
}

impl Results {
    /// Reads every file of every replication at or under `folder` once, on `threads` threads, each of which holds one
    /// file in memory. `definitions` tell the types of measures.
    ///
    /// Digests are checked, and records are compared with what they should be. A replication with any fault is left out
    /// as a whole and told of in [`Results::completeness`].
    ///
    /// # Errors
    ///
    /// Returns [`FindError`] if there are no results at all. Faults of replications are no error.
    pub fn survey(
        folder: &Path,
        definitions: &Definitions,
        threads: NonZeroUsize,
    ) -> Result<Self, FindError> {
        let folders = find::replications(folder)?;
        let replications = parallel::map(folders.len(), threads, |number, buffer| {
            Replication::survey(&folders[number], buffer)
        });
        Ok(Self::of(replications, definitions))
    }

    /// What replications are together, of which each was read by itself.
    pub(crate) fn of(mut replications: Vec<Replication>, definitions: &Definitions) -> Self {
        replications.sort_by(|a, b| sort_key(a).cmp(&sort_key(b)));
        leave_out_twins(&mut replications);
        leave_out_strangers(&mut replications);
        leave_out_misfits(&mut replications, definitions);
        let experiments = experiments(&replications, definitions);
        Self {
            replications,
            experiments,
        }
    }

    /// The replications that may be read, by model and index.
    pub(crate) fn readable(&self) -> impl Iterator<Item = &Replication> {
        self.replications
            .iter()
            .filter(|replication| replication.readable)
    }
}

fn sort_key(replication: &Replication) -> (&str, Option<u32>, &Path) {
    let Replication {
        model_key,
        index,
        folder,
        ..
    } = replication;
    (model_key, *index, folder)
}

/// Of several folders with one replication the first counts.
fn leave_out_twins(replications: &mut [Replication]) {
    let mut first: BTreeMap<(String, u32), PathBuf> = BTreeMap::new();
    for replication in replications
        .iter_mut()
        .filter(|replication| replication.readable)
    {
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
    for replication in replications
        .iter_mut()
        .filter(|replication| replication.readable)
    {
        let mut wrong = Vec::new();
        for file in &replication.files {
            let experiment = experiments.iter().find(|one| one.id == file.experiment);
            let misfits = experiment
                .map(|experiment| file.survey.observed.misfits(&experiment.schema))
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

fn experiments(replications: &[Replication], definitions: &Definitions) -> Vec<Experiment> {
    let files = || {
        let readable = replications
            .iter()
            .filter(|replication| replication.readable);
        readable.flat_map(|replication| &replication.files)
    };
    let ids: BTreeSet<&str> = files().map(|file| file.experiment.as_str()).collect();
    ids.into_iter()
        .map(|id| {
            let of_id = |file: &&RecordsFile| file.experiment == id;
            let observed = files().filter(of_id).map(|file| &file.survey.observed);
            let definition = definition(id, observed.clone(), definitions);
            Experiment {
                id: id.to_owned(),
                schema: resolve(observed, definition),
                definition: definition.cloned(),
            }
        })
        .collect()
}

/// The definition that fits all files together.
fn definition<'d, 'o>(
    id: &str,
    files: impl Iterator<Item = &'o Observed> + Clone,
    definitions: &'d Definitions,
) -> Option<&'d Definition> {
    definitions.of_records(id, &files.flat_map(Observed::names).collect())
}
