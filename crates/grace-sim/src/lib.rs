#![doc = include_str!("../README.md")]

mod config;
mod model;
mod participant;
mod tokenizer;

mod batch;
mod chances;
mod draws;
mod tokens;

mod answer;
mod exact;
mod generate;
mod logprobs;
mod reject;
mod routes;
mod score;
mod stream;
mod tokenize;
mod wire;

mod connection;
mod llama;

mod faults;
mod flaws;
mod gate;
mod record;
mod server;
mod sim;

pub use config::{Dialect, Reasoning, SeedPolicy, SimConfig, Startup};
pub use faults::{Fault, Faults, RetryAfter};
pub use flaws::ScoringFault;
pub use model::ToyModel;
pub use participant::{Goal, Listener, Speaker, UTTERANCES, percent_distribution};
pub use record::{Counts, Request};
pub use server::{Life, serve};
pub use sim::Sim;
pub use tokenizer::{Bos, Merging, Tokenizer};
