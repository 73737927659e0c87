//! Replaying single trials: the identical request again, and whether the answer is the same.
//!
//! A difference is a finding, not a failure: equal seeds give equal texts only under equal numerics, which a server
//! with 16-bit floats or several slots does not promise.

mod find;
mod rescore;

use std::path::PathBuf;

use grace_client::{Api as ClientApi, Client, ReasoningMarkers, RequestError, RequestErrorKind};
use grace_core::journal::JournalLine;
use grace_core::layout::ReplicationLayout;
use grace_core::metadata::Metadata;
use grace_core::{ExperimentId, QueryId};
use serde::Serialize;

use self::find::{Found, queries_in_order, reuses};
use crate::ask::chain;
use crate::attempt::{AttemptError, attempts};
use crate::durable::FileError;
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
    /// The answer that was recorded: a text, or the log-probabilities of the options in their order.
    pub recorded: Option<String>,
    /// The answer now.
    pub now: Option<String>,
    /// Why there is nothing to compare, if so.
    pub note: Option<String>,
}

/// How the answer compares.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Verdict {
    /// The same text, or the same log-probabilities to the last bit.
    Same,
    /// Another text.
    Different {
        /// The first character that differs, from 0.
        character: usize,
    },
    /// Other log-probabilities of the options.
    OtherScores {
        /// The largest difference of an option's log-probability, in nats.
        largest_nat: f64,
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
/// cannot be asked at all. A request that the server refuses, or fails at every try, is no error but
/// [`Verdict::NotComparable`].
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
    let mut found = Found::new(trials, query, reuses(layout, experiment, trials));
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
    for text in trials.iter().flat_map(|trial| found.of(*trial)) {
        // It could be read when it was found.
        let Ok(line) = serde_json::from_slice::<JournalLine<'_>>(&text.line) else {
            continue;
        };
        let answer = match &line.score {
            Some(score) => rescore::rescore(&line, score, client, stop).await,
            None if rescore::is_of_score(&line) => Ok(rescore::unscored(&line)),
            None => resend(&line, &metadata, client, stop).await,
        };
        match answer {
            Ok(replayed) => each(replayed),
            Err(error) if matches!(error.kind(), RequestErrorKind::Cancelled) => {
                return Ok(ReplayEnd::Interrupted);
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(ReplayEnd::Complete)
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
        Err(error) if ends_all(&error) => return Err(error),
        Err(error) => (None, Some(chain(&error))),
    };
    let recorded = line.text.as_deref().map(str::to_owned);
    let note = note.or_else(|| no_answer(line));
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

/// Whether no other request would fare better: a single one that fails is a finding about this one.
fn ends_all(error: &RequestError) -> bool {
    matches!(
        error.kind(),
        RequestErrorKind::Unavailable | RequestErrorKind::Cancelled
    )
}

/// Why there is no answer on record, if there is none.
fn no_answer(line: &JournalLine<'_>) -> Option<String> {
    let reason = line.reason.as_deref()?;
    Some(format!("no answer on record: {reason}"))
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
    use super::*;

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
