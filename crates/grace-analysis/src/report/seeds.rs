//! The seeds of replications.

use super::Facts;
use super::view::{Field, Part, Section, Table};

pub(super) fn section(facts: &Facts<'_>) -> Option<Section> {
    let mut rows = Vec::new();
    for replication in facts.results.readable() {
        let Some(metadata) = &replication.metadata else {
            continue;
        };
        let seeds = &metadata.seeds;
        let value = |key: &str| seeds.value(key).map(plain);
        let experiments = seeds.iter().filter_map(|(key, seed)| {
            let experiment = key.strip_suffix("_seed").filter(|name| *name != "base")?;
            Some(format!("{experiment} {}", plain(seed)))
        });
        rows.push(vec![
            Field::text(&replication.model_key),
            Field::count(replication.index.map(u64::from)),
            Field::text(value("base_seed").unwrap_or_else(|| String::from("–"))),
            Field::text(experiments.collect::<Vec<_>>().join(", ")),
            Field::text(value("order_algorithm").unwrap_or_default()),
            Field::text(value("request_seeds").unwrap_or_default()),
        ]);
    }
    let head = [
        "model",
        "#replication",
        "base seed",
        "experiment seeds",
        "order",
        "request seeds",
    ];
    (!rows.is_empty()).then(|| Section {
        id: "seeds",
        title: "Seeds",
        words: vec![String::from(
            "The experiment seed orders the trials. Unless request seeds are shared, each request has a seed of its own, \
             derived from model, experiment, experiment seed, trial and query.",
        )],
        parts: vec![Part {
            tables: vec![Table::new(&head, rows)],
            ..Part::default()
        }],
    })
}

/// A value as text, without quotes.
pub(super) fn plain(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Null => String::from("–"),
        other => other.to_string(),
    }
}
