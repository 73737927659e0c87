//! From a checked request to the texts that answer it.

use crate::config::{Reasoning, SeedPolicy};
use crate::draws::Draws;
use crate::participant;
use crate::reject::Rejection;
use crate::server::Shared;
use crate::tokens;
use crate::wire::{GenerateRequest, Stop};

/// Sampling settings that have been checked.
#[derive(Debug)]
pub(crate) struct Sampling {
    pub(crate) n: u64,
    pub(crate) seed: Option<u64>,
    pub(crate) temperature: f64,
    /// As asked for; the context may leave room for less.
    pub(crate) max_tokens: Option<usize>,
    pub(crate) stop: Vec<String>,
}

impl Sampling {
    /// Checks what a request asks for against vLLM's limits.
    ///
    /// # Errors
    ///
    /// Refuses, in vLLM's order: temperature, `top_p`, `n`, `stop`, `max_tokens`.
    pub(crate) fn checked(
        request: &mut GenerateRequest,
        max_tokens: Option<i64>,
        max_model_len: usize,
    ) -> Result<Self, Rejection> {
        let temperature = request.temperature.unwrap_or(1.0);
        if !(0.0..=2.0).contains(&temperature) {
            return Err(Rejection::temperature(temperature));
        }
        if let Some(top_p) = request.top_p.filter(|p| !(*p > 0.0 && *p <= 1.0)) {
            return Err(Rejection::top_p(top_p));
        }
        let n = request.n.unwrap_or(1);
        if n < 1 {
            return Err(Rejection::n(n));
        }
        if n > 1 && temperature <= 0.0 {
            return Err(Rejection::greedy_n(n));
        }
        let stop = match request.stop.take() {
            None => Vec::new(),
            Some(Stop::One(stop)) => vec![stop],
            Some(Stop::Several(stops)) => stops,
        };
        if stop.iter().any(String::is_empty) {
            return Err(Rejection::empty_stop());
        }
        // vLLM raises temperatures that only look like 0.
        let temperature = if temperature > 0.0 {
            temperature.max(0.01)
        } else {
            0.0
        };
        let max_tokens = max_tokens.map(|asked| checked_max_tokens(asked, max_model_len));
        Ok(Self {
            n: n.unsigned_abs(),
            seed: request.seed.map(i64::cast_unsigned),
            temperature,
            max_tokens: max_tokens.transpose()?,
            stop,
        })
    }
}

fn checked_max_tokens(asked: i64, max_model_len: usize) -> Result<usize, Rejection> {
    match usize::try_from(asked) {
        Ok(limit @ 1..) if limit <= max_model_len => Ok(limit),
        Ok(1..) => Err(Rejection::too_many_max_tokens(asked, max_model_len)),
        _ => Err(Rejection::too_few_max_tokens(asked)),
    }
}

/// A prompt as the model sees it.
#[derive(Debug)]
pub(crate) struct Input {
    text: String,
    tokens: usize,
}

impl Input {
    /// # Errors
    ///
    /// A prompt must leave room for one token of the answer.
    pub(crate) fn checked(text: String, max_model_len: usize) -> Result<Self, Rejection> {
        let input = Self::counted(text);
        match input.tokens {
            tokens if tokens > max_model_len => {
                Err(Rejection::prompt_too_long(tokens, max_model_len))
            }
            tokens if tokens == max_model_len => Err(Rejection::too_few_max_tokens(0)),
            _ => Ok(input),
        }
    }

    /// A prompt whose length somebody else checks against the context.
    pub(crate) fn counted(text: String) -> Self {
        let tokens = tokens::count(&text);
        Self { text, tokens }
    }

    pub(crate) fn tokens(&self) -> usize {
        self.tokens
    }
}

/// The texts that answer a request, in the order of its choices, and what they cost.
#[derive(Debug)]
pub(crate) struct Generated {
    pub(crate) texts: Vec<Text>,
    pub(crate) prompt_tokens: usize,
    pub(crate) completion_tokens: usize,
}

/// One generated text.
#[derive(Debug)]
pub(crate) struct Text {
    pub(crate) content: String,
    pub(crate) finish_reason: &'static str,
    /// The stop string that ended it, which is no longer part of the text.
    pub(crate) stop_reason: Option<String>,
}

/// Answers every prompt `n` times; child *i* has the seed plus *i*, as in vLLM.
pub(crate) fn generate(server: &Shared, inputs: &[Input], sampling: &Sampling) -> Generated {
    let mut generated = Generated {
        texts: Vec::new(),
        prompt_tokens: 0,
        completion_tokens: 0,
    };
    for input in inputs {
        generated.prompt_tokens += input.tokens;
        for child in 0..sampling.n {
            let seed = sampling.seed.map(|seed| seed.wrapping_add(child));
            let (text, tokens) = one(
                server,
                input,
                sampling,
                &mut draws(server, sampling.temperature, seed),
            );
            generated.completion_tokens += tokens;
            generated.texts.push(text);
        }
    }
    generated
}

/// The random numbers a request gets: by the server's way with seeds, and without chance where the
/// most likely answer is asked for.
pub(crate) fn draws(server: &Shared, temperature: f64, seed: Option<u64>) -> Draws {
    if temperature <= 0.0 {
        return Draws::of_request(0);
    }
    match (server.config.seed_policy, seed) {
        (SeedPolicy::Honours, Some(seed)) => Draws::of_request(seed),
        (SeedPolicy::Constant, _) => Draws::of_request(0),
        (SeedPolicy::Honours, None) | (SeedPolicy::Ignores, _) => server.unseeded_draws(),
    }
}

/// One text and the tokens it took, the end-of-text token included.
fn one(server: &Shared, input: &Input, sampling: &Sampling, draws: &mut Draws) -> (Text, usize) {
    let room = server.config.max_model_len - input.tokens;
    let limit = sampling.max_tokens.unwrap_or(room).min(room);
    let answer = server
        .participant
        .answer(&input.text, sampling.temperature, limit, draws);
    let whole = match &server.config.reasoning {
        None => format!(" {answer}"),
        Some(reasoning) => thought_aloud(reasoning, &answer, draws),
    };
    let words = tokens::count(&whole);
    let cut = tokens::head(&whole, limit);
    let first_stop = sampling
        .stop
        .iter()
        .filter_map(|stop| Some((cut.find(stop)?, stop)))
        .min();
    if let Some((text, stop)) = first_stop.and_then(|(at, stop)| Some((cut.get(..at)?, stop))) {
        let text = Text {
            content: text.to_owned(),
            finish_reason: "stop",
            stop_reason: Some(stop.clone()),
        };
        let tokens = tokens::count(&text.content) + 1;
        return (text, tokens.min(limit));
    }
    // A text that fills its limit has no room left for the end-of-text token.
    let finish_reason = if words >= limit { "length" } else { "stop" };
    let text = Text {
        content: cut.to_owned(),
        finish_reason,
        stop_reason: None,
    };
    (text, (words + 1).min(limit))
}

fn thought_aloud(reasoning: &Reasoning, answer: &str, draws: &mut Draws) -> String {
    let thought = participant::thought(draws);
    let start = if reasoning.opening_swallowed {
        ""
    } else {
        reasoning.start.as_str()
    };
    format!("{start}\n{thought}\n{}\n\n{answer}", reasoning.end)
}

/// Splits a chat text as a server with a reasoning parser does: content and reasoning.
///
/// Without the end marker all of it is reasoning, and there is no content.
pub(crate) fn split_reasoning(reasoning: &Reasoning, text: &str) -> (Option<String>, String) {
    let (thought, content) = match text.split_once(&reasoning.end) {
        Some((thought, content)) => (thought, Some(content.to_owned())),
        None => (text, None),
    };
    (
        content,
        thought
            .strip_prefix(&reasoning.start)
            .unwrap_or(thought)
            .to_owned(),
    )
}
