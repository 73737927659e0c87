//! What results will be if nothing is wrong with them: known from the first record of each file, before any is read.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::num::NonZeroUsize;
use std::path::Path;

use crate::find::{self, FindError};
use crate::parallel;
use crate::read::{Origin, Survey, glance, survey};
use crate::replication::{Listed, RecordsFile, Replication, read_records};
use crate::results::Results;
use crate::schema::Definitions;

/// Where most first records end.
const BEGINNING: u64 = 1 << 16;

/// The results at or under `folder`, their files not surveyed but glanced at, one of each experiment read as a whole:
/// other replications have the same stimuli. `None` if something is wrong already, or if earlier scripts wrote some.
///
/// # Errors
///
/// Returns [`FindError`] if there are no results at all.
pub(super) fn expected(
    folder: &Path,
    definitions: &Definitions,
    threads: NonZeroUsize,
) -> Result<Option<Results>, FindError> {
    let found = find::replications(folder)?;
    let opened = parallel::map(found.folders.len(), threads, |number, buffer| {
        open(&found.folders[number], buffer)
    });
    let Some(mut replications) = opened.into_iter().collect::<Option<Vec<_>>>() else {
        return Ok(None);
    };
    if !read_one_of_each(&mut replications, threads) {
        return Ok(None);
    }
    let results = Results {
        strays: found.strays,
        ..Results::of(replications, definitions)
    };
    Ok(is_as_expected(&results).then_some(results))
}

/// Whether every replication with sealed files is readable.
pub(super) fn is_as_expected(results: &Results) -> bool {
    let mut sealed = results.replications.iter();
    sealed.all(|replication| replication.readable || replication.listed.is_none())
}

/// A replication whose files are glanced at; `None` if that is not enough to know what they should hold.
fn open(folder: &Path, buffer: &mut Vec<u8>) -> Option<Replication> {
    let mut replication = Replication::open(folder);
    if replication.origin == Origin::Legacy {
        return None;
    }
    for listed in replication.listed.clone().unwrap_or_default() {
        if let Some(experiment) = &listed.experiment {
            let file = glance_at(&replication, &listed, experiment, buffer).ok()??;
            replication.files.push(file);
        }
    }
    Some(replication)
}

fn glance_at(
    replication: &Replication,
    listed: &Listed,
    experiment: &str,
    buffer: &mut Vec<u8>,
) -> io::Result<Option<RecordsFile>> {
    let file = File::open(&listed.path)?;
    let bytes = file.metadata()?.len();
    buffer.clear();
    file.take(BEGINNING).read_to_end(buffer)?;
    let survey = match glance(buffer, replication.rules(experiment)) {
        Some(survey) => Some(survey),
        None => whole(&listed.path, replication, experiment, buffer),
    };
    Ok(survey.map(|survey| RecordsFile {
        experiment: experiment.to_owned(),
        path: listed.path.clone(),
        bytes,
        content: None,
        survey,
    }))
}

fn whole(
    path: &Path,
    replication: &Replication,
    experiment: &str,
    buffer: &mut Vec<u8>,
) -> Option<Survey> {
    read_records(path, replication.origin, buffer).ok()?;
    survey(buffer, replication.rules(experiment)).ok()
}

/// Surveys the first file of each experiment; whether nothing is wrong with any.
fn read_one_of_each(replications: &mut [Replication], threads: NonZeroUsize) -> bool {
    let mut firsts: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for (number, replication) in replications.iter().enumerate() {
        for (place, file) in replication.files.iter().enumerate() {
            let experiment = file.experiment.clone();
            firsts.entry(experiment).or_insert((number, place));
        }
    }
    let firsts: Vec<(usize, usize)> = firsts.into_values().collect();
    let surveys = parallel::map(firsts.len(), threads, |number, buffer| {
        let (replication, place) = firsts[number];
        let replication = &replications[replication];
        let file = &replication.files[place];
        whole(&file.path, replication, &file.experiment, buffer)
    });
    for ((replication, place), survey) in firsts.into_iter().zip(surveys) {
        let Some(survey) = survey else {
            return false;
        };
        replications[replication].files[place].survey = survey;
    }
    true
}
