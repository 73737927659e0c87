//! Where and when replications ran.

use super::Facts;
use super::seeds::plain;
use super::view::{Field, Part, Section, Table};

pub(super) fn section(facts: &Facts<'_>) -> Option<Section> {
    let mut rows = Vec::new();
    for replication in facts.results.readable() {
        let Some(metadata) = &replication.metadata else {
            continue;
        };
        let info = |key: &str| {
            let value = metadata.deployment_info.value(key);
            value.map_or_else(|| String::from("–"), plain)
        };
        let server = metadata.deployment_info.value("server");
        let server = server.map(|server| {
            let part = |key: &str| server.get(key).map(plain).unwrap_or_default();
            format!("{} {}", part("kind"), part("version"))
        });
        let time = |key: &str| metadata.timestamps.value(key).map(|time| short(time));
        rows.push(vec![
            Field::text(&replication.model_key),
            Field::count(replication.index.map(u64::from)),
            Field::text(&metadata.model_name),
            Field::text(server.unwrap_or_else(|| info("vllm_version"))),
            Field::text(info("node_name")),
            Field::text(info("gpu_type")),
            Field::text(info("grace_version")),
            Field::count(Some(metadata.attempts.len() as u64)),
            Field::text(time("start").unwrap_or_default()),
            Field::text(time("end").unwrap_or_default()),
        ]);
    }
    let head = [
        "model",
        "#replication",
        "name",
        "server",
        "node",
        "GPU",
        "grace",
        "#attempts",
        "start (UTC)",
        "end (UTC)",
    ];
    (!rows.is_empty()).then(|| Section {
        id: "deployment",
        title: "Deployment",
        words: Vec::new(),
        parts: vec![Part {
            tables: vec![Table::new(&head, rows)],
            ..Part::default()
        }],
    })
}

/// A time to the second, with a blank in place of `T`.
fn short(time: &str) -> String {
    let seconds = time.split_once('.').map_or(time, |(seconds, _)| seconds);
    seconds.trim_end_matches('Z').replace('T', " ")
}
