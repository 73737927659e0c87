//! Replaying single trials: the identical request again, and whether the answer is the same.
//!
//! A difference is a finding, not a failure: equal seeds give equal texts only under equal numerics, which a server
//! with 16-bit floats or several slots does not promise.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use grace_client::{Api as ClientApi, Client, ReasoningMarkers, RequestError, RequestErrorKind};
use grace_core::journal::{JournalKey, JournalLine};
use grace_core::layout::ReplicationLayout;
use grace_core::metadata::{Metadata, Ordered};
use grace_core::{ExperimentId, QueryId};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use crate::ask::chain;
use crate::attempt::{AttemptError, attempts};
use crate::durable::{Attempted, FileError};
use crate::metadata::{self, MetadataError};
use crate::stop::Stop;

/// One request that was sent again.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Replayed {
    /// The row of the stimulus.
    pub trial_id: u32,
    /// The query.
    pub query: String,
    /// The seed, the same as then.
    pub seed: u64,
    /// What the comparison says.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// The answer that was recorded.
    pub recorded: Option<String>,
    /// The answer now.
    pub now: Option<String>,
    /// Why there is nothing to compare, if so.
    pub note: Option<String>,
}

/// How the answer compares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Verdict {
    /// The same text.
    Same,
    /// Another text.
    Different {
        /// The first character that differs, from 0.
        character: usize,
    },
    /// One of the two gave no answer.
    NotComparable,
}

/// What to replay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted<'a> {
    /// The experiment.
    pub experiment: &'a ExperimentId,
    /// The rows of the stimuli.
    pub trials: &'a [u32],
    /// Only this query; `None` for all queries of the trials.
    pub query: Option<&'a QueryId>,
}

/// How replaying ended, short of an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReplayEnd {
    /// Every request was sent again.
    Complete,
    /// The caller cancelled.
    Interrupted,
}

/// A trial that cannot be replayed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// The replication's description cannot be used.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    /// Its attempts cannot be listed.
    #[error(transparent)]
    Attempt(#[from] AttemptError),
    /// A file could not be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// There is no replication here.
    #[error("{} holds no replication: expected a folder with a metadata.json", .path.display())]
    NoReplication {
        /// The folder.
        path: PathBuf,
    },
    /// The request was never sent, or its journal is gone.
    #[error("no request of {experiment} trial {trial_id}{query} is in the journals of {}", .path.display())]
    NotFound {
        /// The experiment.
        experiment: ExperimentId,
        /// The row of the stimulus.
        trial_id: u32,
        /// The query, as in ` query knowledge`; empty for all.
        query: String,
        /// The folder.
        path: PathBuf,
    },
    /// The server did not answer.
    #[error("the request could not be sent again")]
    Request(#[from] RequestError),
}

impl ReplayError {
    /// Whether the same call may succeed later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Request(error) => error.is_transient(),
            _ => false,
        }
    }
}

/// Sends recorded requests again and compares the answers.
///
/// Trials come in the order in which they are wanted, the queries of each in the order of the experiment as far as it is sealed.
/// `each` is given every answer as it comes, so that an end before the last one leaves what there is.
///
/// # Errors
///
/// Returns [`ReplayError`] if the requests of any trial are not on record, before the first is sent, or if the server
/// cannot be asked at all. A request that the server refuses is no error but [`Verdict::NotComparable`].
pub async fn replay(
    layout: &ReplicationLayout,
    wanted: Wanted<'_>,
    client: &Client,
    stop: &Stop,
    mut each: impl FnMut(Replayed),
) -> Result<ReplayEnd, ReplayError> {
    let Some(metadata) = metadata::load(layout)? else {
        return Err(ReplayError::NoReplication {
            path: layout.folder().to_owned(),
        });
    };
    let Wanted {
        experiment,
        trials,
        query,
    } = wanted;
    let mut found = Found::new(trials, query);
    for file in attempts(layout)? {
        found.read(&layout.attempt(&file.attempt.name).journal(experiment))?;
    }
    if let Some(trial_id) = found.first_without_line(trials) {
        return Err(ReplayError::NotFound {
            experiment: experiment.clone(),
            trial_id,
            query: query.map_or_else(String::new, |query| format!(" query {query}")),
            path: layout.attempts(),
        });
    }
    found.sort_by_query(&queries_in_order(layout, experiment));
    for text in trials.iter().flat_map(|trial| &found.lines[trial]) {
        // It could be read when it was found.
        let Ok(line) = serde_json::from_slice(&text.line) else {
            continue;
        };
        match resend(&line, &metadata, client, stop).await {
            Ok(replayed) => each(replayed),
            Err(error) if matches!(error.kind(), RequestErrorKind::Cancelled) => {
                return Ok(ReplayEnd::Interrupted);
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(ReplayEnd::Complete)
}

/// The lines that answered what is asked for, by trial: of each query the earliest final one.
struct Found<'a> {
    lines: BTreeMap<u32, Vec<FoundLine>>,
    query: Option<&'a QueryId>,
}

struct FoundLine {
    query: String,
    line: Vec<u8>,
}

impl<'a> Found<'a> {
    fn new(trials: &[u32], query: Option<&'a QueryId>) -> Self {
        Self {
            lines: trials.iter().map(|&trial| (trial, Vec::new())).collect(),
            query,
        }
    }

    /// Takes what is new from a journal, if it is there. Holds one line at a time, and what it takes.
    fn read(&mut self, path: &Path) -> Result<(), FileError> {
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
        let wanted = self.query.is_none_or(|query| query.as_str() == key.query);
        let taken = lines.iter().any(|found| found.query == key.query);
        let usable = wanted && !taken && key.outcome.is_final();
        if usable && serde_json::from_slice::<JournalLine<'_>>(line).is_ok() {
            lines.push(FoundLine {
                query: key.query.into_owned(),
                line: line.to_owned(),
            });
        }
    }

    fn first_without_line(&self, trials: &[u32]) -> Option<u32> {
        let mut trials = trials.iter().copied();
        trials.find(|trial| self.lines.get(trial).is_none_or(Vec::is_empty))
    }

    /// Queries that `order` does not name come last, as they were found.
    fn sort_by_query(&mut self, order: &[String]) {
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
fn queries_in_order(layout: &ReplicationLayout, experiment: &ExperimentId) -> Vec<String> {
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

async fn resend(
    line: &JournalLine<'_>,
    metadata: &Metadata,
    client: &Client,
    stop: &Stop,
) -> Result<Replayed, RequestError> {
    let configuration = &metadata.configuration;
    let api = match configuration["api"].as_str() {
        Some("chat") => ClientApi::Chat,
        _ => ClientApi::Completions,
    };
    let reasoning = &configuration["reasoning"];
    let markers = match (reasoning["start"].as_str(), reasoning["end"].as_str()) {
        (Some(start), Some(end)) => Some(ReasoningMarkers::new(start, end)),
        _ => None,
    };
    let answer = client
        .resend(api, line.request, markers.as_ref(), stop.token())
        .await;
    let (now, note) = match answer {
        Ok(generation) => (Some(generation.text), None),
        Err(error) if error.is_transient() => return Err(error),
        Err(error) => (None, Some(chain(&error))),
    };
    let recorded = line.text.as_deref().map(str::to_owned);
    let note = note.or_else(|| {
        line.reason
            .as_deref()
            .map(|reason| format!("no answer on record: {reason}"))
    });
    Ok(Replayed {
        trial_id: line.trial_id,
        query: line.query.to_string(),
        seed: line.seed,
        verdict: compare(recorded.as_deref(), now.as_deref()),
        recorded,
        now,
        note,
    })
}

fn compare(recorded: Option<&str>, now: Option<&str>) -> Verdict {
    let (Some(recorded), Some(now)) = (recorded, now) else {
        return Verdict::NotComparable;
    };
    if recorded == now {
        return Verdict::Same;
    }
    let same = recorded
        .chars()
        .zip(now.chars())
        .take_while(|(a, b)| a == b);
    Verdict::Different {
        character: same.count(),
    }
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
        found.lines[&trial].iter().map(text).collect()
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
        let mut all = Found::new(&[2, 0, 3], None);
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
        let mut one = Found::new(&[0], Some(&query));
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

    #[test]
    fn the_first_different_character_is_counted_in_characters() {
        assert_eq!(
            compare(Some("übel"), Some("über")),
            Verdict::Different { character: 3 }
        );
        assert_eq!(
            compare(Some("a"), Some("ab")),
            Verdict::Different { character: 1 }
        );
        assert_eq!(compare(Some("a"), Some("a")), Verdict::Same);
        assert_eq!(compare(None, Some("a")), Verdict::NotComparable);
    }
}
