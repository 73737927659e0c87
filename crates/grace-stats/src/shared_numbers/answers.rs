//! Answers by prompt and replication.

use std::collections::{BTreeMap, BTreeSet};

use super::Agreement;
use super::agreement::equal_pairs;
use crate::random::{PermutationTest, SplitMix64};

/// Answers of trials, by the prompt they had and the replication they were in.
///
/// # Examples
///
/// ```
/// use grace_stats::random::SplitMix64;
/// use grace_stats::shared_numbers::Answers;
///
/// // Two prompts, each asked four times in three replications; inside each all answers are equal.
/// let answers = [["yes", "no", "yes"], ["no", "no", "yes"]];
/// let rows = answers.iter().enumerate().flat_map(|(prompt, answers)| {
///     answers.iter().enumerate().flat_map(move |(replication, answer)| {
///         std::iter::repeat_n((replication, prompt, *answer), 4)
///     })
/// });
/// let answers = Answers::from_rows(rows);
/// let agreement = answers.agreement();
/// assert_eq!(agreement.within(), Some(1.0));
/// assert!(agreement.is_copied_within());
/// assert!(answers.permutation_test(999, &mut SplitMix64::new(1)).p() < 0.01);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answers {
    prompts: Vec<Prompt>,
}

/// The answers to one prompt, as places in the order of all answers; those of one replication after
/// the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Prompt {
    answers: Vec<usize>,
    block_sizes: Vec<usize>,
}

impl Prompt {
    fn of_blocks(blocks: BTreeMap<usize, Vec<usize>>) -> Self {
        Self {
            block_sizes: blocks.values().map(Vec::len).collect(),
            answers: blocks.into_values().flatten().collect(),
        }
    }

    /// The answers of each replication.
    fn blocks(&self) -> impl Iterator<Item = &[usize]> {
        let mut rest = self.answers.as_slice();
        self.block_sizes.iter().map(move |size| {
            let (block, others) = rest.split_at(*size);
            rest = others;
            block
        })
    }
}

impl Answers {
    /// Groups rows of a replication's label, a prompt's label and an answer: text, or a number that
    /// can be ordered.
    pub fn from_rows<R: Ord, P: Ord, A: Ord>(rows: impl IntoIterator<Item = (R, P, A)>) -> Self {
        let rows: Vec<(R, P, A)> = rows.into_iter().collect();
        let replications = places(rows.iter().map(|(replication, _, _)| replication));
        let answers = places(rows.iter().map(|(_, _, answer)| answer));
        let mut prompts: BTreeMap<&P, BTreeMap<usize, Vec<usize>>> = BTreeMap::new();
        for (replication, prompt, answer) in &rows {
            let blocks = prompts.entry(prompt).or_default();
            let block = blocks.entry(replications[replication]).or_default();
            block.push(answers[answer]);
        }
        Self {
            prompts: prompts.into_values().map(Prompt::of_blocks).collect(),
        }
    }

    /// How often trials of one prompt agree, inside replications and between them.
    pub fn agreement(&self) -> Agreement {
        let of_prompts = self.prompts.iter();
        of_prompts
            .map(|prompt| Agreement::of_prompt(prompt.blocks()))
            .fold(Agreement::default(), Agreement::add)
    }

    /// Whether trials of one prompt agree more inside replications than chance explains: answers
    /// are exchanged among the trials of each prompt, `rounds` times.
    ///
    /// A small p-value says that replications are not alike, be it through shared random numbers
    /// or because the model answers differently; only an agreement of 1 tells these apart.
    pub fn permutation_test(&self, rounds: u32, random: &mut SplitMix64) -> PermutationTest {
        let permute = |prompts: &mut [Prompt], random: &mut SplitMix64| {
            for prompt in prompts {
                random.shuffle(&mut prompt.answers);
            }
        };
        PermutationTest::run(&self.prompts, rounds, random, permute, |prompts| {
            equal_within(prompts) as f64
        })
    }
}

/// The number of pairs of equal answers inside replications.
fn equal_within(prompts: &[Prompt]) -> u64 {
    let mut scratch = Vec::new();
    let mut equal = 0;
    for block in prompts.iter().flat_map(Prompt::blocks) {
        scratch.clear();
        scratch.extend_from_slice(block);
        equal += equal_pairs(&mut scratch);
    }
    equal
}

/// The place of each label in their order, from 0.
fn places<L: Ord>(labels: impl Iterator<Item = L>) -> BTreeMap<L, usize> {
    let labels: BTreeSet<L> = labels.collect();
    labels.into_iter().zip(0..).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_counted_within_prompts_only() {
        let rows = [
            (0, 'p', 1),
            (0, 'p', 1),
            (0, 'q', 1),
            (1, 'p', 2),
            (1, 'q', 1),
        ];
        let agreement = Answers::from_rows(rows).agreement();
        assert_eq!((agreement.within_pairs, agreement.within_equal), (1, 1));
        assert_eq!((agreement.between_pairs, agreement.between_equal), (3, 1));
        assert!(agreement.is_copied_within());
    }

    #[test]
    fn without_pairs_there_is_no_share() {
        let agreement = Answers::from_rows([(0, 'p', 1), (0, 'q', 1)]).agreement();
        assert_eq!((agreement.within(), agreement.between()), (None, None));
        assert!(!agreement.is_copied_within());
    }

    #[test]
    fn answers_that_never_vary_are_no_sign_of_copies() {
        let rows = (0..20).map(|trial| (trial % 2, 'p', 1));
        let answers = Answers::from_rows(rows);
        assert!(!answers.agreement().is_copied_within());
        assert_eq!(
            answers.permutation_test(99, &mut SplitMix64::new(5)).p(),
            1.0
        );
    }
}
