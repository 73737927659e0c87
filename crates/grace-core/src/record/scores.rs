use serde::Serialize as DeriveSerialize;
use serde::ser::{Serialize, Serializer};

use super::{QueryAnswer, ReusedFrom};
use crate::experiment::ScoreQuery;
use crate::scoring::{Logprob, ScoredOption};

/// How the probabilities of a query came about.
#[derive(DeriveSerialize)]
pub(super) struct ScoresEntry<'a> {
    method: Option<&'a str>,
    border: Option<&'a str>,
    mass: Option<f64>,
    log_mass: Option<f64>,
    logprobs: Option<ByLabel<'a, Logprob>>,
    tokens: Option<ByLabel<'a, usize>>,
    reused_from: Option<&'a ReusedFrom>,
}

impl<'a> ScoresEntry<'a> {
    pub(super) fn new(query: &'a ScoreQuery, answer: &'a QueryAnswer<'_>) -> Self {
        let entry = answer.line.score.as_ref();
        Self {
            method: entry.map(|entry| entry.method.as_ref()),
            border: entry.map(|entry| entry.border.as_ref()),
            mass: answer.judgement.log_mass.map(f64::exp),
            log_mass: answer.judgement.log_mass,
            logprobs: entry.map(|entry| {
                ByLabel::new(query, &entry.options, |option| Logprob(option.logprob()))
            }),
            tokens: entry
                .map(|entry| ByLabel::new(query, &entry.options, |option| option.token_ids.len())),
            reused_from: answer.reused_from.as_ref(),
        }
    }
}

/// A value for each option, under its label.
struct ByLabel<'a, T>(Vec<(&'a str, T)>);

impl<'a, T> ByLabel<'a, T> {
    fn new(
        query: &'a ScoreQuery,
        options: &[ScoredOption],
        value: impl Fn(&ScoredOption) -> T,
    ) -> Self {
        let labels = query.options.iter().map(|option| option.label.as_str());
        Self(labels.zip(options.iter().map(value)).collect())
    }
}

impl<T: Serialize> Serialize for ByLabel<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(label, value)| (label, value)))
    }
}
