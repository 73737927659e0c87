//! Whether the numbers hold together: the chain rule, and what the server generates by them.

use std::collections::BTreeSet;

use super::{
    error::{CheckName, ScoringProbeError},
    noise::gap,
    prober::Prober,
};
use crate::score::{
    audit::TokenisedOptions,
    error::ScoreProblem,
    method::{BorderRule, ScoreMethod},
    read::Step,
    score_tokens,
    walk::{endless_walk, walk},
};

/// Tokens of a walk: enough for an option of one token and one of two behind it.
const WALK: usize = 3;
/// Walks of different seeds, should a model end its text at once.
const WALKS: u64 = 4;
/// Prompts on which walks are made.
const WALKED: usize = 3;

impl Prober<'_> {
    /// The largest difference that breaks the chain rule, and the number of tokens compared.
    pub(super) async fn chain_rule(
        &self,
        method: ScoreMethod,
        tokenised: &[TokenisedOptions],
    ) -> Result<(f64, usize), ScoringProbeError> {
        let (mut largest, mut tokens) = (0.0_f64, 0);
        for prompt in prompts(tokenised) {
            let walked = self.walked(method, prompt).await?;
            let in_parts = self.in_parts(method, prompt, &walked).await;
            let in_parts = in_parts.map_err(|error| self.unscored(CheckName::ChainRule, error))?;
            for ((step, whole), part) in walked.iter().zip(in_parts.0).zip(in_parts.1) {
                let Step {
                    id, logprob: alone, ..
                } = *step;
                let difference = gap(whole, alone).max(gap(whole, part));
                if difference > self.request.tolerance_nat {
                    return Err(self.failed(
                        CheckName::ChainRule,
                        format!(
                            "token {id} has the log-probability {whole} within an option of {} tokens, {part} with the tokens \
                             before it in the prompt, and {alone} when the server generates it; at most {} nat may lie between them",
                            walked.len(),
                            self.request.tolerance_nat
                        ),
                    ));
                }
                largest = largest.max(difference);
                tokens += 1;
            }
        }
        Ok((largest, tokens))
    }

    /// Whether the server generates by the log-probabilities that it tells.
    pub(super) async fn greedy_tokens(
        &self,
        tokenised: &[TokenisedOptions],
    ) -> Result<(), ScoringProbeError> {
        let scorer = self.scorer_at(0.0, 0);
        let (tolerance, mut compared) = (self.request.tolerance_nat, 0);
        for prompt in prompts(tokenised) {
            let walked = walk(&scorer, prompt, WALK).await;
            let walked = walked.map_err(|error| self.unanswered(error))?;
            let refused = |found: String| self.failed(CheckName::GreedyToken, found);
            let steps = walked.map_err(|unusable| {
                refused(format!(
                    "nothing to compare with, of generated tokens: {unusable}"
                ))
            })?;
            for step in &steps {
                let Some(likeliest) = step.likeliest else {
                    continue;
                };
                if likeliest - step.logprob > tolerance {
                    return Err(refused(format!(
                        "at temperature 0 the server chose token {} with the log-probability {}, and lists another with {likeliest}; \
                         at most {tolerance} nat may lie between them",
                        step.id, step.logprob
                    )));
                }
                compared += 1;
            }
        }
        if compared == 0 {
            let found = "the server lists no likeliest tokens of what it generates";
            return Err(self.failed(CheckName::GreedyToken, found));
        }
        Ok(())
    }

    /// At least two tokens that the server generates behind `prompt`.
    async fn walked(
        &self,
        method: ScoreMethod,
        prompt: &[u32],
    ) -> Result<Vec<Step>, ScoringProbeError> {
        let refused = |found: String| self.failed(CheckName::ChainRule, found);
        for seed in 1..=WALKS {
            let scorer = self.scorer(seed);
            let walked = match method {
                ScoreMethod::ForcedTokens => endless_walk(&scorer, prompt, WALK).await,
                _ => walk(&scorer, prompt, WALK).await,
            };
            let walked = walked.map_err(|error| self.unanswered(error))?;
            let tokens = walked.map_err(|unusable| {
                refused(format!(
                    "nothing to compare with, of generated tokens: {unusable}"
                ))
            })?;
            if tokens.len() >= 2 {
                return Ok(tokens);
            }
        }
        Err(refused(format!(
            "the model ended its text after less than two tokens, {WALKS} times"
        )))
    }

    /// The tokens of a walk as one option, and as two options one behind the other.
    async fn in_parts(
        &self,
        method: ScoreMethod,
        prompt: &[u32],
        walked: &[Step],
    ) -> Result<(Vec<f64>, Vec<f64>), ScoreProblem> {
        let ids: Vec<u32> = walked.iter().map(|step| step.id).collect();
        let (first, rest) = ids.split_at(1);
        let whole = self.logprobs(method, prompt, &ids).await?;
        let mut parts = self.logprobs(method, prompt, first).await?;
        let longer = [prompt, first].concat();
        parts.extend(self.logprobs(method, &longer, rest).await?);
        Ok((whole, parts))
    }

    async fn logprobs(
        &self,
        method: ScoreMethod,
        prompt: &[u32],
        option: &[u32],
    ) -> Result<Vec<f64>, ScoreProblem> {
        let (names, ids) = ([String::from("walk")], vec![option.to_vec()]);
        let tokenised = TokenisedOptions::new(prompt.to_vec(), &names, ids, BorderRule::Appended)?;
        let scores = score_tokens(&self.scorer(0), method, tokenised).await?;
        let first = scores.options.into_iter().next();
        Ok(first
            .map(|option| option.token_logprobs)
            .unwrap_or_default())
    }
}

/// Distinct prompts, a few of them.
fn prompts(tokenised: &[TokenisedOptions]) -> impl Iterator<Item = &[u32]> {
    let prompts: BTreeSet<&[u32]> = tokenised.iter().map(TokenisedOptions::prompt).collect();
    prompts.into_iter().take(WALKED)
}
