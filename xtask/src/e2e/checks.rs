//! What must hold of records, journals and replays: pure functions over JSON.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// As many records as rows, each trial once, in the order that they give as their own.
pub(super) fn complete_and_in_order(records: &[Value], rows: usize) -> Result<()> {
    ensure!(
        records.len() == rows,
        "{} records, expected one for each of {rows} rows",
        records.len()
    );
    let mut seen = BTreeSet::new();
    for (place, record) in records.iter().enumerate() {
        let order = number(record, "trial_order_in_replication")?;
        ensure!(
            order == place as u64,
            "record {place} has trial_order_in_replication {order}"
        );
        let trial = number(record, "trial_id")?;
        ensure!(
            trial < rows as u64,
            "trial_id {trial} is beyond the {rows} rows"
        );
        ensure!(seen.insert(trial), "trial_id {trial} has two records");
    }
    Ok(())
}

/// No query has two answers, and every query of the records has one, its own or that of an equal one; how many were asked.
pub(super) fn answered_once(records: &[Value], journal: &[Value]) -> Result<usize> {
    let mut answered = BTreeSet::new();
    for line in journal.iter().filter(|line| line["outcome"] != "failed") {
        let key = key(line)?;
        ensure!(
            answered.insert(key),
            "trial {} {} was answered twice",
            key.0,
            key.1
        );
    }
    let mut asked = BTreeSet::new();
    for (trial, query) in request_seeds(records)?.into_keys() {
        let record = records.iter().find(|record| record["trial_id"] == trial);
        let source = record.map_or(
            &Value::Null,
            |record| &record["scores"][query]["reused_from"],
        );
        match source["query"].as_str() {
            Some(other) => asked.insert((number(source, "trial_id")?, other)),
            None => asked.insert((trial, query)),
        };
    }
    ensure!(
        asked == answered,
        "records and journals hold different queries: {} and {}",
        asked.len(),
        answered.len()
    );
    Ok(answered.len())
}

/// The seed in the body of each request is the one in the record; how many were compared, how many differ from each other.
pub(super) fn seeds_as_recorded(records: &[Value], journal: &[Value]) -> Result<(usize, usize)> {
    let recorded = request_seeds(records)?;
    let mut sent = BTreeSet::new();
    for line in journal {
        let key = key(line)?;
        // A score may take several requests, all with one seed; those for token ids have none.
        let request = match &line["request"] {
            Value::Array(sent) => sent
                .iter()
                .map(|sent| &sent["body"])
                .find(|body| body["seed"].is_u64())
                .context("a score without a request that holds a seed")?,
            body => body,
        };
        let seed = request["seed"]
            .as_u64()
            .with_context(|| format!("the request of trial {} {} holds no seed", key.0, key.1))?;
        let expected = recorded.get(&key).copied();
        ensure!(
            expected == Some(seed),
            "trial {} {} was sent seed {seed}, its record says {expected:?}",
            key.0,
            key.1
        );
        ensure!(
            line["seed"] == seed,
            "trial {} {}: the journal's seed is not the request's",
            key.0,
            key.1
        );
        sent.insert(seed);
    }
    Ok((journal.len(), sent.len()))
}

/// How many replays gave the same text, or the same log-probabilities but for `noise` nats, of how many.
pub(super) fn same_answers(replayed: &Value, noise: f64) -> Result<(usize, usize)> {
    let replayed = replayed.as_array().context("replays are no array")?;
    ensure!(!replayed.is_empty(), "nothing was replayed");
    let is_noise = |one: &Value| one["largest_nat"].as_f64().is_some_and(|nat| nat <= noise);
    let same = replayed
        .iter()
        .filter(|one| one["verdict"] == "same" || is_noise(one));
    Ok((same.count(), replayed.len()))
}

/// The seed of each query of each trial.
fn request_seeds(records: &[Value]) -> Result<BTreeMap<(u64, &str), u64>> {
    let mut seeds = BTreeMap::new();
    for record in records {
        let trial = number(record, "trial_id")?;
        let queries = record["request_seeds"]
            .as_object()
            .with_context(|| format!("trial {trial} has no request_seeds"))?;
        for (query, seed) in queries {
            let seed = seed
                .as_u64()
                .with_context(|| format!("the seed of trial {trial} {query}"))?;
            seeds.insert((trial, query.as_str()), seed);
        }
    }
    Ok(seeds)
}

fn key(line: &Value) -> Result<(u64, &str)> {
    let query = line["query"]
        .as_str()
        .context("a journal line without query")?;
    Ok((number(line, "trial_id")?, query))
}

fn number(object: &Value, name: &str) -> Result<u64> {
    object[name]
        .as_u64()
        .with_context(|| format!("`{name}` is {}, expected a number", object[name]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn record(trial: u64, place: u64) -> Value {
        json!({"trial_id": trial, "trial_order_in_replication": place, "request_seeds": {"q": 100 + trial}})
    }

    fn line(trial: u64, outcome: &str) -> Value {
        let seed = 100 + trial;
        json!({"trial_id": trial, "query": "q", "seed": seed, "outcome": outcome, "request": {"seed": seed}})
    }

    #[test]
    fn records_must_be_complete_unique_and_in_order() {
        assert!(complete_and_in_order(&[record(1, 0), record(0, 1)], 2).is_ok());
        assert!(complete_and_in_order(&[record(1, 0)], 2).is_err());
        assert!(complete_and_in_order(&[record(1, 0), record(1, 1)], 2).is_err());
        assert!(complete_and_in_order(&[record(1, 1), record(0, 0)], 2).is_err());
        assert!(complete_and_in_order(&[record(1, 0), record(2, 1)], 2).is_err());
        assert!(complete_and_in_order(&[json!({}), record(0, 1)], 2).is_err());
    }

    #[test]
    fn an_answer_counts_once_but_a_failure_may_be_tried_again() {
        let records = [record(0, 0), record(1, 1)];
        let journal = [line(0, "failed"), line(0, "answered"), line(1, "truncated")];
        assert_eq!(answered_once(&records, &journal).unwrap(), 2);
        let twice = [
            line(0, "answered"),
            line(0, "answered"),
            line(1, "answered"),
        ];
        assert!(answered_once(&records, &twice).is_err());
        assert!(answered_once(&records, &[line(0, "answered")]).is_err());
        assert!(answered_once(&records, &[line(0, "answered"), line(1, "failed")]).is_err());
    }

    #[test]
    fn an_equal_query_stands_for_another() {
        let reusing = json!({"trial_id": 1, "trial_order_in_replication": 1, "request_seeds": {"q": 100},
            "scores": {"q": {"reused_from": {"trial_id": 0, "query": "q"}}}});
        let records = [record(0, 0), reusing];
        assert_eq!(answered_once(&records, &[line(0, "answered")]).unwrap(), 1);
        assert!(answered_once(&records, &[line(0, "answered"), line(1, "answered")]).is_err());
    }

    #[test]
    fn seeds_in_bodies_are_those_of_the_records() {
        let records = [record(0, 0), record(1, 1)];
        let journal = [line(0, "answered"), line(1, "answered")];
        assert_eq!(seeds_as_recorded(&records, &journal).unwrap(), (2, 2));
        let mut other = line(1, "answered");
        other["request"]["seed"] = json!(7);
        assert!(seeds_as_recorded(&records, &[other]).is_err());
        let mut without = line(1, "answered");
        without["request"] = json!({});
        assert!(seeds_as_recorded(&records, &[without]).is_err());
    }

    #[test]
    fn the_same_and_scores_within_the_noise_count() {
        let replayed = json!([{"verdict": "same"}, {"verdict": "different"}, {"verdict": "not_comparable"},
            {"verdict": "other_scores", "largest_nat": 1e-5}]);
        assert_eq!(same_answers(&replayed, 0.0).unwrap(), (1, 4));
        assert_eq!(same_answers(&replayed, 1e-4).unwrap(), (2, 4));
        assert!(same_answers(&json!([]), 0.0).is_err());
    }
}
