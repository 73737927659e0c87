//! Reading journals: which line answers which query, without holding the lines.

use std::fs::File;
use std::io::{BufRead, BufReader, Error, ErrorKind};
use std::num::NonZeroU32;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use grace_core::journal::JournalLine;
use grace_core::plan::ExperimentPlan;

use crate::durable::{Attempted, FileError};

/// The journals of one experiment, by attempt, in the order of the attempts' start.
#[derive(Debug)]
pub(crate) struct Journals {
    files: Vec<(PathBuf, File)>,
}

/// Where a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    offset: u64,
    length: NonZeroU32,
    journal: u16,
    is_final: bool,
}

/// For each query of each trial, the line that counts. Sixteen bytes a query.
#[derive(Debug)]
pub(crate) struct AnswerIndex {
    queries: usize,
    places: Vec<Option<Place>>,
    /// Final lines beyond the first for the same query.
    pub(crate) duplicates: u64,
    /// Lines that were cut off or cannot be read.
    pub(crate) damaged: u64,
}

impl Journals {
    /// Opens those of `paths` that are there.
    pub(crate) fn open(paths: Vec<PathBuf>) -> Result<Self, FileError> {
        let mut files = Vec::with_capacity(paths.len());
        for path in paths {
            match File::open(&path) {
                // An empty one answers nothing and would only hold a descriptor.
                Ok(file) if file.metadata().is_ok_and(|metadata| metadata.len() == 0) => {}
                Ok(file) => files.push((path, file)),
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(FileError::new("opening", &path, error)),
            }
        }
        Ok(Self { files })
    }

    /// Finds the line that counts for each query of `plan`: the earliest final one, else the last failed one.
    ///
    /// A line counts only if it ends in a line break, can be read, and was sent with the planned seed.
    pub(crate) fn index(&self, plan: &ExperimentPlan) -> Result<AnswerIndex, FileError> {
        let queries = plan.experiment.queries.len();
        let mut index = AnswerIndex {
            queries,
            places: vec![None; plan.trials() as usize * queries],
            duplicates: 0,
            damaged: 0,
        };
        for (journal, (path, file)) in self.files.iter().enumerate() {
            u16::try_from(journal)
                .map_err(|_| Error::other("more than 65,536 attempts"))
                .and_then(|journal| index_journal(&mut index, plan, journal, file))
                .attempted("reading", path)?;
        }
        Ok(index)
    }

    /// Reads the line at `place` into `buffer`.
    pub(crate) fn read_line(&self, place: Place, buffer: &mut Vec<u8>) -> Result<(), FileError> {
        let (path, file) = &self.files[usize::from(place.journal)];
        buffer.resize(place.length.get() as usize, 0);
        file.read_exact_at(buffer, place.offset)
            .attempted("reading", path)
    }
}

impl AnswerIndex {
    /// The line that counts for query number `query` of row `trial_id`.
    pub(crate) fn place(&self, trial_id: u32, query: usize) -> Option<Place> {
        self.places
            .get(trial_id as usize * self.queries + query)
            .copied()
            .flatten()
    }

    /// Whether query number `query` of row `trial_id` need not be asked again.
    pub(crate) fn is_final(&self, trial_id: u32, query: usize) -> bool {
        self.place(trial_id, query)
            .is_some_and(|place| place.is_final)
    }

    /// How many queries need not be asked again.
    pub(crate) fn finals(&self) -> u64 {
        let finals = self.places.iter().flatten().filter(|place| place.is_final);
        finals.count() as u64
    }

    fn take(&mut self, trial_id: u32, query: usize, place: Place) {
        let slot = &mut self.places[trial_id as usize * self.queries + query];
        match slot {
            Some(earlier) if earlier.is_final => {
                self.duplicates += u64::from(place.is_final);
            }
            _ => *slot = Some(place),
        }
    }
}

fn index_journal(
    index: &mut AnswerIndex,
    plan: &ExperimentPlan,
    journal: u16,
    file: &File,
) -> std::io::Result<()> {
    let mut reader = BufReader::with_capacity(1 << 18, file);
    let mut line = Vec::new();
    let mut offset = 0;
    loop {
        line.clear();
        let length = reader.read_until(b'\n', &mut line)?;
        if length == 0 {
            return Ok(());
        }
        match identify(plan, &line) {
            Some((trial_id, query, is_final)) => {
                let length = u32::try_from(length).ok().and_then(NonZeroU32::new);
                let place = length.map(|length| Place {
                    offset,
                    length,
                    journal,
                    is_final,
                });
                match place {
                    Some(place) => index.take(trial_id, query, place),
                    None => index.damaged += 1,
                }
            }
            None => index.damaged += 1,
        }
        offset += length as u64;
    }
}

/// The row, the query's number and whether the line is final; `None` for a damaged line.
fn identify(plan: &ExperimentPlan, line: &[u8]) -> Option<(u32, usize, bool)> {
    let line = line.strip_suffix(b"\n")?;
    // The whole line: what counts here must still be readable when it is sealed.
    let key: JournalLine<'_> = serde_json::from_slice(line).ok()?;
    let queries = &plan.experiment.queries;
    let query = queries
        .iter()
        .position(|query| query.id.as_str() == key.query)?;
    let known = key.trial_id < plan.trials();
    let planned = known && key.seed == plan.request_seed(&queries[query].id, key.trial_id).0;
    let asked = planned && plan.reuse.is_asked(key.trial_id, query);
    asked.then_some((key.trial_id, query, key.outcome.is_final()))
}

#[cfg(test)]
mod tests {
    use grace_core::journal::RequestOutcome;
    use tempfile::TempDir;

    use super::*;
    use crate::fixture::{journal, line, plan};

    const ANSWERED: RequestOutcome = RequestOutcome::Answered;
    const FAILED: RequestOutcome = RequestOutcome::Failed;

    fn text(
        journals: &Journals,
        index: &AnswerIndex,
        trial_id: u32,
        query: usize,
    ) -> Option<String> {
        let mut buffer = Vec::new();
        journals
            .read_line(index.place(trial_id, query)?, &mut buffer)
            .unwrap();
        let line: JournalLine<'_> = serde_json::from_slice(&buffer).unwrap();
        line.text.map(Into::into)
    }

    #[test]
    fn a_cut_at_any_byte_loses_only_the_line_that_is_cut() {
        let (folder, plan) = (TempDir::new().unwrap(), plan(3));
        let lines: Vec<String> = (0..3)
            .map(|row| line(&plan, row, 0, ANSWERED, "yés"))
            .collect();
        let whole = lines.concat().into_bytes();
        for cut in 0..=whole.len() {
            let path = journal(folder.path(), "j", &whole[..cut]);
            let index = Journals::open(vec![path]).unwrap().index(&plan).unwrap();
            let complete = whole[..cut].split(|&byte| byte == b'\n').count() as u64 - 1;
            let torn = u64::from(cut > 0 && whole[cut - 1] != b'\n');
            assert_eq!(
                (index.finals(), index.damaged),
                (complete, torn),
                "cut at byte {cut}"
            );
        }
    }

    #[test]
    fn the_earliest_final_line_counts_and_the_others_are_counted() {
        let (folder, plan) = (TempDir::new().unwrap(), plan(2));
        let first = line(&plan, 0, 0, FAILED, "")
            + &line(&plan, 0, 0, ANSWERED, "one")
            + &line(&plan, 0, 0, ANSWERED, "two");
        let second = line(&plan, 0, 0, ANSWERED, "three") + &line(&plan, 1, 1, FAILED, "later");
        let paths = vec![
            journal(folder.path(), "1", first.as_bytes()),
            folder.path().join("absent"),
            journal(folder.path(), "2", second.as_bytes()),
        ];
        let journals = Journals::open(paths).unwrap();
        let index = journals.index(&plan).unwrap();
        assert_eq!(text(&journals, &index, 0, 0).as_deref(), Some("one"));
        assert_eq!(index.duplicates, 2);
        assert!(index.is_final(0, 0) && !index.is_final(1, 1));
        assert_eq!(text(&journals, &index, 1, 1).as_deref(), Some("later"));
    }

    #[test]
    fn lines_of_other_plans_answer_nothing() {
        let (folder, plan) = (TempDir::new().unwrap(), plan(2));
        let good = line(&plan, 1, 0, ANSWERED, "yes");
        let strange = [
            good.replace("\"trial_id\":1", "\"trial_id\":2"),
            good.replace("\"query\":\"a\"", "\"query\":\"z\""),
            good.replace("\"seed\":", "\"seed\":1"),
            String::from("\0\0\0\n"),
            String::from("\n"),
        ];
        let path = journal(folder.path(), "j", strange.concat().as_bytes());
        let index = Journals::open(vec![path]).unwrap().index(&plan).unwrap();
        assert_eq!((index.finals(), index.damaged), (0, 5));
    }
}
