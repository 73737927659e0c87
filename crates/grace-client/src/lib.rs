#![doc = include_str!("../README.md")]

mod client;
mod generate;
mod reasoning;

mod models;
mod probe;
mod score;

mod config;
mod retry;
mod secret;

mod error;
mod failure;

mod attempts;
mod service;
#[cfg(feature = "tls")]
mod tls;
mod transport;
mod wire;

pub use client::Client;
pub use config::{ClientConfig, ConfigError};
pub use error::{Attempt, RequestError, RequestErrorKind};
pub use failure::{Failure, FailureKind};
pub use generate::{ChatMessage, Finish, GenerateRequest, Generation, Input, Sampling, Usage};
pub use models::{ServedModel, ServerKind};
pub use probe::{Api, Probe, ProbeError, ProbeRequest, SeedBehaviour};
pub use reasoning::ReasoningMarkers;
pub use retry::RetryPolicy;
pub use score::{
    BorderRule, CheckName, NoiseFloor, OptionProblem, OptionScore, OptionScores, RecordedScore,
    ScoreError, ScoreExchange, ScoreMethod, ScoreMethodError, ScoreProblem, ScoreRequest,
    ScoringProbe, ScoringProbeError, ScoringProbeRequest, TokenisedOptions,
};
pub use secret::ApiKey;

pub use tokio_util::sync::CancellationToken;
