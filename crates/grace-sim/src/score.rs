//! vLLM's completions with log-probabilities or token ids.

use axum::http::HeaderMap;
use axum::response::Response;
use serde_json::Value;

use crate::answer;
use crate::exact::{Prompted, Task, Told};
use crate::generate::{Sampling, draws};
use crate::logprobs::{Logprobs, of_prompt};
use crate::model::Reader;
use crate::reject::Rejection;
use crate::server::Shared;
use crate::stream;
use crate::tokenizer::{Spelling, Tokenizer};
use crate::wire::{CompletionChoice, GenerateRequest, Prompt};

/// vLLM's `--max-logprobs`, unless set.
const MAX_LOGPROBS: i64 = 20;
/// Ids that `logprob_token_ids` may hold.
const MAX_TOKEN_IDS: usize = 128;

/// Whether a request needs tokens: log-probabilities, ids, or the prompt again.
pub(crate) fn is_exact(request: &GenerateRequest) -> bool {
    let ids = matches!(request.prompt, Some(Prompt::Ids(_) | Prompt::IdLists(_)));
    let set = |flag: Option<bool>| flag == Some(true);
    ids || request
        .logprobs
        .as_ref()
        .is_some_and(|logprobs| !logprobs.is_null())
        || request.prompt_logprobs.is_some()
        || request.logprob_token_ids.is_some()
        || set(request.return_token_ids)
        || set(request.echo)
}

/// What a request asks for beside a text, checked.
#[derive(Debug)]
pub(crate) struct Extras {
    prompt_top: Option<usize>,
    top: Option<usize>,
    asked: Vec<u32>,
    echo: Echo,
    as_ids: bool,
    return_ids: bool,
}

/// Whether an answer begins with its prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Echo {
    No,
    BeforeAnswer,
    /// Nothing of the answer is shown: `max_tokens` is 0.
    Alone,
}

impl Extras {
    /// # Errors
    ///
    /// Refuses, in vLLM's words, numbers over its limits, and fields that do not go together.
    pub(crate) fn checked(request: &mut GenerateRequest) -> Result<Self, Rejection> {
        let logprobs = whole(request.logprobs.as_ref());
        let top = limited("sample", "logprobs", logprobs)?;
        let prompt_top = limited("prompt", "prompt_logprobs", request.prompt_logprobs)?;
        if prompt_top.is_some() && request.stream == Some(true) {
            return Err(Rejection::streamed_prompt_logprobs());
        }
        let asked = request.logprob_token_ids.take().unwrap_or_default();
        if !asked.is_empty() && top.is_none() {
            return Err(Rejection::token_ids_without_logprobs());
        }
        if asked.len() > MAX_TOKEN_IDS {
            return Err(Rejection::too_many_token_ids(asked.len(), MAX_TOKEN_IDS));
        }
        in_vocabulary(&asked)?;
        let echo = match (request.echo, request.max_tokens) {
            (Some(true), Some(0)) => Echo::Alone,
            (Some(true), _) => Echo::BeforeAnswer,
            _ => Echo::No,
        };
        Ok(Self {
            // An echoed prompt is scored as the answer is.
            prompt_top: prompt_top.or(top.filter(|_| echo != Echo::No)),
            top,
            asked,
            echo,
            as_ids: request.return_tokens_as_token_ids == Some(true),
            return_ids: request.return_token_ids == Some(true),
        })
    }
}

/// `logprobs`, where true is 1.
fn whole(value: Option<&Value>) -> Option<i64> {
    match value? {
        Value::Bool(set) => Some(i64::from(*set)),
        value => value.as_i64(),
    }
}

fn limited(kind: &str, param: &str, asked: Option<i64>) -> Result<Option<usize>, Rejection> {
    match asked {
        None => Ok(None),
        Some(asked @ 0..=MAX_LOGPROBS) => Ok(usize::try_from(asked).ok()),
        // −1 asks for all.
        Some(-1) => Err(Rejection::too_many_logprobs(
            kind,
            param,
            Tokenizer::VOCABULARY as u64,
            MAX_LOGPROBS,
        )),
        Some(asked) => Err(Rejection::too_many_logprobs(
            kind,
            param,
            asked.unsigned_abs(),
            MAX_LOGPROBS,
        )),
    }
}

pub(crate) fn in_vocabulary(ids: &[u32]) -> Result<(), Rejection> {
    match ids.iter().find(|&&id| Tokenizer::bytes(id).is_none()) {
        Some(&id) => Err(Rejection::out_of_vocabulary(id)),
        None => Ok(()),
    }
}

/// Answers a request that [`is_exact`].
pub(crate) fn complete(
    server: &Shared,
    headers: &HeaderMap,
    mut request: GenerateRequest,
) -> Result<Response, Rejection> {
    let prompts = prompts(server, &mut request)?;
    let extras = Extras::checked(&mut request)?;
    let limit = server.config.max_model_len;
    let max_tokens = match request.max_tokens {
        Some(0) if extras.echo == Echo::Alone => Some(1),
        other => other.or(Some(crate::routes::DEFAULT_MAX_TOKENS)),
    };
    let sampling = Sampling::checked(&mut request, max_tokens, limit)?;
    let mut told = Vec::new();
    for prompt in &prompts {
        told.extend(answers(server, prompt, &extras, &sampling));
    }
    server.report(&mut told, !extras.asked.is_empty());
    let prompt_tokens = prompts.iter().map(Vec::len).sum();
    let completion_tokens = told.iter().map(|one| one.tokens.len()).sum();
    let repeated = prompts
        .iter()
        .flat_map(|prompt| (0..sampling.n).map(move |_| prompt));
    let choices = told.into_iter().zip(repeated).enumerate();
    let choices = choices.map(|(index, (told, prompt))| choice(index, told, prompt, &extras));
    let usage = (prompt_tokens, completion_tokens);
    let answer = answer::completion(server, headers, choices.collect(), usage);
    Ok(stream::completion_or_whole(&answer, request.streamed()))
}

/// The prompts as ids; text gets what prompts of this tokenizer begin with.
fn prompts(server: &Shared, request: &mut GenerateRequest) -> Result<Vec<Vec<u32>>, Rejection> {
    let tokenizer = server.config.tokenizer;
    let bare = request.add_special_tokens == Some(false);
    let encoded = |text: String| match (text.is_empty(), bare) {
        (true, _) => Err(Rejection::missing_prompt()),
        (_, true) => Ok(tokenizer.encode(&text)),
        (_, false) => Ok(tokenizer.encode_prompt(&text)),
    };
    let prompts = match request
        .prompt
        .take()
        .ok_or_else(Rejection::missing_prompt)?
    {
        Prompt::Text(text) => vec![encoded(text)?],
        Prompt::Texts(texts) => texts.into_iter().map(encoded).collect::<Result<_, _>>()?,
        Prompt::Ids(ids) if ids.is_empty() => return Err(Rejection::no_prompts()),
        Prompt::Ids(ids) => vec![ids],
        Prompt::IdLists(lists) => lists,
    };
    for prompt in &prompts {
        in_vocabulary(prompt)?;
        let limit = server.config.max_model_len;
        match prompt.len() {
            0 => return Err(Rejection::missing_prompt()),
            tokens if tokens > limit => return Err(Rejection::prompt_too_long(tokens, limit)),
            tokens if tokens == limit => return Err(Rejection::too_few_max_tokens(0)),
            _ => {}
        }
    }
    Ok(prompts)
}

/// All answers to one prompt.
fn answers(server: &Shared, prompt: &[u32], extras: &Extras, sampling: &Sampling) -> Vec<Told> {
    let lens = server.flaws.lens();
    let room = server.config.max_model_len - prompt.len();
    let task = Task {
        prompt,
        prompt_top: extras.prompt_top,
        top: extras.top,
        asked: if lens.knows_token_ids() {
            &extras.asked
        } else {
            &[]
        },
        forced: None,
        endless: false,
        limit: sampling.max_tokens.unwrap_or(room).min(room),
        temperature: sampling.temperature,
        stop: &sampling.stop,
        lens,
    };
    let prompted = Prompted::read(&task, Reader::new(&server.toy_model));
    let seeds = (0..sampling.n).map(|child| sampling.seed.map(|seed| seed.wrapping_add(child)));
    seeds
        .map(|seed| prompted.answer(&mut draws(server, sampling.temperature, seed)))
        .collect()
}

fn choice(index: usize, told: Told, prompt: &[u32], extras: &Extras) -> CompletionChoice {
    let logprobs = logprobs(&told, prompt, extras);
    let text = match extras.echo {
        Echo::No => told.text.clone(),
        // What vLLM 0.32 does: the echo of a request for ids is empty.
        _ if extras.return_ids => String::new(),
        Echo::Alone => readable(prompt),
        Echo::BeforeAnswer => readable(prompt) + &told.text,
    };
    let finish_reason = match extras.echo {
        Echo::Alone => "length",
        _ => told.finish_reason(),
    };
    CompletionChoice {
        index,
        text,
        logprobs,
        finish_reason,
        stop_reason: told.stopped_by,
        token_ids: extras.return_ids.then_some(told.tokens),
        prompt_logprobs: told.prompt_positions.map(|positions| of_prompt(&positions)),
        prompt_token_ids: extras.return_ids.then(|| prompt.to_vec()),
        routed_experts: (),
    }
}

fn logprobs(told: &Told, prompt: &[u32], extras: &Extras) -> Option<Logprobs> {
    let answer = told.positions.as_ref()?;
    let mut logprobs = Logprobs::default();
    if let Some(positions) = told
        .prompt_positions
        .as_ref()
        .filter(|_| extras.echo != Echo::No)
    {
        if let Some(&first) = prompt.first() {
            let text = Spelling::default().push(first);
            logprobs.push_first(first, &text, extras.as_ids);
        }
        for position in positions {
            logprobs.push(position, extras.as_ids);
        }
    }
    for position in answer.iter().filter(|_| extras.echo != Echo::Alone) {
        logprobs.push(position, extras.as_ids);
    }
    Some(logprobs)
}

/// The text of a prompt without special tokens.
fn readable(prompt: &[u32]) -> String {
    let plain: Vec<u32> = prompt
        .iter()
        .copied()
        .filter(|&id| !Tokenizer::is_special(id))
        .collect();
    Tokenizer::decode(&plain)
}
