//! What must hold of scores by whatever method: distributions, and the noise on record.

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// Every distribution of a record sums to 1 over its options; how many distributions there are.
pub(super) fn distributions(records: &[Value], method: &str) -> Result<usize> {
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
            ensure!(
                score["method"] == method,
                "{query} was not scored by {method}: {score}"
            );
            distributions += 1;
        }
    }
    Ok(distributions)
}

/// The noise floor as the metadata has it: alone, and under load.
pub(crate) fn noise(metadata: &Value) -> Result<(f64, f64)> {
    let noise = &metadata["probe"]["scoring"]["noise_floor"];
    let nats = |key: &str| {
        noise[key]
            .as_f64()
            .with_context(|| format!("no `{key}` in {noise}"))
    };
    Ok((nats("alone_nat")?, nats("loaded_nat")?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_mass_that_is_not_that_of_the_options_is_found() {
        let record = |mass: f64| {
            json!({"scores": {"q": {"method": "forced_tokens", "mass": mass,
                "logprobs": {"a": 0.25_f64.ln(), "b": 0.5_f64.ln()}}}})
        };
        assert_eq!(distributions(&[record(0.75)], "forced_tokens").unwrap(), 1);
        assert!(distributions(&[record(0.7)], "forced_tokens").is_err());
        assert!(distributions(&[record(0.75)], "trie").is_err());
        assert!(distributions(&[json!({})], "trie").is_err());
    }
}
