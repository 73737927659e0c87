//! The first token of each option alone, from the list of the likeliest tokens.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::{
    audit::{OptionProblem, TokenisedOptions},
    error::ScoreProblem,
    exchange::Scorer,
    method::ScoreMethod,
    read,
    scores::OptionScores,
    wire::{NextTokens, completion},
};
use crate::transport::Endpoint;

/// vLLM's limit, and OpenAI's.
pub(super) const LISTED: u32 = 20;

/// Scores the first tokens of options.
pub(super) async fn score_tokens(
    scorer: &Scorer<'_>,
    tokenised: TokenisedOptions,
) -> Result<OptionScores, ScoreProblem> {
    let tokenised = tokenised.first_tokens();
    distinct(&tokenised)?;
    let prompt = tokenised.prompt.as_slice();
    let body = completion(scorer.settings, [prompt], 1, NextTokens::new(LISTED, None));
    let read = |raw: &_| read::next_tokens(raw, 1);
    let mut listed = scorer.post(Endpoint::Completions, body, read).await?;
    let logprobs = first_tokens(&tokenised, &listed.pop().unwrap_or_default())?;
    let sent = prompt.len();
    Ok(tokenised.scored(ScoreMethod::FirstToken, logprobs, sent))
}

pub(super) async fn again(
    scorer: &Scorer<'_>,
    bodies: &[&RawValue],
    options: &[Vec<u32>],
) -> Result<Vec<Vec<f64>>, ScoreProblem> {
    let mut listed = BTreeMap::new();
    for body in bodies {
        let read = |raw: &_| read::next_tokens(raw, 1);
        let body = (*body).to_owned();
        let mut now = scorer.post(Endpoint::Completions, body, read).await?;
        listed = now.pop().unwrap_or_default();
    }
    let numbered = (1..).zip(options);
    let of_option = |(number, ids): (usize, &Vec<u32>)| {
        let found = ids.first().and_then(|id| listed.get(id));
        let missing = || OptionProblem::NotListed {
            option: format!("number {number}"),
            listed: listed.len(),
        };
        Ok(vec![*found.ok_or_else(missing)?])
    };
    numbered.map(of_option).collect()
}

impl TokenisedOptions {
    /// Without all tokens but the first of each option.
    pub(super) fn first_tokens(mut self) -> Self {
        for ids in &mut self.options {
            ids.truncate(1);
        }
        self
    }
}

/// Options must differ in the one token that is looked at.
pub(super) fn distinct(tokenised: &TokenisedOptions) -> Result<(), OptionProblem> {
    let mut seen: BTreeMap<&[u32], &String> = BTreeMap::new();
    for (name, ids) in tokenised.names.iter().zip(&tokenised.options) {
        if let Some(first) = seen.insert(ids, name) {
            return Err(OptionProblem::SameFirstToken {
                first: first.clone(),
                second: name.clone(),
            });
        }
    }
    Ok(())
}

fn first_tokens(
    tokenised: &TokenisedOptions,
    listed: &BTreeMap<u32, f64>,
) -> Result<Vec<Vec<f64>>, OptionProblem> {
    let of_option = |(name, ids): (&String, &Vec<u32>)| {
        let found = ids.first().and_then(|id| listed.get(id));
        let missing = || OptionProblem::NotListed {
            option: name.clone(),
            listed: listed.len(),
        };
        Ok(vec![*found.ok_or_else(missing)?])
    };
    let options = tokenised.names.iter().zip(&tokenised.options);
    options.map(of_option).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score::method::BorderRule;

    fn tokenised(options: [Vec<u32>; 2]) -> TokenisedOptions {
        let names = ["a", "b"].map(str::to_owned);
        TokenisedOptions::new(vec![1], &names, options.into(), BorderRule::Joint).unwrap()
    }

    #[test]
    fn options_must_differ_in_what_is_looked_at() {
        assert_eq!(distinct(&tokenised([vec![5], vec![6]])), Ok(()));
        let same = tokenised([vec![5, 1], vec![5, 2]]).first_tokens();
        assert!(matches!(
            distinct(&same),
            Err(OptionProblem::SameFirstToken { .. })
        ));
    }

    #[test]
    fn an_option_that_was_not_listed_has_no_number() {
        let options = tokenised([vec![5], vec![6]]);
        let listed = BTreeMap::from([(5, -0.25), (9, -3.0)]);
        let error = first_tokens(&options, &listed).unwrap_err();
        assert_eq!(
            error.to_string(),
            r#"option "b" begins with none of the 2 tokens that the server listed as the likeliest"#
        );
    }
}
