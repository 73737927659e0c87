//! The options as a trie of tokens: each inner node is a prompt, whose next tokens are its children.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::value::RawValue;

use super::{
    audit::{OptionProblem, TokenisedOptions},
    error::ScoreProblem,
    exchange::Scorer,
    method::ScoreMethod,
    read::{self, Unusable},
    scores::OptionScores,
    wire::{NextTokens, completion},
};
use crate::transport::Endpoint;

/// vLLM's limit on `logprob_token_ids`.
const MOST_IDS: usize = 128;

/// The inner nodes by their path from the root, each with the tokens that may come next.
type Nodes = BTreeMap<Vec<u32>, BTreeSet<u32>>;

/// What the server said of the next tokens of each inner node.
type Known = BTreeMap<Vec<u32>, BTreeMap<u32, f64>>;

/// One request: the next tokens of some nodes.
#[derive(Debug, Default, PartialEq)]
struct Ask {
    /// Each node's path, and those of its children that are asked for here.
    nodes: Vec<(Vec<u32>, Vec<u32>)>,
    /// The children of all of them.
    ids: BTreeSet<u32>,
}

/// Scores options by their ids.
pub(super) async fn score_tokens(
    scorer: &Scorer<'_>,
    tokenised: TokenisedOptions,
) -> Result<OptionScores, ScoreProblem> {
    let mut known = Known::new();
    let mut sent = 0;
    for ask in asks(&nodes(&tokenised.options)) {
        let prompts: Vec<Vec<u32>> = ask
            .nodes
            .iter()
            .map(|(path, _)| [tokenised.prompt.as_slice(), path].concat())
            .collect();
        let ids: Vec<u32> = ask.ids.iter().copied().collect();
        let extra = NextTokens::new(1, Some(&ids));
        let body = completion(scorer.settings, &prompts, 1, extra);
        let read = |raw: &_| Ok(wanted(&ask, &read::next_tokens(raw, prompts.len())?)?);
        let found = scorer.post(Endpoint::Completions, body, read).await?;
        for ((path, _), next) in ask.nodes.into_iter().zip(found) {
            known.entry(path).or_default().extend(next);
        }
        sent += prompts.iter().map(Vec::len).sum::<usize>();
    }
    let logprobs = all_along(&tokenised.options, &known)?;
    Ok(tokenised.scored(ScoreMethod::Trie, logprobs, sent))
}

pub(super) async fn again(
    scorer: &Scorer<'_>,
    bodies: &[&RawValue],
    options: &[Vec<u32>],
) -> Result<Vec<Vec<f64>>, ScoreProblem> {
    let mut known = Known::new();
    for (ask, body) in asks(&nodes(options)).into_iter().zip(bodies) {
        let read = |raw: &_| Ok(wanted(&ask, &read::next_tokens(raw, ask.nodes.len())?)?);
        let body = (*body).to_owned();
        let found = scorer.post(Endpoint::Completions, body, read).await?;
        for ((path, _), next) in ask.nodes.into_iter().zip(found) {
            known.entry(path).or_default().extend(next);
        }
    }
    Ok(all_along(options, &known)?)
}

fn nodes(options: &[Vec<u32>]) -> Nodes {
    let mut nodes = Nodes::new();
    for option in options {
        for (depth, &child) in option.iter().enumerate() {
            let path = option.get(..depth).unwrap_or_default().to_vec();
            nodes.entry(path).or_default().insert(child);
        }
    }
    nodes
}

/// As few requests as the limit on ids allows in the order of the nodes.
fn asks(nodes: &Nodes) -> Vec<Ask> {
    let mut asks: Vec<Ask> = Vec::new();
    for (path, children) in nodes {
        let children: Vec<u32> = children.iter().copied().collect();
        for part in children.chunks(MOST_IDS) {
            let fits = |ask: &&mut Ask| {
                let new = part.iter().filter(|id| !ask.ids.contains(id)).count();
                ask.ids.len() + new <= MOST_IDS
            };
            let ask = match asks.last_mut().filter(fits) {
                Some(ask) => ask,
                None => asks.push_mut(Ask::default()),
            };
            ask.nodes.push((path.clone(), part.to_vec()));
            ask.ids.extend(part);
        }
    }
    asks
}

/// The children of each node, out of all tokens that the server listed.
fn wanted(ask: &Ask, listed: &[BTreeMap<u32, f64>]) -> Result<Vec<BTreeMap<u32, f64>>, Unusable> {
    let of_node = |((_, children), listed): (&(_, Vec<u32>), &BTreeMap<u32, f64>)| {
        let of_child = |&id: &u32| match listed.get(&id) {
            Some(&logprob) => Ok((id, logprob)),
            None => Err(Unusable::Missing { id }),
        };
        children.iter().map(of_child).collect()
    };
    ask.nodes.iter().zip(listed).map(of_node).collect()
}

/// Those of all options; a token without one is none of an option's.
fn all_along(options: &[Vec<u32>], known: &Known) -> Result<Vec<Vec<f64>>, OptionProblem> {
    let numbered = (1..).zip(options);
    let of_option = |(number, option): (usize, &Vec<u32>)| {
        along(option, known).ok_or_else(|| OptionProblem::NotAsked {
            option: format!("number {number}"),
        })
    };
    numbered.map(of_option).collect()
}

/// The log-probabilities on the way down; `None` if one is missing.
fn along(option: &[u32], known: &Known) -> Option<Vec<f64>> {
    let step = |(depth, child): (usize, &u32)| known.get(option.get(..depth)?)?.get(child).copied();
    option.iter().enumerate().map(step).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn shared_beginnings_are_one_node() {
        let options = [vec![1, 2, 9], vec![1, 3, 9], vec![1, 2, 8]];
        let nodes = nodes(&options);
        assert_eq!(nodes.len(), 4, "the root, 1, 1 2 and 1 3");
        assert_eq!(nodes[&vec![1, 2]], BTreeSet::from([8, 9]));
        let asks = asks(&nodes);
        assert_eq!(asks.len(), 1);
        assert_eq!(asks[0].ids, BTreeSet::from([1, 2, 3, 8, 9]));
    }

    #[test]
    fn a_node_with_more_children_than_may_be_asked_for_is_asked_in_parts() {
        let options: Vec<Vec<u32>> = (0..300).map(|id| vec![id]).collect();
        let asks = asks(&nodes(&options));
        let sizes: Vec<usize> = asks.iter().map(|ask| ask.ids.len()).collect();
        assert_eq!(sizes, [128, 128, 44]);
    }

    #[test]
    fn a_child_that_the_server_left_out_is_missing() {
        let ask = asks(&nodes(&[vec![4], vec![5]])).remove(0);
        let listed = [BTreeMap::from([(4, -1.0), (77, -0.5)])];
        assert_eq!(wanted(&ask, &listed), Err(Unusable::Missing { id: 5 }));
    }

    #[test]
    fn a_token_that_nobody_asked_for_is_not_left_out_of_a_sum() {
        let known = Known::from([(vec![], BTreeMap::from([(4, -1.0)]))]);
        assert_eq!(along(&[4], &known), Some(vec![-1.0]));
        let error = all_along(&[vec![4], vec![4, 7]], &known).unwrap_err();
        assert_eq!(
            error.to_string(),
            r#"the log-probability of a token of option "number 2" was not asked for"#
        );
    }

    proptest! {
        #[test]
        fn every_token_of_every_option_is_asked_for_once_and_found_again(
            options in prop::collection::btree_set(prop::collection::vec(0_u32..200, 1..6), 1..60),
        ) {
            let options: Vec<Vec<u32>> = options.into_iter().collect();
            let nodes = nodes(&options);
            let mut known = Known::new();
            for ask in asks(&nodes) {
                prop_assert!(ask.ids.len() <= MOST_IDS);
                for (path, children) in ask.nodes {
                    for child in children {
                        prop_assert!(ask.ids.contains(&child));
                        let value = -f64::from(child) - path.len() as f64;
                        let before = known.entry(path.clone()).or_default().insert(child, value);
                        prop_assert_eq!(before, None);
                    }
                }
            }
            for option in &options {
                let expected: Vec<f64> = (0..).zip(option).map(|(depth, &id)| -f64::from(id) - f64::from(depth)).collect();
                prop_assert_eq!(along(option, &known), Some(expected));
            }
        }
    }
}
