//! Shared random numbers: do equal prompts get equal answers inside a replication?

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;

use grace_stats::random::SplitMix64;
use grace_stats::shared_numbers::Answers;
use serde::Serialize;

use crate::parallel;
use crate::trials::Trials;

/// Permutations of each test; the smallest p is 1 over one more.
const ROUNDS: u32 = 999;
/// Tests of equal answers give equal results.
const SEED: u64 = 0x67_72_61_63_65;
/// The p below which agreement counts as more than chance.
const LEVEL: f64 = 0.01;

/// What the agreement of equal prompts says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SharedVerdict {
    /// Equal prompts always got equal answers inside a replication and not always between replications: what one seed
    /// for all requests of a replication does.
    Copied,
    /// Every trial has the same answer in all replications, though answers differ between trials: replications share
    /// their random numbers, or the model is sure of every answer.
    Repeated,
    /// Equal prompts agree more inside replications than chance explains: random numbers are shared, or replications
    /// differ.
    Excess,
    /// No more agreement than chance explains.
    None,
    /// No two trials of a replication have one prompt.
    NoPairs,
    /// It is not known which trials have one prompt.
    UnknownPrompts,
}

impl SharedVerdict {
    /// The words for it in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Copied => "copied",
            Self::Repeated => "repeated",
            Self::Excess => "excess",
            Self::None => "none",
            Self::NoPairs => "no_pairs",
            Self::UnknownPrompts => "unknown_prompts",
        }
    }
}

/// How often two trials with the same prompt have the same answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SharedNumbers {
    /// The experiment.
    pub experiment: String,
    /// The model.
    pub model: String,
    /// The query.
    pub query: String,
    /// Answers that could be read.
    pub answers: u64,
    /// Different prompts among them.
    pub prompts: u64,
    /// Pairs of trials with the same prompt inside a replication.
    pub within_pairs: u64,
    /// The share of them with the same answer.
    pub within: Option<f64>,
    /// Pairs of such trials of two replications.
    pub between_pairs: u64,
    /// The share of them with the same answer.
    pub between: Option<f64>,
    /// The share of pairs of replications, trial by trial, in which a trial has the same answer; absent where trials are
    /// not told.
    pub repeated: Option<f64>,
    /// The permutation test of an agreement inside replications that is no larger than by chance.
    pub p: Option<f64>,
    /// What it says.
    pub verdict: SharedVerdict,
}

pub(super) fn shared_numbers(trials: &[Trials], threads: NonZeroUsize) -> Vec<SharedNumbers> {
    let mut work = Vec::new();
    for (number, trials) in trials.iter().enumerate() {
        let models: BTreeSet<&str> = trials.rows.iter().map(|row| row.model.as_str()).collect();
        for model in models {
            work.extend((0..trials.queries.len()).map(|query| (number, model, query)));
        }
    }
    parallel::map(work.len(), threads, |place, (): &mut ()| {
        let (number, model, query) = work[place];
        of_query(&trials[number], model, query)
    })
}

fn of_query(trials: &Trials, model: &str, query: usize) -> SharedNumbers {
    let query = &trials.queries[query];
    let rows = || {
        let rows = trials.rows.iter().zip(&query.asked);
        rows.filter(|(trial, _)| trial.model == model)
    };
    let answers_of_trials =
        rows().filter_map(|(trial, asked)| Some((trial.id?, asked.answer.as_deref()?)));
    let (repeated, is_constant) = repeated(answers_of_trials);
    let answered: Vec<(u32, u32, &str)> = rows()
        .filter_map(|(trial, asked)| {
            Some((trial.replication, asked.prompt, asked.answer.as_deref()?))
        })
        .collect();
    let prompts: BTreeMap<u32, u32> = answered.iter().fold(BTreeMap::new(), |mut counts, row| {
        *counts.entry(row.1).or_default() += 1;
        counts
    });
    let nothing = SharedNumbers {
        experiment: trials.experiment.clone(),
        model: model.to_owned(),
        query: query.id.clone(),
        answers: answered.len() as u64,
        prompts: prompts.len() as u64,
        within_pairs: 0,
        within: None,
        between_pairs: 0,
        between: None,
        repeated,
        p: None,
        verdict: SharedVerdict::UnknownPrompts,
    };
    let is_repeated = !is_constant && repeated.is_some_and(|share| share >= 1.0);
    if !query.has_prompts {
        return nothing;
    }
    // Prompts that came once have no pairs, and would only cost time.
    let repeated = answered.into_iter().filter(|row| prompts[&row.1] > 1);
    let answers = Answers::from_rows(repeated);
    let agreement = answers.agreement();
    let tested = (agreement.within_pairs > 0 && agreement.between_pairs > 0).then(|| {
        let mut random = SplitMix64::new(SEED);
        answers.permutation_test(ROUNDS, &mut random).p()
    });
    let verdict = match tested {
        // Answers that are nearly always the same agree by themselves.
        Some(p) if p < LEVEL && agreement.is_copied_within() => SharedVerdict::Copied,
        _ if is_repeated => SharedVerdict::Repeated,
        None => SharedVerdict::NoPairs,
        Some(p) if p < LEVEL => SharedVerdict::Excess,
        Some(_) => SharedVerdict::None,
    };
    SharedNumbers {
        within_pairs: agreement.within_pairs,
        within: agreement.within(),
        between_pairs: agreement.between_pairs,
        between: agreement.between(),
        p: tested,
        verdict,
        ..nothing
    }
}

/// Of answers by trial, the share of pairs of one trial that are the same, and whether all answers are.
fn repeated<'t>(answers: impl Iterator<Item = (u32, &'t str)>) -> (Option<f64>, bool) {
    let mut trials: BTreeMap<u32, BTreeMap<&str, u64>> = BTreeMap::new();
    for (trial, answer) in answers {
        *trials.entry(trial).or_default().entry(answer).or_default() += 1;
    }
    let pairs = |count: u64| count * count.saturating_sub(1) / 2;
    let all: u64 = trials
        .values()
        .map(|counts| pairs(counts.values().sum()))
        .sum();
    let same: u64 = trials
        .values()
        .flat_map(BTreeMap::values)
        .map(|count| pairs(*count))
        .sum();
    let different: BTreeSet<&&str> = trials.values().flat_map(BTreeMap::keys).collect();
    let share = (all > 0).then(|| same as f64 / all as f64);
    (share, different.len() < 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_of_a_trial_are_counted_over_replications() {
        let of = |answers: &[(u32, &'static str)]| repeated(answers.iter().copied());
        assert_eq!(
            of(&[(0, "a"), (0, "a"), (1, "b"), (1, "b")]),
            (Some(1.0), false)
        );
        assert_eq!(
            of(&[(0, "a"), (0, "b"), (0, "a")]),
            (Some(1.0 / 3.0), false)
        );
        assert_eq!(of(&[(0, "a"), (0, "a"), (1, "a")]), (Some(1.0), true));
        assert_eq!(of(&[(0, "a"), (1, "b")]), (None, false));
    }
}
