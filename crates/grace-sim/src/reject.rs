//! Requests that are refused, in vLLM's words.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// An error answer in vLLM's shape: `{"error": {message, type, param, code}}`.
#[derive(Debug)]
pub(crate) struct Rejection {
    status: StatusCode,
    kind: &'static str,
    message: String,
    param: Option<String>,
}

impl Rejection {
    pub(crate) fn new(status: StatusCode, kind: &'static str, message: String) -> Self {
        Self {
            status,
            kind,
            message,
            param: None,
        }
    }

    fn bad_request(message: String) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BadRequestError", message)
    }

    fn with_param(mut self, param: &str) -> Self {
        self.param = Some(param.to_owned());
        self
    }

    /// A parameter whose value will not do; the message ends with both.
    fn bad_value(message: &str, param: &str, value: &dyn std::fmt::Display) -> Self {
        Self::bad_request(format!("{message} (parameter={param}, value={value})")).with_param(param)
    }

    pub(crate) fn unknown_model(model: &str, served: &str) -> Self {
        let message = format!("The model `{model}` does not exist. Valid aliases: {served}.");
        Self::new(StatusCode::NOT_FOUND, "NotFoundError", message).with_param("model")
    }

    /// A body that is no JSON, or JSON of another shape.
    pub(crate) fn bad_body(error: &serde_json::Error) -> Self {
        let (kind, place) = match error.classify() {
            serde_json::error::Category::Data => ("value_error", "body".to_owned()),
            _ => ("json_invalid", format!("body.{}", error.column())),
        };
        let message = format!(
            "1 validation error:\n  {{'type': '{kind}', 'loc': '{place}', 'msg': '{error}'}}"
        );
        Self::new(StatusCode::BAD_REQUEST, "Bad Request", message).with_param(&place)
    }

    pub(crate) fn not_json() -> Self {
        let message =
            "1 validation error:\n  Unsupported Media Type: Only 'application/json' is allowed";
        Self::new(StatusCode::BAD_REQUEST, "Bad Request", message.to_owned())
    }

    pub(crate) fn missing_field(field: &str) -> Self {
        let place = format!("body.{field}");
        let message = format!(
            "1 validation error:\n  {{'type': 'missing', 'loc': '{place}', 'msg': 'Field required'}}"
        );
        Self::new(StatusCode::BAD_REQUEST, "Bad Request", message).with_param(&place)
    }

    pub(crate) fn missing_prompt() -> Self {
        let message =
            "Either prompt or prompt_embeds must be provided and non-empty. (parameter=prompt)";
        Self::bad_request(message.to_owned()).with_param("prompt")
    }

    pub(crate) fn no_prompts() -> Self {
        Self::bad_request("You must pass at least one prompt".to_owned())
    }

    pub(crate) fn too_few_max_tokens(got: i64) -> Self {
        let message = format!("max_tokens must be at least 1, got {got}.");
        Self::bad_value(&message, "max_tokens", &got)
    }

    pub(crate) fn too_many_max_tokens(got: i64, limit: usize) -> Self {
        let message = format!(
            "max_tokens={got} cannot be greater than max_model_len={limit}. Please request fewer \
             output tokens."
        );
        Self::bad_value(&message, "max_tokens", &got)
    }

    pub(crate) fn prompt_too_long(tokens: usize, limit: usize) -> Self {
        let message = format!(
            "This model's maximum context length is {limit} tokens. However, your prompt contains \
             {tokens} input tokens, which exceeds this limit even without any output tokens. \
             Please reduce the length of the input prompt."
        );
        Self::bad_value(&message, "input_tokens", &tokens)
    }

    pub(crate) fn temperature(got: f64) -> Self {
        let message = if got < 0.0 {
            format!("temperature must be non-negative, got {got:?}.")
        } else {
            format!("temperature must be in [0, 2], got {got:?}.")
        };
        Self::bad_value(&message, "temperature", &format_args!("{got:?}"))
    }

    pub(crate) fn top_p(got: f64) -> Self {
        let message = format!("top_p must be in (0, 1], got {got:?}.");
        Self::bad_value(&message, "top_p", &format_args!("{got:?}"))
    }

    pub(crate) fn n(got: i64) -> Self {
        Self::bad_request(format!("n must be at least 1, got {got}."))
    }

    pub(crate) fn greedy_n(got: i64) -> Self {
        Self::bad_request(format!(
            "n must be 1 when using greedy sampling, got {got}."
        ))
    }

    pub(crate) fn empty_stop() -> Self {
        Self::bad_request("stop cannot contain an empty string.".to_owned())
    }

    /// `kind` is "sample" or "prompt".
    pub(crate) fn too_many_logprobs(kind: &str, param: &str, got: u64, limit: i64) -> Self {
        let message = format!(
            "Requested {kind} logprobs of {got}, which is greater than max allowed: {limit}"
        );
        Self::bad_value(&message, param, &got)
    }

    pub(crate) fn streamed_prompt_logprobs() -> Self {
        let message =
            "`prompt_logprobs` are not available when `stream=True`. (parameter=prompt_logprobs)";
        Self::bad_request(message.to_owned()).with_param("prompt_logprobs")
    }

    pub(crate) fn token_ids_without_logprobs() -> Self {
        let message = "when using `logprob_token_ids`, `logprobs` must be set. \
                       (parameter=logprob_token_ids)";
        Self::bad_request(message.to_owned()).with_param("logprob_token_ids")
    }

    /// In our own words: vLLM's were not recorded.
    pub(crate) fn too_many_token_ids(got: usize, limit: usize) -> Self {
        let message = format!("logprob_token_ids must hold at most {limit} ids, got {got}.");
        Self::bad_value(&message, "logprob_token_ids", &got)
    }

    pub(crate) fn out_of_vocabulary(id: u32) -> Self {
        Self::bad_request(format!("Token id {id} is out of vocabulary"))
    }

    /// What vLLM says while it drains after a SIGTERM.
    pub(crate) fn draining() -> Self {
        let message = "cannot schedule new futures after shutdown".to_owned();
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "InternalServerError",
            message,
        )
    }

    pub(crate) fn body(&self) -> Value {
        json!({"error": {
            "message": self.message,
            "type": self.kind,
            "param": self.param,
            "code": self.status.as_u16(),
        }})
    }
}

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        json_response(self.status, &self.body())
    }
}

/// A JSON answer with this status.
pub(crate) fn json_response(status: StatusCode, body: &impl serde::Serialize) -> Response {
    match serde_json::to_vec(body) {
        Ok(bytes) => raw_json(status, bytes.into()),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// A JSON answer whose body is ready.
pub(crate) fn raw_json(status: StatusCode, body: bytes::Bytes) -> Response {
    (
        status,
        [(axum::http::header::CONTENT_TYPE, "application/json")],
        body,
    )
        .into_response()
}
