//! The simulator over the wire: what real clients would see.

#![expect(clippy::unwrap_used, reason = "helpers fail the test they serve")]

mod faults;
mod flaws;
mod life;
mod llama;
mod plain;
mod refusals;
mod score;
mod shape;
mod wire;

use grace_sim::{Sim, SimConfig};
use serde_json::{Value, json};

/// Starts a server; panics if it cannot.
async fn start(config: SimConfig) -> Sim {
    Sim::start(config).await.unwrap()
}

fn sim() -> SimConfig {
    SimConfig::new("sim")
}

/// Posts a completion request and returns status and body; null for a body that is no JSON.
async fn complete(sim: &Sim, body: &Value) -> (u16, Value) {
    post(sim, "/v1/completions", body).await
}

async fn post(sim: &Sim, path: &str, body: &Value) -> (u16, Value) {
    let url = sim.root_url() + path;
    let response = client().post(url).json(body).send().await.unwrap();
    (
        response.status().as_u16(),
        response.json().await.unwrap_or(Value::Null),
    )
}

async fn get(sim: &Sim, path: &str) -> (u16, String) {
    let response = client().get(sim.root_url() + path).send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

fn hello(seed: u64) -> Value {
    json!({"model": "sim", "prompt": "Hello there", "max_tokens": 12, "seed": seed})
}

fn text(answer: &Value) -> &str {
    answer["choices"][0]["text"].as_str().unwrap()
}

/// A client that works whatever features reqwest was built with.
fn client() -> reqwest::Client {
    // Fails where a test before this one installed it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::new()
}
