//! What is not in the numbers, and why.

use std::collections::BTreeMap;

use super::Facts;
use super::view::{Field, Part, Section, Table, counted, percent};

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
    let mut sums: BTreeMap<(&str, &str), [u64; 6]> = BTreeMap::new();
    for row in facts.completeness.rows.iter().filter(|row| row.rows > 0) {
        let Some(experiment) = &row.experiment else {
            continue;
        };
        let sum = sums.entry((&row.model_key, experiment)).or_default();
        let counts = [
            row.answered,
            row.unparsable,
            row.truncated,
            row.refused_by_server,
            row.over_context,
            row.failed,
        ];
        for (sum, count) in sum.iter_mut().zip(counts) {
            *sum += count.unwrap_or_default();
        }
    }
    let row = |((model, experiment), counts): (&(&str, &str), &[u64; 6])| {
        let mut fields = vec![Field::text(*model), Field::text(*experiment)];
        fields.extend(counts.iter().map(|count| Field::count(Some(*count))));
        let all = counts.iter().sum();
        fields.push(Field::text(percent(all - counts[0], all)));
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
    Part {
        tables: vec![table.captioned("Queries of the replications in the tables, by outcome")],
        ..Part::default()
    }
}
