//! From text to token ids, as the server itself makes them.

use futures_util::future::try_join_all;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    audit::{TokenisedOptions, behind},
    error::ScoreError,
    exchange::Scorer,
    method::{BorderRule, ScoreMethod},
    read::ReadError,
    wire,
};
use crate::{
    failure::{Failure, FailureKind},
    generate::{ChatMessage, Input},
    transport::Endpoint,
};

/// The ids of a prompt and of the options behind it.
pub(super) async fn options(
    scorer: &Scorer<'_>,
    method: ScoreMethod,
    input: &Input,
    options: &[String],
) -> Result<TokenisedOptions, ScoreError> {
    match input {
        Input::Completion(prompt) => of_text(scorer, prompt, options).await,
        Input::Chat(messages) => of_chat(scorer, method, messages, options).await,
    }
}

async fn of_text(
    scorer: &Scorer<'_>,
    prompt: &str,
    options: &[String],
) -> Result<TokenisedOptions, ScoreError> {
    let joint = options.iter().map(|option| [prompt, option].concat());
    let texts: Vec<String> = std::iter::once(prompt.to_owned()).chain(joint).collect();
    let ids = texts.iter().map(|text| text_ids(scorer, text, true));
    let mut ids = try_join_all(ids).await?;
    let joint = ids.split_off(1);
    let prompt = ids.pop().unwrap_or_default();
    let requests = count(texts.len());
    match behind(&prompt, &joint) {
        Some(rest) => {
            let tokenised = TokenisedOptions::new(prompt, options, rest, BorderRule::Joint)?;
            Ok(tokenised.asked(requests))
        }
        None => Ok(appended(scorer, prompt, options).await?.asked(requests)),
    }
}

/// Options tokenised alone, behind the ids of a prompt with which their text would merge.
pub(super) async fn appended(
    scorer: &Scorer<'_>,
    prompt: Vec<u32>,
    options: &[String],
) -> Result<TokenisedOptions, ScoreError> {
    let ids = alone(scorer, options).await?;
    let tokenised = TokenisedOptions::new(prompt, options, ids, BorderRule::Appended)?;
    Ok(tokenised.asked(count(options.len())))
}

async fn of_chat(
    scorer: &Scorer<'_>,
    method: ScoreMethod,
    messages: &[ChatMessage],
    options: &[String],
) -> Result<TokenisedOptions, ScoreError> {
    let body = wire::conversation(scorer.settings.model, messages);
    let (prompt, requests) = if method == ScoreMethod::ForcedTokens {
        let (text, _) = scorer
            .post(Endpoint::ApplyTemplate, body, template_of)
            .await?;
        (text_ids(scorer, &text, true).await?, 2)
    } else {
        (scorer.post(Endpoint::Tokenize, body, ids_of).await?.0, 1)
    };
    // A turn begins with its first word, not with the space between two words of a text.
    let bare: Vec<String> = options
        .iter()
        .map(|option| option.trim_start().to_owned())
        .collect();
    let ids = alone(scorer, &bare).await?;
    let tokenised = TokenisedOptions::new(prompt, options, ids, BorderRule::Chat)?;
    Ok(tokenised.asked(requests + count(options.len())))
}

async fn alone(scorer: &Scorer<'_>, options: &[String]) -> Result<Vec<Vec<u32>>, ScoreError> {
    try_join_all(options.iter().map(|option| text_ids(scorer, option, false))).await
}

/// The ids of a text, with what the server puts before a prompt or without.
pub(super) async fn text_ids(
    scorer: &Scorer<'_>,
    text: &str,
    special: bool,
) -> Result<Vec<u32>, ScoreError> {
    let body = wire::tokenise(scorer.settings.model, text, special);
    let (ids, _) = scorer.post(Endpoint::Tokenize, body, ids_of).await?;
    Ok(ids)
}

impl TokenisedOptions {
    /// Counts requests that asked for ids.
    fn asked(mut self, requests: u32) -> Self {
        self.tokenise_requests += requests;
        self
    }
}

fn count(texts: usize) -> u32 {
    u32::try_from(texts).unwrap_or(u32::MAX)
}

fn ids_of(raw: &RawValue) -> Result<Vec<u32>, ReadError> {
    #[derive(Deserialize)]
    struct Wire {
        tokens: Vec<u32>,
    }
    Ok(shaped::<Wire>(raw)?.tokens)
}

fn template_of(raw: &RawValue) -> Result<String, ReadError> {
    #[derive(Deserialize)]
    struct Wire {
        prompt: String,
    }
    Ok(shaped::<Wire>(raw)?.prompt)
}

fn shaped<'a, T: Deserialize<'a>>(raw: &'a RawValue) -> Result<T, ReadError> {
    let body = raw.get();
    serde_json::from_str(body).map_err(|error| {
        let message = format!("server answered 200 OK with a body of another shape: {error}");
        let failure = Failure::new(FailureKind::BrokenBody, message);
        ReadError::Failure(failure.with_answer(http::StatusCode::OK, body.as_bytes()))
    })
}
