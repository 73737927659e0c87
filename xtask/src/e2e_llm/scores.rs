//! What must hold of scores: distributions, noise, and each token's log-probability read one by one.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::server::post;

/// How far the log-probability of a token may move with the way its prompt is cut into batches. llama.cpp's 4-bit
/// arithmetic was seen to move it by up to 0.1 nat alone.
const TOLERANCE_NAT: f64 = 0.5;

/// What two ways to the same numbers came to.
#[derive(Debug, Default)]
pub(super) struct Compared {
    pub(super) tokens: usize,
    pub(super) largest_nat: f64,
}

/// Every distribution of a record sums to 1 over its options; how many distributions there are.
pub(super) fn distributions(records: &[Value]) -> Result<usize> {
    let mut distributions = 0;
    for record in records {
        let scores = record["scores"]
            .as_object()
            .context("a record without scores")?;
        for (query, score) in scores {
            let logprobs = score["logprobs"]
                .as_object()
                .with_context(|| query.clone())?;
            let sums: Vec<f64> = logprobs.values().filter_map(Value::as_f64).collect();
            ensure!(sums.len() == logprobs.len(), "{query}: {score}");
            let mass: f64 = sums.iter().map(|logprob| logprob.exp()).sum();
            let recorded = score["mass"].as_f64().context("a score without mass")?;
            ensure!(
                (mass - recorded).abs() < 1e-9,
                "{query}: mass {recorded}, computed {mass}"
            );
            ensure!(
                mass <= 1.01,
                "{query}: the options have {mass} of all probability"
            );
            ensure!(score["method"] == "forced_tokens", "{query}: {score}");
            distributions += 1;
        }
    }
    Ok(distributions)
}

/// The noise floor as the metadata has it: alone, and under load.
pub(super) fn noise(metadata: &Value) -> Result<(f64, f64)> {
    let noise = &metadata["probe"]["scoring"]["noise_floor"];
    let nats = |key: &str| {
        noise[key]
            .as_f64()
            .with_context(|| format!("no `{key}` in {noise}"))
    };
    Ok((nats("alone_nat")?, nats("loaded_nat")?))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mass_that_is_not_that_of_the_options_is_found() {
        let record = |mass: f64| {
            json!({"scores": {"q": {"method": "forced_tokens", "mass": mass,
                "logprobs": {"a": 0.25_f64.ln(), "b": 0.5_f64.ln()}}}})
        };
        assert_eq!(distributions(&[record(0.75)]).unwrap(), 1);
        assert!(distributions(&[record(0.7)]).is_err());
        assert!(distributions(&[json!({})]).is_err());
    }
}
