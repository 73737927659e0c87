//! The protocol: vLLM 0.32's requests and answers, key for key.
//!
//! Written from recorded answers, without a look at the client's types, so that client and
//! simulator cannot share a mistake. Keys that are always null here have the type `()`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::logprobs::{Logprobs, PromptLogprobs};

/// The body of a completion or chat request, as far as it changes an answer; other keys are
/// ignored, as vLLM ignores them.
#[derive(Debug, Deserialize)]
pub(crate) struct GenerateRequest {
    pub(crate) model: Option<String>,
    /// Completions only.
    pub(crate) prompt: Option<Prompt>,
    /// Chat only.
    pub(crate) messages: Option<Vec<Message>>,
    /// Chat only; before `max_tokens`.
    pub(crate) max_completion_tokens: Option<i64>,
    pub(crate) max_tokens: Option<i64>,
    pub(crate) temperature: Option<f64>,
    pub(crate) top_p: Option<f64>,
    pub(crate) n: Option<i64>,
    pub(crate) seed: Option<i64>,
    pub(crate) stop: Option<Stop>,
    pub(crate) stream: Option<bool>,
    pub(crate) stream_options: Option<StreamOptions>,
    /// A number in completions, a flag in chat.
    pub(crate) logprobs: Option<Value>,
    pub(crate) prompt_logprobs: Option<i64>,
    pub(crate) logprob_token_ids: Option<Vec<u32>>,
    pub(crate) return_tokens_as_token_ids: Option<bool>,
    pub(crate) return_token_ids: Option<bool>,
    pub(crate) add_special_tokens: Option<bool>,
    pub(crate) echo: Option<bool>,
}

impl GenerateRequest {
    /// Whether the answer is to be streamed, and if so, with usage at its end.
    pub(crate) fn streamed(&self) -> Option<bool> {
        let options = self.stream_options.as_ref();
        self.stream?
            .then(|| options.is_some_and(|options| options.include_usage))
    }
}

/// One prompt or several, as text or as token ids.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Prompt {
    Text(String),
    Ids(Vec<u32>),
    Texts(Vec<String>),
    IdLists(Vec<Vec<u32>>),
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Stop {
    One(String),
    Several(Vec<String>),
}

#[derive(Debug, Deserialize)]
pub(crate) struct StreamOptions {
    #[serde(default)]
    pub(crate) include_usage: bool,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Message {
    pub(crate) role: Option<String>,
    pub(crate) content: Option<Content>,
}

impl Message {
    /// Role and text; texts of several parts are joined by line breaks.
    pub(crate) fn turn(self) -> (String, String) {
        let text = match self.content {
            None => String::new(),
            Some(Content::Text(text)) => text,
            Some(Content::Parts(parts)) => {
                let texts: Vec<String> = parts.into_iter().map(|part| part.text).collect();
                texts.join("\n")
            }
        };
        (self.role.unwrap_or_default(), text)
    }
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Content {
    Text(String),
    Parts(Vec<Part>),
}

#[derive(Debug, Deserialize)]
pub(crate) struct Part {
    #[serde(default)]
    pub(crate) text: String,
}

/// An answer to either kind of request; `C` is a choice, `X` what only one kind has.
#[derive(Debug, Serialize)]
pub(crate) struct Answer<'a, C, X> {
    pub(crate) id: String,
    pub(crate) object: &'static str,
    pub(crate) created: u64,
    pub(crate) model: &'a str,
    pub(crate) choices: Vec<C>,
    pub(crate) service_tier: (),
    pub(crate) system_fingerprint: &'a str,
    pub(crate) usage: Usage,
    #[serde(flatten)]
    pub(crate) extra: X,
    pub(crate) kv_transfer_params: (),
    pub(crate) ec_transfer_params: (),
    pub(crate) metrics: (),
}

/// A completion has no keys of its own at the top.
#[derive(Debug, Default, Serialize)]
pub(crate) struct CompletionExtra {}

/// What vLLM's chat answers have at the top where completions have it in each choice.
#[derive(Debug, Default, Serialize)]
#[expect(clippy::struct_field_names, reason = "the wire's own names")]
pub(crate) struct ChatExtra {
    prompt_logprobs: (),
    prompt_token_ids: (),
    prompt_text: (),
}

#[derive(Debug, Serialize)]
pub(crate) struct Usage {
    pub(crate) prompt_tokens: usize,
    pub(crate) total_tokens: usize,
    pub(crate) completion_tokens: usize,
    pub(crate) prompt_tokens_details: (),
    pub(crate) completion_tokens_details: (),
}

impl Usage {
    pub(crate) fn new(prompt_tokens: usize, completion_tokens: usize) -> Self {
        Self {
            prompt_tokens,
            total_tokens: prompt_tokens + completion_tokens,
            completion_tokens,
            prompt_tokens_details: (),
            completion_tokens_details: (),
        }
    }
}

#[derive(Debug, Default, Serialize)]
pub(crate) struct CompletionChoice {
    pub(crate) index: usize,
    pub(crate) text: String,
    pub(crate) logprobs: Option<Logprobs>,
    pub(crate) finish_reason: &'static str,
    pub(crate) stop_reason: Option<String>,
    pub(crate) token_ids: Option<Vec<u32>>,
    pub(crate) prompt_logprobs: Option<PromptLogprobs>,
    pub(crate) prompt_token_ids: Option<Vec<u32>>,
    pub(crate) routed_experts: (),
}

#[derive(Debug, Default, Serialize)]
pub(crate) struct ChatChoice {
    pub(crate) index: usize,
    pub(crate) message: ChatMessage,
    pub(crate) logprobs: (),
    pub(crate) finish_reason: &'static str,
    pub(crate) stop_reason: Option<String>,
    pub(crate) token_ids: (),
    pub(crate) routed_experts: (),
}

#[derive(Debug, Default, Serialize)]
pub(crate) struct ChatMessage {
    pub(crate) role: &'static str,
    pub(crate) content: Option<String>,
    pub(crate) refusal: (),
    pub(crate) annotations: (),
    pub(crate) audio: (),
    pub(crate) function_call: (),
    pub(crate) reasoning: Option<String>,
}
