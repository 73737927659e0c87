//! What was expected and what was found.

use super::Facts;
use super::view::{Field, Part, Section, Table};
use crate::completeness::{Row, State};

pub(super) fn section(facts: &Facts<'_>) -> Section {
    let rows = facts.completeness.rows.iter().map(row).collect();
    let head = [
        "model",
        "#replication",
        "experiment",
        "state",
        "#trials expected",
        "#found",
        "#in the tables",
        "#answered",
        "#unparsable",
        "#other failures",
        "#duplicates",
    ];
    Section {
        id: "completeness",
        title: "Completeness",
        words: vec![String::from(
            "Only replications that are whole are in the pictures and tables of this page: sealed ones whose files are \
             what was sealed, and complete files of earlier scripts.",
        )],
        parts: vec![Part {
            tables: vec![Table::new(&head, rows)],
            ..Part::default()
        }],
    }
}

fn row(row: &Row) -> Vec<Field> {
    let failures = [
        row.truncated,
        row.refused_by_server,
        row.over_context,
        row.failed,
    ];
    let failures = row
        .answered
        .or(row.failed)
        .map(|_| failures.iter().flatten().sum());
    let state = match row.state {
        State::Sealed => "sealed",
        State::Legacy => "earlier script",
        State::LeftOut => "left out",
        State::Missing => "missing",
    };
    vec![
        Field::text(&row.model_key),
        Field::count(row.replication.map(u64::from)),
        Field::text(row.experiment.as_deref().unwrap_or("–")),
        Field::text(state),
        Field::count(row.expected_trials),
        Field::count(Some(row.found_trials)),
        Field::count(Some(row.rows)),
        Field::count(row.answered),
        Field::count(row.unparsable),
        Field::count(failures),
        Field::count(
            row.duplicate_answers
                .map(|answers| answers + row.duplicate_trials),
        ),
    ]
}
