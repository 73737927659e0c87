//! Pairs of trials with the same prompt.

use std::collections::BTreeMap;

/// How many pairs of trials with the same prompt have the same answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Agreement {
    /// Pairs inside a replication.
    pub within_pairs: u64,
    /// Those with equal answers.
    pub within_equal: u64,
    /// Pairs between two replications.
    pub between_pairs: u64,
    /// Those with equal answers.
    pub between_equal: u64,
}

impl Agreement {
    /// The share of equal answers inside replications; `None` without such pairs.
    pub fn within(&self) -> Option<f64> {
        share(self.within_equal, self.within_pairs)
    }

    /// The share of equal answers between replications; `None` without such pairs.
    pub fn between(&self) -> Option<f64> {
        share(self.between_equal, self.between_pairs)
    }

    /// Whether equal prompts always get equal answers inside a replication, but not always between
    /// replications: what one seed for all requests of a replication does.
    pub fn is_copied_within(&self) -> bool {
        self.within_pairs > 0
            && self.within_equal == self.within_pairs
            && self.between_equal < self.between_pairs
    }

    /// Counts the pairs of trials of `(replication, answer)` that all have one prompt.
    pub(super) fn of_prompt(trials: &[(usize, usize)]) -> Self {
        let mut by_replication: BTreeMap<usize, u64> = BTreeMap::new();
        let mut by_answer: BTreeMap<usize, u64> = BTreeMap::new();
        let mut by_both: BTreeMap<(usize, usize), u64> = BTreeMap::new();
        for (replication, answer) in trials {
            *by_replication.entry(*replication).or_default() += 1;
            *by_answer.entry(*answer).or_default() += 1;
            *by_both.entry((*replication, *answer)).or_default() += 1;
        }
        let within_pairs = pairs(by_replication.into_values());
        let within_equal = pairs(by_both.into_values());
        Self {
            within_pairs,
            within_equal,
            between_pairs: pairs([trials.len() as u64]) - within_pairs,
            between_equal: pairs(by_answer.into_values()) - within_equal,
        }
    }

    pub(super) fn add(self, other: Self) -> Self {
        Self {
            within_pairs: self.within_pairs + other.within_pairs,
            within_equal: self.within_equal + other.within_equal,
            between_pairs: self.between_pairs + other.between_pairs,
            between_equal: self.between_equal + other.between_equal,
        }
    }
}

/// The number of pairs inside groups of these sizes.
fn pairs(sizes: impl IntoIterator<Item = u64>) -> u64 {
    let of = |size: u64| size * size.saturating_sub(1) / 2;
    sizes.into_iter().map(of).sum()
}

fn share(equal: u64, pairs: u64) -> Option<f64> {
    (pairs > 0).then(|| equal as f64 / pairs as f64)
}
