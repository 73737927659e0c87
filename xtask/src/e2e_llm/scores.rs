//! Each scored token's log-probability, read one by one from llama.cpp's server.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::e2e::post;

/// How far the log-probability of a token may move with the way its prompt is cut into batches. llama.cpp's 4-bit
/// arithmetic was seen to move it by up to 0.1 nat alone.
const TOLERANCE_NAT: f64 = 0.5;

/// What two ways to the same numbers came to.
#[derive(Debug, Default)]
pub(super) struct Compared {
    pub(super) tokens: usize,
    pub(super) largest_nat: f64,
}

/// Compares the forced tokens of a journal line with the next-token log-probability of each, read one by one: the
/// tokens before it in the prompt, and the token itself made certain by a bias that its reported number does not have.
pub(super) fn one_by_one(line: &Value, url: &str) -> Result<Compared> {
    let mut compared = Compared::default();
    let sent = line["request"]
        .as_array()
        .context("a score without requests")?;
    let options = line["score"]["options"]
        .as_array()
        .context("a score without options")?;
    for (sent, option) in sent.iter().zip(options) {
        let mut prompt = numbers(&sent["body"]["prompt"])?;
        let pairs = numbers(&option["token_ids"])?
            .into_iter()
            .zip(option["logprobs"].as_array().into_iter().flatten());
        for (id, forced) in pairs {
            let alone = next_token(url, &prompt, id)?;
            let forced = forced.as_f64().context("a forced token without number")?;
            let difference = (alone - forced).abs();
            ensure!(
                difference <= TOLERANCE_NAT,
                "token {id} behind {} others: {forced} when forced, {alone} alone",
                prompt.len()
            );
            compared.tokens += 1;
            compared.largest_nat = compared.largest_nat.max(difference);
            prompt.push(id);
        }
    }
    Ok(compared)
}

fn next_token(url: &str, prompt: &[u64], id: u64) -> Result<f64> {
    let body = json!({
        "prompt": prompt, "n_predict": 1, "n_probs": 1, "logit_bias": [[id, 1e6]], "return_tokens": true,
        "temperature": 1, "top_k": 0, "top_p": 1, "min_p": 0, "cache_prompt": false, "seed": 0,
    });
    let answer = post(url, "/completion", &body)?;
    let token = &answer["completion_probabilities"][0];
    ensure!(
        token["id"] == id,
        "token {id} was to come, and {} came",
        token["id"]
    );
    token["logprob"].as_f64().context("a token without number")
}

fn numbers(list: &Value) -> Result<Vec<u64>> {
    let list = list.as_array().context("no list of token ids")?;
    list.iter()
        .map(|id| id.as_u64().context("no token id"))
        .collect()
}
