//! Sealing: from journals to the files that analyses read.
//!
//! Each process writes a full set of sealed files in its own attempt folder. The first complete set is moved to
//! `.sealing` in one rename and from there, file by file, to its place, `MANIFEST.sha256` last. Whoever
//! finds `.sealing` after a crash finishes the moving; there is only one set that it can hold.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use grace_core::digest::Hasher;
use grace_core::experiment::Query;
use grace_core::journal::JournalLine;
use grace_core::layout::{MANIFEST, METADATA, ReplicationLayout, SealedLayout};
use grace_core::metadata::{Counts, Metadata};
use grace_core::record::{Judgement, Outcome, RecordFrame, TrialRecord};
use grace_core::{Digest, ExperimentId};

use crate::durable::{Attempted, FileError, Lock, create_folder, rename, replace, sync_folder};
use crate::job::PreparedExperiment;
use crate::journal::{AnswerIndex, Journals};
use crate::stimuli::StimuliError;

/// A replication that could not be sealed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// A file could not be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// The stimuli changed.
    #[error(transparent)]
    Stimuli(#[from] StimuliError),
    /// A journal line was readable before and is not now.
    #[error(
        "the answer to query `{query}` of row {trial_id} can no longer be read from its journal"
    )]
    Line {
        /// The row of the stimulus.
        trial_id: u32,
        /// The query.
        query: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The caller cancelled.
    #[error("sealing was cancelled")]
    Cancelled,
}

/// A sealed file by its name, with its digest.
pub(crate) type SealedFile = (String, Digest);

/// Counts what became of the queries of an experiment.
pub(crate) fn count(
    prepared: &PreparedExperiment,
    journals: &Journals,
    index: &AnswerIndex,
) -> Result<Counts, SealError> {
    let plan = &prepared.plan;
    let mut tally = Tally::new(plan.trials(), plan.requests(), index);
    let mut buffer = Vec::new();
    for trial_id in 0..plan.trials() {
        for (number, query) in plan.experiment.queries.iter().enumerate() {
            match index.place(trial_id, number) {
                None => tally.counts.open += 1,
                Some(place) => {
                    journals.read_line(place, &mut buffer)?;
                    let line = parse_line(&buffer, trial_id, query)?;
                    tally.add(&line, judge(query, &line).outcome);
                }
            }
        }
    }
    Ok(tally.counts)
}

/// Writes the records of an experiment, whose queries all have a final line, into `folder`.
///
/// Records are written one by one as they are read; memory does not grow with their number.
pub(crate) fn write_records(
    prepared: &PreparedExperiment,
    journals: &Journals,
    index: &AnswerIndex,
    frame: &RecordFrame,
    folder: &SealedLayout,
    cancelled: &dyn Fn() -> bool,
) -> Result<(Vec<SealedFile>, Counts), SealError> {
    let plan = &prepared.plan;
    let id = &plan.experiment.id;
    let mut tally = Tally::new(plan.trials(), plan.requests(), index);
    let mut records = HashedFile::create(&folder.records(id))?;
    let mut reasoning: Option<HashedFile> = None;
    records.write(b"[")?;
    let queries = &plan.experiment.queries;
    let mut buffers = vec![Vec::new(); queries.len()];
    for (place, &trial_id) in (0_u32..).zip(&plan.order) {
        if place % 1024 == 0 && cancelled() {
            return Err(SealError::Cancelled);
        }
        for (number, buffer) in buffers.iter_mut().enumerate() {
            let line = index
                .place(trial_id, number)
                .expect("only full experiments are sealed");
            journals.read_line(line, buffer)?;
        }
        let mut answers = Vec::with_capacity(queries.len());
        for (query, buffer) in queries.iter().zip(&buffers) {
            let line = parse_line(buffer, trial_id, query)?;
            let judgement = judge(query, &line);
            tally.add(&line, judgement.outcome);
            if let Some(thought) = &line.reasoning {
                let file = match &mut reasoning {
                    Some(file) => file,
                    None => reasoning.insert(HashedFile::create(&folder.reasoning(id))?),
                };
                file.line(&Thought {
                    trial_id,
                    query: query.id.as_str(),
                    reasoning: thought,
                })?;
            }
            answers.push((line, judgement));
        }
        let stimulus = prepared.stimuli.row(&plan.stimuli, trial_id)?;
        let record = TrialRecord {
            frame,
            plan,
            stimulus: &stimulus,
            trial_id,
            place,
            answers: &answers,
        };
        records.write(if place == 0 { b"\n" } else { b",\n" })?;
        records.json(&record)?;
    }
    records.write(b"\n]\n")?;
    let mut files = vec![(SealedLayout::records_name(id), records.finish()?)];
    if let Some(file) = reasoning {
        files.push((SealedLayout::reasoning_name(id), file.finish()?));
    }
    Ok((files, tally.counts))
}

/// Completes a set of sealed files with its metadata and its manifest.
pub(crate) fn write_manifest(
    folder: &SealedLayout,
    metadata: &Metadata,
    mut files: Vec<SealedFile>,
) -> Result<(), SealError> {
    let bytes = metadata_bytes(metadata);
    replace(&folder.file(METADATA), &bytes)?;
    files.push((METADATA.to_owned(), Digest::of(&bytes)));
    files.sort();
    let lines: String = files
        .iter()
        .map(|(name, digest)| format!("{digest}  {name}\n"))
        .collect();
    replace(&folder.file(MANIFEST), lines.as_bytes())?;
    Ok(sync_folder(folder.folder())?)
}

/// `metadata.json` as it is written.
pub(crate) fn metadata_bytes(metadata: &Metadata) -> Vec<u8> {
    let mut bytes = serde_json::to_vec_pretty(metadata).expect("metadata holds plain values");
    bytes.push(b'\n');
    bytes
}

/// Empties the folder in which an attempt makes its sealed files.
pub(crate) fn begin(folder: &SealedLayout) -> Result<(), FileError> {
    match fs::remove_dir_all(folder.folder()) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(FileError::new("emptying", folder.folder(), error)),
    }
    create_folder(folder.folder())
}

/// Publishes the set made in `own`; false if another process was first.
pub(crate) fn publish(layout: &ReplicationLayout, own: &SealedLayout) -> Result<bool, FileError> {
    let _lock = lock(layout)?;
    if layout.manifest().exists() {
        return Ok(false);
    }
    let sealing = layout.sealing();
    let won = match fs::rename(own.folder(), sealing.folder()) {
        Ok(()) => true,
        // A set that another process could not finish moving is in the way: it was first.
        Err(_) if sealing.folder().exists() => false,
        Err(error) => return Err(FileError::new("renaming to", sealing.folder(), error)),
    };
    sync_folder(layout.folder())?;
    move_to_place(layout)?;
    Ok(won)
}

/// Finishes a publication that a crash interrupted; tells whether the replication is sealed.
pub(crate) fn finish_publication(layout: &ReplicationLayout) -> Result<bool, FileError> {
    if layout.sealing().folder().exists() {
        let _lock = lock(layout)?;
        move_to_place(layout)?;
    }
    Ok(layout.manifest().exists())
}

/// Puts `metadata.json` in place, unless the replication is sealed; tells whether it did.
pub(crate) fn replace_metadata(
    layout: &ReplicationLayout,
    metadata: &Metadata,
) -> Result<bool, FileError> {
    let _lock = lock(layout)?;
    if layout.manifest().exists() || layout.sealing().folder().exists() {
        return Ok(false);
    }
    replace(&layout.metadata(), &metadata_bytes(metadata))?;
    Ok(true)
}

/// Copies the sealed records of an experiment to a file of the user's choice, which is replaced at once.
///
/// # Errors
///
/// Returns [`FileError`] if either file cannot be used.
pub fn export_records(
    layout: &ReplicationLayout,
    experiment: &ExperimentId,
    to: &Path,
) -> Result<(), FileError> {
    let from = layout.sealed().records(experiment);
    let aside = to.with_extension("json.tmp");
    fs::copy(&from, &aside).attempted("copying to", &aside)?;
    rename(&aside, to)
}

fn lock(layout: &ReplicationLayout) -> Result<Lock, FileError> {
    create_folder(&layout.attempts())?;
    Lock::acquire(&layout.lock())
}

fn move_to_place(layout: &ReplicationLayout) -> Result<(), FileError> {
    let (from, to) = (layout.sealing(), layout.sealed());
    if !from.folder().exists() {
        return Ok(());
    }
    if !layout.manifest().exists() {
        let manifest = from.file(MANIFEST);
        let text = fs::read_to_string(&manifest).attempted("reading", &manifest)?;
        for name in text
            .lines()
            .filter_map(|line| line.split_once("  ").map(|(_, name)| name))
        {
            let source = from.file(name);
            // Gone if it was moved before the crash.
            if source.exists() {
                rename(&source, &to.file(name))?;
            }
        }
        rename(&manifest, &layout.manifest())?;
    }
    fs::remove_dir_all(from.folder()).attempted("removing", from.folder())
}

fn parse_line<'b>(
    buffer: &'b [u8],
    trial_id: u32,
    query: &Query,
) -> Result<JournalLine<'b>, SealError> {
    serde_json::from_slice(buffer).map_err(|source| SealError::Line {
        trial_id,
        query: query.id.to_string(),
        source,
    })
}

fn judge(query: &Query, line: &JournalLine<'_>) -> Judgement {
    match query.kind.generate() {
        Some(generate) => Judgement::of(generate, line),
        None => Judgement {
            outcome: Outcome::Failed,
            reason: Some(String::from("scoring is not part of this version")),
            values: Vec::new(),
        },
    }
}

struct Tally {
    counts: Counts,
}

impl Tally {
    fn new(trials: u32, queries: u64, index: &AnswerIndex) -> Self {
        Self {
            counts: Counts {
                trials: u64::from(trials),
                queries,
                duplicates: index.duplicates,
                damaged_lines: index.damaged,
                ..Counts::default()
            },
        }
    }

    fn add(&mut self, line: &JournalLine<'_>, outcome: Outcome) {
        let counts = &mut self.counts;
        counts.retries += (line.attempts.len() as u64).saturating_sub(1);
        *match outcome {
            Outcome::Answered => &mut counts.answered,
            Outcome::Unparsable => &mut counts.unparsable,
            Outcome::Truncated => &mut counts.truncated,
            Outcome::RefusedByServer => &mut counts.refused_by_server,
            Outcome::OverContext => &mut counts.over_context,
            _ => &mut counts.failed,
        } += 1;
    }
}

#[derive(serde::Serialize)]
struct Thought<'a> {
    trial_id: u32,
    query: &'a str,
    reasoning: &'a str,
}

/// A file that is hashed while it is written.
struct HashedFile {
    path: std::path::PathBuf,
    writer: BufWriter<HashingWriter>,
}

struct HashingWriter {
    file: File,
    hasher: Hasher,
}

impl Write for HashingWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.hasher.update(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl HashedFile {
    fn create(path: &Path) -> Result<Self, FileError> {
        let file = File::create(path).attempted("writing", path)?;
        let hasher = Hasher::new();
        Ok(Self {
            path: path.to_owned(),
            writer: BufWriter::with_capacity(1 << 18, HashingWriter { file, hasher }),
        })
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), FileError> {
        self.writer
            .write_all(bytes)
            .attempted("writing", &self.path)
    }

    fn json(&mut self, value: &impl serde::Serialize) -> Result<(), FileError> {
        let written = serde_json::to_writer(&mut self.writer, value).map_err(io::Error::from);
        written.attempted("writing", &self.path)
    }

    fn line(&mut self, value: &impl serde::Serialize) -> Result<(), FileError> {
        self.json(value)?;
        self.write(b"\n")
    }

    fn finish(self) -> Result<Digest, FileError> {
        let path = self.path;
        let inner = self
            .writer
            .into_inner()
            .map_err(io::IntoInnerError::into_error);
        let HashingWriter { file, hasher } = inner.attempted("writing", &path)?;
        file.sync_all().attempted("syncing", &path)?;
        Ok(hasher.finish())
    }
}
