use serde_json::value::RawValue;
use tokio_util::sync::CancellationToken;

use crate::{
    error::{Attempt, RequestError, RequestErrorKind},
    reasoning::{self, ReasoningMarkers},
    transport::{Endpoint, Exchange, Transport},
    wire,
};

/// One prompt with everything that decides how it is continued.
///
/// # Examples
///
/// ```
/// use grace_client::{GenerateRequest, Input, Sampling};
///
/// let input = Input::Completion("One, two,".to_owned());
/// let request = GenerateRequest::new("tiny", input, Sampling::new(0.7, 8)).with_seed(42);
/// assert!(request.body().get().starts_with(r#"{"model":"tiny","prompt":"One, two,","#));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct GenerateRequest {
    pub(crate) model: String,
    pub(crate) input: Input,
    pub(crate) sampling: Sampling,
    pub(crate) seed: Option<u64>,
    pub(crate) stop: Vec<String>,
    pub(crate) reasoning: Option<ReasoningMarkers>,
}

/// The prompt, and by that the endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Input {
    /// Text to continue, for `/v1/completions`.
    Completion(String),
    /// A conversation to answer, for `/v1/chat/completions`.
    Chat(Vec<ChatMessage>),
}

/// One turn of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatMessage {
    /// Who speaks: `system`, `user` or `assistant`.
    pub role: String,
    /// What is said.
    pub content: String,
}

impl ChatMessage {
    /// A turn of `role`.
    pub fn new(role: impl Into<String>, content: impl Into<String>) -> Self {
        Self {
            role: role.into(),
            content: content.into(),
        }
    }

    /// A turn of the user.
    pub fn user(content: impl Into<String>) -> Self {
        Self::new("user", content)
    }

    /// An instruction that stands above the conversation.
    pub fn system(content: impl Into<String>) -> Self {
        Self::new("system", content)
    }
}

/// How tokens are drawn. Every field is sent with every request, since servers
/// fill gaps from their own or the model's defaults.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sampling {
    /// Divides the logits; 0 is greedy, 1 leaves them alone.
    pub temperature: f64,
    /// Keeps the likeliest tokens up to this probability mass; 1 is off.
    pub top_p: f64,
    /// Keeps this many of the likeliest tokens; 0 is off.
    pub top_k: i64,
    /// Keeps tokens at least this likely relative to the likeliest; 0 is off.
    pub min_p: f64,
    /// Lowers the logits of tokens that occurred; 0 is off.
    pub presence_penalty: f64,
    /// Lowers the logits of tokens by their count so far; 0 is off.
    pub frequency_penalty: f64,
    /// Divides the logits of tokens that occurred; 1 is off.
    pub repetition_penalty: f64,
    /// Most tokens to generate.
    pub max_tokens: u32,
}

impl Sampling {
    /// Plain sampling from the model's distribution at `temperature`, with all
    /// filters and penalties off.
    pub const fn new(temperature: f64, max_tokens: u32) -> Self {
        Self {
            temperature,
            top_p: 1.0,
            top_k: 0,
            min_p: 0.0,
            presence_penalty: 0.0,
            frequency_penalty: 0.0,
            repetition_penalty: 1.0,
            max_tokens,
        }
    }

    /// JSON has no infinities: they would be sent as `null`, and the server
    /// would take its own default.
    fn is_sendable(&self) -> bool {
        [
            self.temperature,
            self.top_p,
            self.min_p,
            self.presence_penalty,
            self.frequency_penalty,
            self.repetition_penalty,
        ]
        .iter()
        .all(|value| value.is_finite())
    }
}

impl GenerateRequest {
    /// A request without seed, stop strings and reasoning markers.
    pub fn new(model: impl Into<String>, input: Input, sampling: Sampling) -> Self {
        Self {
            model: model.into(),
            input,
            sampling,
            seed: None,
            stop: Vec::new(),
            reasoning: None,
        }
    }

    /// Fixes the random numbers. vLLM takes at most 2^63 − 1; llama.cpp 32 bits.
    #[must_use]
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Ends the text before any of these strings.
    #[must_use]
    pub fn with_stop(mut self, stop: Vec<String>) -> Self {
        self.stop = stop;
        self
    }

    /// Says how the model marks its thought, for servers that do not take it
    /// out themselves.
    #[must_use]
    pub fn with_reasoning(mut self, markers: ReasoningMarkers) -> Self {
        self.reasoning = Some(markers);
        self
    }

    /// The JSON body, byte for byte as it is sent.
    ///
    /// # Stability
    ///
    /// Equal requests give equal bytes. Fields come in this order: `model`,
    /// `prompt` or `messages`, `temperature`, `top_p`, `top_k`, `min_p`,
    /// `presence_penalty`, `frequency_penalty`, `repetition_penalty`,
    /// `repeat_penalty` (llama.cpp's name for the same), `max_tokens`, `n`,
    /// `stream`, `seed` (if there is one), `stop`.
    pub fn body(&self) -> Box<RawValue> {
        wire::body(self)
    }

    fn endpoint(&self) -> Endpoint {
        match self.input {
            Input::Completion(_) => Endpoint::Completions,
            Input::Chat(_) => Endpoint::Chat,
        }
    }
}

/// What the model made of a prompt, and everything that was sent and received.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Generation {
    /// The answer, without reasoning.
    pub text: String,
    /// The thought before the answer, if there was one.
    pub reasoning: Option<String>,
    /// Why the text ends, in the server's words.
    pub finish: Finish,
    /// The server's id of this result.
    pub id: Option<String>,
    /// Token counts, as the server says.
    pub usage: Option<Usage>,
    /// What the server says about its version and settings.
    pub system_fingerprint: Option<String>,
    /// The JSON body that was sent.
    pub request: Box<RawValue>,
    /// The JSON body that was received.
    pub response: Box<RawValue>,
    /// Every attempt in order; the last one succeeded.
    pub attempts: Vec<Attempt>,
    truncated_thought: bool,
}

impl Generation {
    /// Whether the text was cut before the thought came to its end, so that
    /// there is no answer; `text` is empty then.
    pub fn is_truncated_thought(&self) -> bool {
        self.truncated_thought
    }
}

/// Why a text ends.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Finish {
    /// The model ended it, or a stop string.
    Stop,
    /// It reached `max_tokens`, or the end of the context.
    Length,
    /// Another reason, in the server's word.
    Other(String),
    /// The server gives none.
    Missing,
}

/// Token counts of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Usage {
    /// Tokens of the prompt, chat template included.
    pub prompt_tokens: u64,
    /// Tokens that were generated, reasoning included.
    pub completion_tokens: u64,
}

pub(crate) async fn generate(
    transport: &Transport,
    request: &GenerateRequest,
    cancel: &CancellationToken,
) -> Result<Generation, RequestError> {
    let endpoint = request.endpoint();
    let body = request.body();
    if !request.sampling.is_sendable() {
        return Err(RequestError::new(
            RequestErrorKind::Unsendable,
            transport.url(endpoint),
            body,
            Default::default(),
            None,
        ));
    }
    let markers = request.reasoning.as_ref();
    exchange(transport, endpoint, body, markers, cancel).await
}

/// Sends `body` as it is and reads the answer.
pub(crate) async fn exchange(
    transport: &Transport,
    endpoint: Endpoint,
    body: Box<RawValue>,
    markers: Option<&ReasoningMarkers>,
    cancel: &CancellationToken,
) -> Result<Generation, RequestError> {
    let exchange = transport.post(endpoint, &body, cancel, wire::read);
    let Exchange {
        value: answer,
        response,
        attempts,
    } = exchange.await?;
    let split = match answer.reasoning {
        Some(thought) => reasoning::given(thought, answer.text),
        None => reasoning::split(
            answer.text.unwrap_or_default(),
            markers,
            answer.finish == Finish::Length,
        ),
    };
    Ok(Generation {
        text: split.answer,
        reasoning: split.thought,
        truncated_thought: split.is_truncated,
        finish: answer.finish,
        id: answer.id,
        usage: answer.usage,
        system_fingerprint: answer.system_fingerprint,
        request: body,
        response,
        attempts,
    })
}
