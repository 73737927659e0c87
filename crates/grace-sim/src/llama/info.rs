//! What the server says about itself and its tokens.

use serde::Deserialize;
use serde_json::{Value, json};

use super::request::Wanted;
use crate::answer::created;
use crate::server::Shared;
use crate::tokenizer::Tokenizer;

#[derive(Debug, Deserialize)]
pub(super) struct TokenizeRequest {
    #[serde(default)]
    content: String,
    #[serde(default)]
    add_special: bool,
    #[serde(default)]
    with_pieces: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct DetokenizeRequest {
    #[serde(default)]
    tokens: Vec<u32>,
}

pub(super) fn tokenize(server: &Shared, request: &TokenizeRequest) -> Value {
    let tokenizer = server.config.tokenizer;
    let ids = if request.add_special {
        tokenizer.encode_prompt(&request.content)
    } else {
        tokenizer.encode(&request.content)
    };
    let tokens: Value = if request.with_pieces {
        ids.iter()
            .map(|&id| json!({"id": id, "piece": piece(id)}))
            .collect()
    } else {
        json!(ids)
    };
    json!({"tokens": tokens})
}

/// A token's text; its bytes where they are no text.
fn piece(id: u32) -> Value {
    let bytes = Tokenizer::bytes(id).unwrap_or_default();
    std::str::from_utf8(bytes).map_or_else(|_| json!(bytes), |text| json!(text))
}

pub(super) fn detokenize(request: &DetokenizeRequest) -> Value {
    json!({"content": Tokenizer::decode(&request.tokens)})
}

pub(super) fn models(server: &Shared) -> Value {
    let name = &server.config.model;
    let model = json!({
        "name": name, "model": name, "modified_at": "", "size": "", "digest": "", "type": "model",
        "description": "", "tags": [""], "capabilities": ["completion"], "parameters": "",
        "details": {
            "parent_model": "", "format": "gguf", "family": "", "families": [""],
            "parameter_size": "", "quantization_level": "",
        },
    });
    let entry = json!({
        "id": name, "aliases": [name], "tags": [], "object": "model",
        "architecture": {"input_modalities": ["text"], "output_modalities": ["text"]},
        "created": created(server), "owned_by": "llamacpp",
        "meta": {
            "vocab_type": 1, "n_vocab": Tokenizer::VOCABULARY, "n_ctx": server.config.max_model_len,
            "n_ctx_train": server.config.max_model_len, "n_embd": 1, "n_params": 0, "size": 0,
            "ftype": "simulated",
        },
    });
    json!({"models": [model], "object": "list", "data": [entry]})
}

pub(super) fn props(server: &Shared) -> Value {
    let name = &server.config.model;
    json!({
        "default_generation_settings": {
            "params": defaults(),
            "n_ctx": server.config.max_model_len,
        },
        "total_slots": server.config.slots.unwrap_or(4),
        "model_alias": name,
        "model_ftype": "simulated",
        "model_path": name,
        "modalities": {"vision": false, "video": false, "audio": false},
        "media_marker": "<__media__>",
        "endpoint_slots": false,
        "endpoint_props": true,
        "endpoint_metrics": false,
        "ui": false,
        "ui_settings": {},
        "chat_template": "",
        "chat_template_caps": {
            "supports_object_arguments": false, "supports_parallel_tool_calls": false,
            "supports_preserve_reasoning": false, "supports_reasoning_effort": false,
            "supports_string_content": true, "supports_system_role": true,
            "supports_tool_calls": false, "supports_tools": false, "supports_typed_content": false,
        },
        "bos_token": "<s>",
        "eos_token": "</s>",
        "build_info": "b0-unknown",
        "is_sleeping": false,
        "cors_proxy_enabled": false,
    })
}

/// The settings in force without a request.
fn defaults() -> Value {
    let mut all = json!({
        "seed": u32::MAX, "temperature": 0.8, "dynatemp_range": 0.0, "dynatemp_exponent": 1.0,
        "top_k": 40, "top_p": 0.95, "min_p": 0.05, "top_n_sigma": -1.0, "xtc_probability": 0.0,
        "xtc_threshold": 0.1, "typical_p": 1.0, "repeat_last_n": 64, "repeat_penalty": 1.0,
        "presence_penalty": 0.0, "frequency_penalty": 0.0, "dry_multiplier": 0.0, "dry_base": 1.75,
        "dry_allowed_length": 2, "dry_penalty_last_n": 64, "mirostat": 0, "mirostat_tau": 5.0,
    });
    let more = json!({
        "mirostat_eta": 0.1, "adaptive_target": -1.0, "adaptive_decay": 0.9, "max_tokens": -1,
        "n_predict": -1, "n_keep": 0, "n_discard": 0, "ignore_eos": false, "stream": false,
        "n_probs": 0, "min_keep": 0, "chat_format": "Content-only", "reasoning_format": "none",
        "reasoning_in_content": false, "generation_prompt": "", "samplers": ["temperature"],
        "speculative.types": "none", "timings_per_token": false, "post_sampling_probs": false,
        "backend_sampling": false, "lora": [],
    });
    if let (Value::Object(all), Value::Object(more)) = (&mut all, more) {
        all.extend(more);
    }
    all
}

/// The settings in force for a request.
pub(super) fn settings(wanted: &Wanted) -> Value {
    let sampling = &wanted.sampling;
    let limit = sampling.max_tokens.map_or(json!(-1), |limit| json!(limit));
    let mut settings = defaults();
    settings["seed"] = sampling.seed.map_or(json!(u32::MAX), |seed| json!(seed));
    settings["temperature"] = json!(sampling.temperature);
    settings["max_tokens"] = limit.clone();
    settings["n_predict"] = limit;
    settings["n_probs"] = json!(wanted.top);
    settings["stop"] = json!(sampling.stop);
    settings["grammar"] = json!(wanted.grammar);
    settings["ignore_eos"] = json!(wanted.ignore_eos);
    settings["reasoning_format"] = json!("deepseek");
    settings["dry_sequence_breakers"] = json!(["\n", ":", "\"", "*"]);
    settings["logit_bias"] = json!([]);
    settings["grammar_lazy"] = json!(false);
    settings["grammar_triggers"] = json!([]);
    settings["preserved_tokens"] = json!([]);
    settings
}
