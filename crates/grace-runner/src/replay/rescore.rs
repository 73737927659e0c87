//! Scores again.

use grace_client::{Client, RecordedScore, RequestError, ScoreProblem};
use grace_core::journal::JournalLine;
use grace_core::scoring::{ScoreEntry, ScoredOption};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Replayed, Verdict, ends_all, no_answer};
use crate::ask::chain;
use crate::stop::Stop;

/// What was sent, and where.
#[derive(Deserialize)]
struct Posted<'a> {
    #[serde(borrow)]
    body: &'a RawValue,
}

/// Sends the requests of a score again and compares the log-probabilities of the options.
pub(super) async fn rescore(
    line: &JournalLine<'_>,
    score: &ScoreEntry<'_>,
    client: &Client,
    stop: &Stop,
) -> Result<Replayed, RequestError> {
    let recorded: Vec<f64> = score.options.iter().map(ScoredOption::logprob).collect();
    let (now, note) = match again(line, score, client, stop).await {
        Ok(now) => (Some(now), None),
        Err(Unsent::Score(ScoreProblem::Request(error))) if ends_all(&error) => {
            return Err(error);
        }
        Err(Unsent::Score(error)) => (None, Some(chain(&error))),
        Err(Unsent::Unreadable(note)) => (None, Some(note)),
    };
    Ok(Replayed {
        trial_id: line.trial_id,
        query: line.query.to_string(),
        seed: line.seed,
        verdict: compare(&recorded, now.as_deref()),
        recorded: Some(text(&recorded)),
        now: now.as_deref().map(text),
        note,
    })
}

/// Whether a line is about a query that scores: its request is a list of what was sent where.
pub(super) fn is_of_score(line: &JournalLine<'_>) -> bool {
    line.request.get().trim_start().starts_with('[')
}

/// A score that ended without an answer has nothing to compare, and is not sent again.
pub(super) fn unscored(line: &JournalLine<'_>) -> Replayed {
    let note = no_answer(line).unwrap_or_else(|| String::from("no answer on record"));
    Replayed {
        trial_id: line.trial_id,
        query: line.query.to_string(),
        seed: line.seed,
        verdict: Verdict::NotComparable,
        recorded: None,
        now: None,
        note: Some(format!("{note}; it was not sent again")),
    }
}

enum Unsent {
    Score(ScoreProblem),
    Unreadable(String),
}

async fn again(
    line: &JournalLine<'_>,
    score: &ScoreEntry<'_>,
    client: &Client,
    stop: &Stop,
) -> Result<Vec<f64>, Unsent> {
    let unreadable = |what: &dyn std::fmt::Display| {
        Unsent::Unreadable(format!("the journal line cannot be sent again: {what}"))
    };
    let posted: Vec<Posted<'_>> =
        serde_json::from_str(line.request.get()).map_err(|error| unreadable(&error))?;
    let recorded = RecordedScore {
        method: score.method.parse().map_err(|error| unreadable(&error))?,
        bodies: posted.iter().map(|posted| posted.body).collect(),
        options: score
            .options
            .iter()
            .map(|option| option.token_ids.clone())
            .collect(),
    };
    let now = client.rescore(&recorded, stop.token()).await;
    let now = now.map_err(|error| Unsent::Score(error.into_problem()))?;
    check_counts(score, &now)?;
    Ok(now.iter().map(|tokens| tokens.iter().sum()).collect())
}

/// A sum over other tokens than then is another quantity.
fn check_counts(score: &ScoreEntry<'_>, now: &[Vec<f64>]) -> Result<(), Unsent> {
    let then = score.options.iter().map(|option| option.logprobs.len());
    if then.clone().eq(now.iter().map(Vec::len)) {
        return Ok(());
    }
    let counts = |counts: Vec<usize>| format!("{counts:?}");
    Err(Unsent::Unreadable(format!(
        "the options have {} log-probabilities now, and {} on record",
        counts(now.iter().map(Vec::len).collect()),
        counts(then.collect())
    )))
}

fn compare(recorded: &[f64], now: Option<&[f64]>) -> Verdict {
    let Some(now) = now.filter(|now| now.len() == recorded.len()) else {
        return Verdict::NotComparable;
    };
    let pairs = recorded.iter().zip(now);
    let largest = pairs.fold(0.0_f64, |largest, (&one, &other)| {
        largest.max(gap(one, other))
    });
    if largest > 0.0 {
        Verdict::OtherScores {
            largest_nat: largest,
        }
    } else {
        Verdict::Same
    }
}

#[expect(
    clippy::float_cmp,
    reason = "equal infinities have no finite difference"
)]
fn gap(one: f64, other: f64) -> f64 {
    if one == other {
        0.0
    } else {
        (one - other).abs()
    }
}

/// The log-probabilities of the options, in their order.
fn text(logprobs: &[f64]) -> String {
    let each: Vec<String> = logprobs.iter().map(f64::to_string).collect();
    each.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_difference_of_an_option_is_told() {
        let recorded = [-1.0, f64::NEG_INFINITY];
        assert_eq!(compare(&recorded, Some(&recorded)), Verdict::Same);
        let moved = compare(&recorded, Some(&[-1.5, f64::NEG_INFINITY]));
        assert_eq!(moved, Verdict::OtherScores { largest_nat: 0.5 });
        assert_eq!(compare(&recorded, Some(&[-1.0])), Verdict::NotComparable);
        assert_eq!(compare(&recorded, None), Verdict::NotComparable);
    }
}
