//! vLLM's `prompt_logprobs`: the bare prompt and the prompt with each option, in one request.

use serde_json::value::RawValue;

use super::{
    audit::{TokenisedOptions, behind},
    error::ScoreProblem,
    exchange::Scorer,
    method::{BorderRule, ScoreMethod},
    read::{self, ReadError, ScoredPrompt, Unusable},
    scores::OptionScores,
    tokenise,
    wire::{PromptLogprobs, completion},
};
use crate::transport::Endpoint;

/// Scores options by their text; the server tells the ids.
pub(super) async fn score_text(
    scorer: &Scorer<'_>,
    prompt: &str,
    options: &[String],
) -> Result<OptionScores, ScoreProblem> {
    let joint = options.iter().map(|option| [prompt, option].concat());
    let texts: Vec<String> = std::iter::once(prompt.to_owned()).chain(joint).collect();
    let body = completion(scorer.settings, &texts, 1, PromptLogprobs::ON);
    let read = |raw: &_| read::prompts(raw, texts.len());
    let mut prompts = scorer.post(Endpoint::Completions, body, read).await?;
    let joint = prompts.split_off(1);
    let prompt = prompts.pop().map(|bare| bare.ids).unwrap_or_default();
    let ids: Vec<Vec<u32>> = joint.iter().map(|scored| scored.ids.clone()).collect();
    let sent = prompt.len() + tokens(&joint);
    if let Some(rest) = behind(&prompt, &ids) {
        let tokenised = TokenisedOptions::new(prompt, options, rest, BorderRule::Joint)?;
        return Ok(scored(tokenised, &joint, sent));
    }
    let tokenised = tokenise::appended(scorer, prompt, options).await?;
    let mut scores = score_tokens(scorer, tokenised).await?;
    scores.prompt_tokens_sent += sent as u64;
    Ok(scores)
}

/// Scores options by their ids.
pub(super) async fn score_tokens(
    scorer: &Scorer<'_>,
    tokenised: TokenisedOptions,
) -> Result<OptionScores, ScoreProblem> {
    let whole = |option: &Vec<u32>| [tokenised.prompt.as_slice(), option].concat();
    let joint: Vec<Vec<u32>> = tokenised.options.iter().map(whole).collect();
    let body = completion(scorer.settings, &joint, 1, PromptLogprobs::ON);
    let read = |raw: &_| {
        let scored = read::prompts(raw, joint.len())?;
        if scored.iter().map(|prompt| &prompt.ids).eq(&joint) {
            Ok(scored)
        } else {
            Err(ReadError::from(Unusable::OtherTokens))
        }
    };
    let prompts = scorer.post(Endpoint::Completions, body, read).await?;
    let sent = tokens(&prompts);
    Ok(scored(tokenised, &prompts, sent))
}

/// The tokens of the options at the ends of the last prompts; before them stands the bare one, if it was sent. Of two
/// requests the first only showed that the options merge with the prompt.
pub(super) async fn again(
    scorer: &Scorer<'_>,
    bodies: &[&RawValue],
    options: &[Vec<u32>],
) -> Result<Vec<Vec<f64>>, ScoreProblem> {
    let mut logprobs = Vec::with_capacity(options.len());
    if let Some(body) = bodies.last() {
        let read = |raw: &_| {
            let prompts = read::all_prompts(raw)?;
            let before = prompts.len().saturating_sub(options.len());
            let ends = prompts
                .get(before..)
                .unwrap_or_default()
                .iter()
                .zip(options);
            let ends: Option<Vec<_>> = ends.map(|(prompt, option)| prompt.end(option)).collect();
            let ends = ends.filter(|ends| ends.len() == options.len());
            ends.ok_or(ReadError::from(Unusable::OtherTokens))
        };
        let body = (*body).to_owned();
        logprobs = scorer.post(Endpoint::Completions, body, read).await?;
    }
    Ok(logprobs)
}

fn scored(tokenised: TokenisedOptions, joint: &[ScoredPrompt], sent: usize) -> OptionScores {
    let border = tokenised.prompt.len();
    let logprobs = joint.iter().map(|scored| scored.behind(border)).collect();
    tokenised.scored(ScoreMethod::PromptLogprobs, logprobs, sent)
}

fn tokens(prompts: &[ScoredPrompt]) -> usize {
    prompts.iter().map(|prompt| prompt.ids.len()).sum()
}
