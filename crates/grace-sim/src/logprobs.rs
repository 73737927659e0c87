//! Log-probabilities in the two shapes of vLLM's completions.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::exact::Position;

/// `prompt_logprobs`: null for the first token, then tokens by id.
pub(crate) type PromptLogprobs = Vec<Option<BTreeMap<String, PromptLogprob>>>;

#[derive(Debug, Serialize)]
pub(crate) struct PromptLogprob {
    logprob: f64,
    rank: usize,
    decoded_token: String,
}

/// `logprobs`: lists with one entry a token, tokens by their text.
#[derive(Debug, Default, Serialize)]
#[expect(clippy::struct_field_names, reason = "the wire's own names")]
pub(crate) struct Logprobs {
    text_offset: Vec<usize>,
    token_logprobs: Vec<Option<f64>>,
    tokens: Vec<String>,
    top_logprobs: Vec<Option<BTreeMap<String, f64>>>,
}

/// `prompt_logprobs` of a prompt whose second and further tokens have these positions.
pub(crate) fn of_prompt(positions: &[Position]) -> PromptLogprobs {
    let entry = |position: &Position| {
        let listed = position.listed().map(|one| {
            let logprob = PromptLogprob {
                logprob: one.logprob,
                rank: one.rank,
                decoded_token: one.text.clone(),
            };
            (one.id.to_string(), logprob)
        });
        Some(listed.collect())
    };
    let first = std::iter::once(None);
    first.chain(positions.iter().map(entry)).collect()
}

impl Logprobs {
    /// Adds a token that comes after nothing.
    pub(crate) fn push_first(&mut self, id: u32, text: &str, as_ids: bool) {
        self.push_token(name(id, text, as_ids));
        self.token_logprobs.push(None);
        self.top_logprobs.push(None);
    }

    /// Adds a place; `as_ids` names tokens by their ids.
    pub(crate) fn push(&mut self, position: &Position, as_ids: bool) {
        let own = &position.token;
        self.push_token(name(own.id, &own.text, as_ids));
        let there = position.missing != Some(own.id);
        self.token_logprobs.push(there.then_some(own.logprob));
        // Tokens of one text meet under one key, as they do in vLLM.
        let listed = position
            .listed()
            .map(|one| (name(one.id, &one.text, as_ids), one.logprob));
        self.top_logprobs.push(Some(listed.collect()));
    }

    fn push_token(&mut self, token: String) {
        let offset = match (self.text_offset.last(), self.tokens.last()) {
            (Some(offset), Some(last)) => offset + last.chars().count(),
            _ => 0,
        };
        self.text_offset.push(offset);
        self.tokens.push(token);
    }
}

fn name(id: u32, text: &str, as_ids: bool) -> String {
    if as_ids {
        format!("token_id:{id}")
    } else {
        text.to_owned()
    }
}
