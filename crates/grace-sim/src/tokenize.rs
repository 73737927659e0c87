//! vLLM's `/tokenize` and `/detokenize`.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::reject::Rejection;
use crate::score::in_vocabulary;
use crate::server::Shared;
use crate::tokenizer::Tokenizer;
use crate::wire::Message;

#[derive(Debug, Deserialize)]
pub(crate) struct TokenizeRequest {
    pub(crate) model: Option<String>,
    prompt: Option<String>,
    messages: Option<Vec<Message>>,
    add_special_tokens: Option<bool>,
    add_generation_prompt: Option<bool>,
    continue_final_message: Option<bool>,
    return_token_strs: Option<bool>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct DetokenizeRequest {
    pub(crate) model: Option<String>,
    tokens: Vec<u32>,
}

/// The tokens of a prompt or of a conversation.
///
/// # Errors
///
/// Refuses a request with neither.
pub(crate) fn tokenize(server: &Shared, request: TokenizeRequest) -> Result<Value, Rejection> {
    let tokenizer = server.config.tokenizer;
    let ids = match (request.prompt, request.messages) {
        (Some(text), _) if request.add_special_tokens == Some(false) => tokenizer.encode(&text),
        (Some(text), _) => tokenizer.encode_prompt(&text),
        (None, Some(messages)) => {
            let turns: Vec<(String, String)> = messages.into_iter().map(Message::turn).collect();
            let continued = request.continue_final_message == Some(true);
            let prompting = request.add_generation_prompt != Some(false) && !continued;
            let mut ids = tokenizer.encode_chat(&turns, prompting);
            if continued {
                ids.pop();
            }
            ids
        }
        (None, None) => return Err(Rejection::missing_field("prompt")),
    };
    let strs = request.return_token_strs == Some(true);
    let strs = strs.then(|| {
        ids.iter()
            .copied()
            .map(Tokenizer::token_str)
            .collect::<Vec<_>>()
    });
    Ok(json!({
        "count": ids.len(),
        "max_model_len": server.config.max_model_len,
        "tokens": ids,
        "token_strs": strs,
    }))
}

/// The text of tokens, special ones by name.
///
/// # Errors
///
/// Refuses ids that are no tokens.
pub(crate) fn detokenize(request: &DetokenizeRequest) -> Result<Value, Rejection> {
    in_vocabulary(&request.tokens)?;
    Ok(json!({"prompt": Tokenizer::decode(&request.tokens)}))
}
