//! llama.cpp's grammars of token ids: a request an option, which may generate that option alone.

use serde_json::value::RawValue;

use super::{
    audit::{OptionProblem, TokenisedOptions},
    error::ScoreProblem,
    exchange::Scorer,
    method::ScoreMethod,
    read::{self, ReadError, Step, Unusable},
    scores::OptionScores,
    wire::{Forced, completion},
};
use crate::transport::Endpoint;

/// Scores options by their ids.
pub(super) async fn score_tokens(
    scorer: &Scorer<'_>,
    tokenised: TokenisedOptions,
) -> Result<OptionScores, ScoreProblem> {
    let prompt = tokenised.prompt.as_slice();
    let forced = tokenised
        .options
        .iter()
        .map(|option| force(scorer, prompt, option));
    let logprobs = scorer.together(forced).await?;
    let sent = prompt.len() * logprobs.len();
    Ok(tokenised.scored(ScoreMethod::ForcedTokens, logprobs, sent))
}

async fn force(
    scorer: &Scorer<'_>,
    prompt: &[u32],
    option: &[u32],
) -> Result<Vec<f64>, ScoreProblem> {
    let body = completion(scorer.settings, prompt, option.len(), Forced::new(option));
    let read = |raw: &RawValue| Ok(forced(&read::steps(raw)?, option)?);
    scorer.post(Endpoint::Completions, body, read).await
}

pub(super) async fn again(
    scorer: &Scorer<'_>,
    bodies: &[&RawValue],
    options: &[Vec<u32>],
) -> Result<Vec<Vec<f64>>, ScoreProblem> {
    if bodies.len() != options.len() {
        let option = format!("number {}", bodies.len() + 1);
        return Err(OptionProblem::NotAsked { option }.into());
    }
    let pairs = bodies.iter().zip(options);
    let sent = pairs.map(async |(body, option)| {
        let read = |raw: &RawValue| Ok(forced(&read::steps(raw)?, option)?);
        let body = (*body).to_owned();
        scorer.post(Endpoint::Completions, body, read).await
    });
    scorer.together(sent).await
}

/// The log-probabilities, if the tokens are the option's; a server that knows no such grammar says anything else.
fn forced(generated: &[Step], option: &[u32]) -> Result<Vec<f64>, Unusable> {
    if generated.len() != option.len() {
        return Err(Unusable::Count {
            sent: option.len(),
            returned: generated.len(),
        });
    }
    let pairs = generated.iter().zip(option);
    let checked = pairs.map(|(step, &wanted)| (step.id == wanted).then_some(step.logprob));
    checked.collect::<Option<_>>().ok_or(Unusable::OtherTokens)
}

/// Whether the server forces tokens: asked with one that it would not choose by itself.
pub(super) async fn works(
    scorer: &Scorer<'_>,
    prompt: &[u32],
    option: &[u32],
) -> Result<Result<(), Unusable>, ScoreProblem> {
    let body = completion(scorer.settings, prompt, option.len(), Forced::new(option));
    let read = |raw: &RawValue| -> Result<(), ReadError> {
        forced(&read::steps(raw)?, option)?;
        Ok(())
    };
    scorer.try_post(Endpoint::Completions, body, read).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_options_own_tokens_count() {
        let option = [5, 7];
        let steps = |pairs: &[(u32, f64)]| -> Vec<Step> {
            let step = |&(id, logprob): &(u32, f64)| Step {
                id,
                logprob,
                likeliest: None,
            };
            pairs.iter().map(step).collect()
        };
        let forced = |pairs: &[(u32, f64)], option: &[u32]| forced(&steps(pairs), option);
        assert_eq!(
            forced(&[(5, -1.0), (7, -0.5)], &option),
            Ok(vec![-1.0, -0.5])
        );
        assert_eq!(
            forced(&[(5, -1.0), (8, -0.5)], &option),
            Err(Unusable::OtherTokens)
        );
        let short = forced(&[(5, -1.0)], &option).unwrap_err();
        assert_eq!(
            short.to_string(),
            "2 tokens went in and 1 log-probabilities came back"
        );
    }
}
