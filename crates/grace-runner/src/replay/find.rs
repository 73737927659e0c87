//! Finding recorded requests in the journals.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use grace_core::journal::{JournalKey, JournalLine};
use grace_core::layout::ReplicationLayout;
use grace_core::metadata::Ordered;
use grace_core::record::ReusedFrom;
use grace_core::{ExperimentId, QueryId};
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::durable::{Attempted, FileError};
use crate::records::each_record;

/// The lines that answered what is asked for, by the trial they are about: of each query the earliest final one.
pub(super) struct Found<'a> {
    lines: BTreeMap<u32, Vec<FoundLine>>,
    query: Option<&'a QueryId>,
    reuses: Vec<Reuse>,
}

/// A query that was not asked, because an equal one was.
pub(super) struct Reuse {
    trial_id: u32,
    query: String,
    source: ReusedFrom,
}

pub(super) struct FoundLine {
    query: String,
    pub(super) line: Vec<u8>,
}

impl<'a> Found<'a> {
    pub(super) fn new(trials: &[u32], query: Option<&'a QueryId>, mut reuses: Vec<Reuse>) -> Self {
        reuses.retain(|reuse| query.is_none_or(|query| query.as_str() == reuse.query));
        let sources = reuses.iter().map(|reuse| reuse.source.trial_id);
        let trials = trials.iter().copied().chain(sources);
        Self {
            lines: trials.map(|trial| (trial, Vec::new())).collect(),
            query,
            reuses,
        }
    }

    /// The lines that answered the wanted queries of a trial, its own and those of equal queries.
    pub(super) fn of(&self, trial: u32) -> impl Iterator<Item = &FoundLine> {
        let own = self.lines.get(&trial).into_iter().flatten();
        let own = own.filter(|line| self.is_wanted(&line.query));
        let reuses = self
            .reuses
            .iter()
            .filter(move |reuse| reuse.trial_id == trial);
        own.chain(reuses.filter_map(|reuse| self.source(reuse)))
    }

    fn source(&self, reuse: &Reuse) -> Option<&FoundLine> {
        let lines = self.lines.get(&reuse.source.trial_id)?;
        lines.iter().find(|line| line.query == reuse.source.query)
    }

    fn is_wanted(&self, query: &str) -> bool {
        self.query.is_none_or(|wanted| wanted.as_str() == query)
    }

    /// Takes what is new from a journal, if it is there. Holds one line at a time, and what it takes.
    pub(super) fn read(&mut self, path: &Path) -> Result<(), FileError> {
        if !path.exists() {
            return Ok(());
        }
        let file = File::open(path).attempted("opening", path)?;
        let mut reader = BufReader::with_capacity(1 << 18, file);
        let mut line = Vec::new();
        while reader
            .read_until(b'\n', &mut line)
            .attempted("reading", path)?
            > 0
        {
            // A line without its end was cut off and counts for nothing.
            if let Some(whole) = line.strip_suffix(b"\n") {
                self.take(whole);
            }
            line.clear();
        }
        Ok(())
    }

    fn take(&mut self, line: &[u8]) {
        let Ok(key) = serde_json::from_slice::<JournalKey<'_>>(line) else {
            return;
        };
        let Some(lines) = self.lines.get_mut(&key.trial_id) else {
            return;
        };
        let is_source = |reuse: &Reuse| {
            reuse.source.trial_id == key.trial_id && reuse.source.query == key.query
        };
        let wanted = self.query.is_none_or(|wanted| wanted.as_str() == key.query)
            || self.reuses.iter().any(is_source);
        let taken = lines.iter().any(|found| found.query == key.query);
        let usable = wanted && !taken && key.outcome.is_final();
        if usable && serde_json::from_slice::<JournalLine<'_>>(line).is_ok() {
            lines.push(FoundLine {
                query: key.query.into_owned(),
                line: line.to_owned(),
            });
        }
    }

    pub(super) fn first_without_line(&self, trials: &[u32]) -> Option<u32> {
        let mut trials = trials.iter().copied();
        trials.find(|trial| self.of(*trial).next().is_none())
    }

    /// Queries that `order` does not name come last, as they were found.
    pub(super) fn sort_by_query(&mut self, order: &[String]) {
        let place = |found: &FoundLine| {
            let place = order.iter().position(|query| *query == found.query);
            place.unwrap_or(order.len())
        };
        for lines in self.lines.values_mut() {
            lines.sort_by_key(place);
        }
    }
}

/// The queries as the first sealed record names them; none before there is one.
pub(super) fn queries_in_order(
    layout: &ReplicationLayout,
    experiment: &ExperimentId,
) -> Vec<String> {
    #[derive(Deserialize)]
    struct First {
        request_seeds: Ordered<IgnoredAny>,
    }
    let read = || -> Option<First> {
        let mut file = BufReader::new(File::open(layout.sealed().records(experiment)).ok()?);
        // The bracket of the array: only its first record is read.
        file.read_exact(&mut [0]).ok()?;
        let mut records = serde_json::Deserializer::from_reader(file).into_iter();
        records.next()?.ok()
    };
    read().map_or_else(Vec::new, |first| {
        let queries = first.request_seeds.iter();
        queries.map(|(query, _)| query.to_owned()).collect()
    })
}

/// The queries of `trials` that took the answer of an equal one, as the sealed records tell; none before there are any.
pub(super) fn reuses(
    layout: &ReplicationLayout,
    experiment: &ExperimentId,
    trials: &[u32],
) -> Vec<Reuse> {
    #[derive(Deserialize)]
    struct Record {
        trial_id: u32,
        #[serde(default)]
        scores: BTreeMap<String, Score>,
    }
    #[derive(Deserialize)]
    struct Score {
        reused_from: Option<ReusedFrom>,
    }
    let mut reuses = Vec::new();
    let each = |record: Record| {
        if !trials.contains(&record.trial_id) {
            return;
        }
        for (query, score) in record.scores {
            reuses.extend(score.reused_from.map(|source| Reuse {
                trial_id: record.trial_id,
                query,
                source,
            }));
        }
    };
    // Records that cannot be read tell nothing; the journals may still.
    let _ = each_record(&layout.sealed().records(experiment), each);
    reuses
}

#[cfg(test)]
mod tests {
    use grace_core::journal::RequestOutcome::{Answered, Failed};
    use tempfile::TempDir;

    use super::*;
    use crate::fixture::{journal, line, plan};

    fn found(found: &Found<'_>, trial: u32) -> Vec<(String, String)> {
        let text = |line: &FoundLine| {
            let read: JournalLine<'_> = serde_json::from_slice(&line.line).unwrap();
            (line.query.clone(), read.text.unwrap().into_owned())
        };
        found.of(trial).map(text).collect()
    }

    fn answers(texts: [(&str, &str); 2]) -> Vec<(String, String)> {
        texts.map(|(a, b)| (a.to_owned(), b.to_owned())).to_vec()
    }

    #[test]
    fn one_pass_finds_the_lines_that_count_of_all_trials() {
        let (folder, plan) = (TempDir::new().unwrap(), plan(4));
        let first = [
            String::from("{\"trial_id\":0,\"query\":\"a\"}\n\0\n"),
            line(&plan, 0, 1, Failed, "no"),
            line(&plan, 0, 1, Answered, "b0"),
            line(&plan, 1, 0, Answered, "a1"),
            line(&plan, 2, 0, Answered, "a2"),
            line(&plan, 0, 0, Answered, "cut").trim_end().to_owned(),
        ];
        let second = [
            line(&plan, 0, 1, Answered, "b0 again"),
            line(&plan, 0, 0, Answered, "a0"),
            line(&plan, 2, 1, Answered, "b2"),
        ];
        let first = journal(folder.path(), "1", first.concat().as_bytes());
        let second = journal(folder.path(), "2", second.concat().as_bytes());
        let mut all = Found::new(&[2, 0, 3], None, Vec::new());
        for path in [&first, &folder.path().join("absent"), &second] {
            all.read(path).unwrap();
        }
        assert_eq!(found(&all, 0), answers([("b", "b0"), ("a", "a0")]));
        assert_eq!(found(&all, 2), answers([("a", "a2"), ("b", "b2")]));
        assert!(!all.lines.contains_key(&1));
        assert_eq!(all.first_without_line(&[2, 0]), None);
        assert_eq!(all.first_without_line(&[2, 3, 0]), Some(3));
        all.sort_by_query(&["a".to_owned(), "b".to_owned()]);
        assert_eq!(found(&all, 0), answers([("a", "a0"), ("b", "b0")]));
        let query = "a".parse().unwrap();
        let mut one = Found::new(&[0], Some(&query), Vec::new());
        one.read(&second).unwrap();
        assert_eq!(found(&one, 0), [("a".to_owned(), "a0".to_owned())]);
    }

    #[test]
    fn queries_are_ordered_as_in_the_first_sealed_record() {
        let folder = TempDir::new().unwrap();
        let layout = ReplicationLayout::at(folder.path());
        let experiment = "tiny".parse().unwrap();
        assert!(queries_in_order(&layout, &experiment).is_empty());
        let records = "[\n{\"trial_id\":4,\"request_seeds\":{\"b\":1,\"a\":2}},\n{\"cut";
        std::fs::write(layout.sealed().records(&experiment), records).unwrap();
        assert_eq!(queries_in_order(&layout, &experiment), ["b", "a"]);
    }
}
