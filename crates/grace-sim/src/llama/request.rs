//! Requests, checked against llama.cpp's limits.

use serde::Deserialize;
use serde_json::Value;

use super::grammar::{self, GrammarError};
use super::reject::Refused;
use crate::exact::{Prompted, Task, Told};
use crate::generate::{Sampling, draws};
use crate::model::Reader;
use crate::server::Shared;
use crate::tokenizer::Tokenizer;
use crate::wire::{Message, Prompt, Stop};

/// The server's own default, where vLLM has 1.
const TEMPERATURE: f64 = 0.8;
/// `n` at most, unless the server has slots.
const SLOTS: usize = 4;

/// The body of a completion or chat request, as far as it changes an answer; other keys are ignored.
#[derive(Debug, Deserialize)]
pub(crate) struct Request {
    pub(crate) prompt: Option<Prompt>,
    pub(crate) messages: Option<Vec<Message>>,
    #[serde(alias = "n_predict", alias = "max_completion_tokens")]
    max_tokens: Option<i64>,
    temperature: Option<f64>,
    seed: Option<i64>,
    n: Option<i64>,
    /// Anything but a text or a list of texts is ignored.
    stop: Option<Value>,
    /// `n_probs` on the server's own path.
    #[serde(alias = "n_probs")]
    logprobs: Option<Value>,
    grammar: Option<String>,
    ignore_eos: Option<bool>,
    return_tokens: Option<bool>,
    stream: Option<bool>,
}

impl Request {
    /// Whether a completion needs tokens.
    pub(crate) fn is_exact(&self) -> bool {
        let ids = matches!(self.prompt, Some(Prompt::Ids(_) | Prompt::IdLists(_)));
        ids || self.top() > 0 || self.grammar.as_ref().is_some_and(|text| !text.is_empty())
    }

    fn top(&self) -> usize {
        let asked = self.logprobs.as_ref().and_then(Value::as_u64);
        asked.and_then(|n| usize::try_from(n).ok()).unwrap_or(0)
    }

    /// The prompts as ids; text gets what prompts of this tokenizer begin with.
    ///
    /// # Errors
    ///
    /// Refuses what is absent, too long or no token.
    pub(crate) fn prompts(&mut self, server: &Shared) -> Result<Vec<Vec<u32>>, Refused> {
        let tokenizer = server.config.tokenizer;
        let prompts = match self.prompt.take().ok_or_else(Refused::missing_prompt)? {
            Prompt::Text(text) => vec![tokenizer.encode_prompt(&text)],
            Prompt::Texts(texts) => texts
                .iter()
                .map(|text| tokenizer.encode_prompt(text))
                .collect(),
            Prompt::Ids(ids) => vec![ids],
            Prompt::IdLists(lists) => lists,
        };
        for prompt in &prompts {
            fits(server, prompt.len())?;
            if prompt.iter().any(|&id| Tokenizer::bytes(id).is_none()) {
                return Err(Refused::invalid_tokens());
            }
        }
        Ok(prompts)
    }
}

/// # Errors
///
/// A prompt must leave room for one token of the answer.
pub(crate) fn fits(server: &Shared, tokens: usize) -> Result<(), Refused> {
    let context = server.config.max_model_len;
    if tokens < context {
        Ok(())
    } else {
        Err(Refused::too_long(tokens, context))
    }
}

/// What is wanted of each prompt.
#[derive(Debug)]
pub(crate) struct Wanted {
    pub(crate) sampling: Sampling,
    pub(crate) top: usize,
    pub(crate) grammar: String,
    pub(crate) ignore_eos: bool,
    pub(crate) return_tokens: bool,
}

impl Wanted {
    /// # Errors
    ///
    /// Refuses, in llama.cpp's words, numbers out of range, and streams.
    pub(crate) fn checked(server: &Shared, request: &mut Request) -> Result<Self, Refused> {
        if request.stream == Some(true) {
            return Err(Refused::stream());
        }
        let slots = server.config.slots.unwrap_or(SLOTS) as u64;
        let asked = request.n.unwrap_or(1);
        let n = u64::try_from(asked).unwrap_or(0);
        if n == 0 || n > slots {
            return Err(Refused::n(asked, slots));
        }
        let max_tokens = match request.max_tokens {
            None | Some(-1) => None,
            // One token is generated before anybody counts.
            Some(0) => Some(1),
            Some(asked) => Some(usize::try_from(asked).map_err(|_| Refused::max_tokens(asked))?),
        };
        let stop = request
            .stop
            .take()
            .and_then(|stop| serde_json::from_value(stop).ok());
        let stop: Vec<String> = match stop {
            None => Vec::new(),
            Some(Stop::One(stop)) => vec![stop],
            Some(Stop::Several(stops)) => stops,
        };
        let seed = request.seed.filter(|&seed| seed != -1);
        let sampling = Sampling {
            n,
            seed: seed.map(i64::cast_unsigned),
            temperature: request.temperature.unwrap_or(TEMPERATURE).max(0.0),
            max_tokens,
            stop: stop.into_iter().filter(|stop| !stop.is_empty()).collect(),
        };
        Ok(Self {
            sampling,
            top: request.top(),
            grammar: request.grammar.take().unwrap_or_default(),
            ignore_eos: request.ignore_eos == Some(true),
            return_tokens: request.return_tokens == Some(true),
        })
    }

    /// How often each prompt is answered.
    pub(crate) fn children(&self) -> u64 {
        self.sampling.n
    }

    /// All answers to one prompt.
    ///
    /// # Errors
    ///
    /// Refuses grammars that are no sequence of tokens.
    pub(crate) fn answers(&self, server: &Shared, prompt: &[u32]) -> Result<Vec<Told>, Refused> {
        let forced = match self.grammar.as_str() {
            "" => None,
            grammar => Some(grammar::sequence(grammar).map_err(|error| match error {
                GrammarError::Syntax => Refused::grammar_syntax(),
                GrammarError::Vocabulary | GrammarError::EndOfText => Refused::grammar_vocabulary(),
            })?),
        };
        let Sampling {
            n,
            seed,
            temperature,
            max_tokens,
            ref stop,
        } = self.sampling;
        let room = server.config.max_model_len - prompt.len();
        let task = Task {
            prompt,
            prompt_top: None,
            top: (self.top > 0).then_some(self.top),
            asked: &[],
            forced: forced.as_deref(),
            endless: self.ignore_eos,
            limit: max_tokens.unwrap_or(room).min(room),
            temperature,
            stop,
            lens: server.flaws.lens(),
        };
        let prompted = Prompted::read(&task, Reader::new(&server.toy_model));
        let seeds = (0..n).map(|child| seed.map(|seed| seed.wrapping_add(child)));
        Ok(seeds
            .map(|seed| prompted.answer(&mut draws(server, temperature, seed)))
            .collect())
    }
}
