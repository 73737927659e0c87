//! What is not in the numbers, and why.

use std::collections::BTreeMap;

use super::Facts;
use super::view::{Field, Part, Section, Table, counted, percent};

/// What the table cannot tell.
const EARLIER: &str = "Earlier scripts did not write how each query ended. What they failed at is a count of records with \
                       an error; the rest is not known (–).";

pub(super) fn section(facts: &Facts<'_>) -> Section {
    let findings = &facts.completeness.findings;
    let mut parts = Vec::new();
    if findings.is_empty() {
        parts.push(Part {
            words: vec![String::from(
                "No replication was left out: nothing is missing, broken, changed, duplicated, unsealed or refused.",
            )],
            ..Part::default()
        });
    } else {
        let row = |finding: &crate::completeness::Finding| {
            vec![
                Field::text(finding.kind.as_str()),
                Field::text(finding.path.display().to_string()),
                Field::text(&finding.message),
            ]
        };
        let rows = findings.iter().map(row).collect();
        let found = counted(findings.len() as u64, "finding", "findings");
        let table = Table::new(&["kind", "file or folder", "what is wrong"], rows);
        parts.push(Part {
            tables: vec![table.captioned(format!("{found}, by file"))],
            ..Part::default()
        });
    }
    if !facts.completeness.notes.is_empty() {
        parts.push(Part {
            words: facts.completeness.notes.clone(),
            ..Part::default()
        });
    }
    parts.push(answers(facts));
    Section {
        id: "exclusions",
        title: "Exclusions",
        words: vec![String::from(
            "No value is made up. A query without an answer that could be read is a missing value, and leaves the \
             measures that are read from it.",
        )],
        parts,
    }
}

/// Queries without an answer, by model and experiment.
fn answers(facts: &Facts<'_>) -> Part {
    let mut sums: BTreeMap<(&str, &str), [Option<u64>; 6]> = BTreeMap::new();
    for row in facts.completeness.rows.iter().filter(|row| row.rows > 0) {
        let Some(experiment) = &row.experiment else {
            continue;
        };
        let counts = [
            row.answered,
            row.unparsable,
            row.truncated,
            row.refused_by_server,
            row.over_context,
            row.failed,
        ];
        // What one replication does not tell is not known of all.
        let sums = sums
            .entry((&row.model_key, experiment))
            .or_insert([Some(0); 6]);
        for (sum, count) in sums.iter_mut().zip(counts) {
            *sum = sum.zip(count).map(|(sum, count)| sum + count);
        }
    }
    let row = |((model, experiment), counts): (&(&str, &str), &[Option<u64>; 6])| {
        let mut fields = vec![Field::text(*model), Field::text(*experiment)];
        fields.extend(counts.iter().map(|count| Field::count(*count)));
        let all = counts.iter().copied().sum::<Option<u64>>();
        let without = all
            .zip(counts[0])
            .map(|(all, answered)| percent(all - answered, all));
        fields.push(Field::text(without.unwrap_or_else(|| String::from("–"))));
        fields
    };
    let head = [
        "model",
        "experiment",
        "#answered",
        "#unparsable",
        "#truncated",
        "#refused",
        "#over context",
        "#failed",
        "without answer",
    ];
    let table = Table::new(&head, sums.iter().map(row).collect());
    let unknown = sums.values().any(|counts| counts[0].is_none());
    Part {
        words: unknown.then(|| EARLIER.to_owned()).into_iter().collect(),
        tables: vec![table.captioned("Queries of the replications in the tables, by outcome")],
        ..Part::default()
    }
}
