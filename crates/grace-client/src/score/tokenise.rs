//! From text to token ids, as the server itself makes them.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    audit::{TokenisedOptions, behind},
    error::ScoreProblem,
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
) -> Result<TokenisedOptions, ScoreProblem> {
    match input {
        Input::Completion(prompt) => of_text(scorer, prompt, options).await,
        Input::Chat(messages) => of_chat(scorer, method, messages, options).await,
    }
}

async fn of_text(
    scorer: &Scorer<'_>,
    prompt: &str,
    options: &[String],
) -> Result<TokenisedOptions, ScoreProblem> {
    let joint = options.iter().map(|option| [prompt, option].concat());
    let texts: Vec<String> = std::iter::once(prompt.to_owned()).chain(joint).collect();
    let ids = texts.iter().map(|text| text_ids(scorer, text, true));
    let mut ids = scorer.together(ids).await?;
    let joint = ids.split_off(1);
    let prompt = ids.pop().unwrap_or_default();
    match behind(&prompt, &joint) {
        Some(rest) => Ok(TokenisedOptions::new(
            prompt,
            options,
            rest,
            BorderRule::Joint,
        )?),
        None => appended(scorer, prompt, options).await,
    }
}

/// Options tokenised alone, behind the ids of a prompt with which their text would merge.
pub(super) async fn appended(
    scorer: &Scorer<'_>,
    prompt: Vec<u32>,
    options: &[String],
) -> Result<TokenisedOptions, ScoreProblem> {
    let ids = alone(scorer, options).await?;
    Ok(TokenisedOptions::new(
        prompt,
        options,
        ids,
        BorderRule::Appended,
    )?)
}

async fn of_chat(
    scorer: &Scorer<'_>,
    method: ScoreMethod,
    messages: &[ChatMessage],
    options: &[String],
) -> Result<TokenisedOptions, ScoreProblem> {
    let body = wire::conversation(scorer.settings.model, messages);
    let prompt = if method == ScoreMethod::ForcedTokens {
        let text = scorer.post(Endpoint::ApplyTemplate, body, template_of);
        text_ids(scorer, &text.await?, true).await?
    } else {
        scorer.post(Endpoint::Tokenize, body, ids_of).await?
    };
    // A turn begins with its first word, not with the space between two words of a text.
    let bare: Vec<String> = options
        .iter()
        .map(|option| option.trim_start().to_owned())
        .collect();
    let ids = alone(scorer, &bare).await?;
    Ok(TokenisedOptions::new(
        prompt,
        options,
        ids,
        BorderRule::Chat,
    )?)
}

async fn alone(scorer: &Scorer<'_>, options: &[String]) -> Result<Vec<Vec<u32>>, ScoreProblem> {
    let ids = options.iter().map(|option| text_ids(scorer, option, false));
    scorer.together(ids).await
}

/// The ids of a text, with what the server puts before a prompt or without.
pub(super) async fn text_ids(
    scorer: &Scorer<'_>,
    text: &str,
    special: bool,
) -> Result<Vec<u32>, ScoreProblem> {
    let body = wire::tokenise(scorer.settings.model, text, special);
    scorer.post(Endpoint::Tokenize, body, ids_of).await
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
