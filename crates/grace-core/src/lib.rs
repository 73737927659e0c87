#![doc = include_str!("../README.md")]

pub mod answer;
pub mod cluster;
pub mod digest;
pub mod experiment;
pub mod export;
pub mod id;
pub mod journal;
pub mod layout;
pub mod metadata;
pub mod model;
pub mod plan;
pub mod problem;
pub mod prompt;
pub mod quantity;
pub mod record;
pub mod reuse;
pub mod scoring;
pub mod server;
pub mod settings;
pub mod stimuli;
pub mod yaml;

pub use digest::Digest;
pub use id::{ExperimentId, ModelKey, QueryId};
pub use problem::{Problem, Problems};
