//! All replications of a results folder, surveyed: which may be read, and the schema of each experiment's table.

mod left_out;

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

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
    /// Files beside the replications that look like records.
    pub(crate) strays: Vec<PathBuf>,
}

/// An experiment in all replications.
#[derive(Debug)]
pub(crate) struct Experiment {
    pub(crate) id: String,
    pub(crate) schema: Schema,
    pub(crate) definition: Option<Definition>,
    /// Whether earlier scripts alone wrote it.
    pub(crate) legacy: bool,
    /// The columns of the experiment file of its name that the records lack, so that the file does not describe them.
    pub(crate) lacking: Vec<String>,
}

impl Experiment {
    /// Whether nothing tells answers from stimuli. Stimuli that grace wrote are texts.
    pub(crate) fn is_undescribed(&self) -> bool {
        self.legacy && self.definition.is_none()
    }
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
        let found = find::replications(folder)?;
        let replications = parallel::map(found.folders.len(), threads, |number, buffer| {
            Replication::survey(&found.folders[number], buffer)
        });
        Ok(Self {
            strays: found.strays,
            ..Self::of(replications, definitions)
        })
    }

    /// What replications are together, of which each was read by itself.
    pub(crate) fn of(mut replications: Vec<Replication>, definitions: &Definitions) -> Self {
        replications.sort_by(|a, b| sort_key(a).cmp(&sort_key(b)));
        left_out::leave_out(&mut replications, definitions);
        let experiments = experiments(&replications, definitions);
        Self {
            replications,
            experiments,
            strays: Vec::new(),
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
            let names = observed.clone().flat_map(Observed::names).collect();
            let definition = definitions.of_records(id, &names);
            Experiment {
                id: id.to_owned(),
                legacy: observed.clone().all(|file| file.legacy),
                schema: resolve(observed, definition),
                definition: definition.cloned(),
                lacking: definitions.lacking(id, &names),
            }
        })
        .collect()
}
