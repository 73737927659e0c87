//! Requests that are refused, in llama.cpp's words.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::reject::json_response;

/// An error answer in llama.cpp's shape: `{"error": {code, message, type}}`.
#[derive(Debug)]
pub(crate) struct Refused {
    status: StatusCode,
    error: Value,
}

impl Refused {
    fn new(status: StatusCode, kind: &str, message: &str) -> Self {
        let error = json!({"code": status.as_u16(), "message": message, "type": kind});
        Self { status, error }
    }

    fn invalid(message: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request_error", message)
    }

    pub(crate) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found_error", "File Not Found")
    }

    pub(crate) fn bad_body(error: &serde_json::Error) -> Self {
        Self::invalid(&format!("[json.exception.parse_error.101] {error}"))
    }

    pub(crate) fn missing_prompt() -> Self {
        Self::invalid("[json.exception.out_of_range.403] key 'prompt' not found")
    }

    pub(crate) fn missing_messages() -> Self {
        Self::invalid("'messages' is required")
    }

    pub(crate) fn too_long(tokens: usize, context: usize) -> Self {
        let message = format!(
            "request ({tokens} tokens) exceeds the available context size ({context} tokens), try increasing it"
        );
        let mut refused = Self::new(
            StatusCode::BAD_REQUEST,
            "exceed_context_size_error",
            &message,
        );
        refused.error["n_prompt_tokens"] = json!(tokens);
        refused.error["n_ctx"] = json!(context);
        refused
    }

    pub(crate) fn max_tokens(got: i64) -> Self {
        Self::invalid(&format!(
            "Field 'max_tokens': Value must be between -1 <= value <= 2147483647, but got {got}"
        ))
    }

    pub(crate) fn n(got: i64, slots: u64) -> Self {
        Self::invalid(&format!(
            "Field 'n': Value must be between 1 <= value <= {slots}, but got {got}"
        ))
    }

    pub(crate) fn invalid_tokens() -> Self {
        Self::invalid("Prompt contains invalid tokens")
    }

    pub(crate) fn grammar_syntax() -> Self {
        Self::invalid("Failed to initialize samplers: failed to parse grammar")
    }

    pub(crate) fn grammar_vocabulary() -> Self {
        let message =
            "got exception: Unexpected empty grammar stack after accepting piece: </s> (1)";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "server_error", message)
    }

    /// In our own words: the real server streams.
    pub(crate) fn stream() -> Self {
        let message = "this simulated server does not stream in llama.cpp's dialect";
        Self::new(StatusCode::NOT_IMPLEMENTED, "not_supported_error", message)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        json_response(self.status, &json!({"error": self.error}))
    }
}
