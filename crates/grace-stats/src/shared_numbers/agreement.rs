//! Pairs of trials with the same prompt.

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

    /// Counts the pairs of trials that all have one prompt: the answers of one replication after
    /// the other.
    pub(super) fn of_prompt<'a>(blocks: impl Iterator<Item = &'a [usize]>) -> Self {
        let mut all = Vec::new();
        let (mut within_pairs, mut within_equal) = (0, 0);
        for block in blocks {
            within_pairs += pairs(block.len());
            within_equal += equal_pairs(&mut block.to_vec());
            all.extend_from_slice(block);
        }
        Self {
            within_pairs,
            within_equal,
            between_pairs: pairs(all.len()) - within_pairs,
            between_equal: equal_pairs(&mut all) - within_equal,
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

/// The number of pairs of so many trials.
fn pairs(trials: usize) -> u64 {
    let trials = trials as u64;
    trials * trials.saturating_sub(1) / 2
}

/// The number of pairs of equal answers, which are put in order.
pub(super) fn equal_pairs(answers: &mut [usize]) -> u64 {
    answers.sort_unstable();
    let runs = answers.chunk_by(|one, next| one == next);
    runs.map(|run| pairs(run.len())).sum()
}

fn share(equal: u64, pairs: u64) -> Option<f64> {
    (pairs > 0).then(|| equal as f64 / pairs as f64)
}
