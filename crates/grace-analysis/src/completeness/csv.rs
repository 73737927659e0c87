//! Completeness as CSV.

use super::finding::Finding;
use super::row::Row;
use super::table::Completeness;
use crate::lines::lines_to_csv;

impl Completeness {
    /// The rows as CSV with a line of names; what is not known is an empty field.
    pub fn to_csv(&self) -> Vec<u8> {
        const NAMES: [&str; 16] = [
            "model_key",
            "replication",
            "experiment",
            "state",
            "expected_trials",
            "found_trials",
            "rows",
            "duplicate_trials",
            "expected_queries",
            "answered",
            "unparsable",
            "truncated",
            "refused_by_server",
            "over_context",
            "failed",
            "duplicate_answers",
        ];
        text(&NAMES, self.rows.iter().map(fields))
    }

    /// The findings as CSV with a line of names.
    pub fn findings_to_csv(&self) -> Vec<u8> {
        let fields = |finding: &Finding| {
            [
                finding.path.display().to_string(),
                finding.kind.to_string(),
                finding.message.clone(),
            ]
        };
        text(
            &["path", "kind", "message"],
            self.findings.iter().map(fields),
        )
    }
}

fn fields(row: &Row) -> [String; 16] {
    let count = |count: Option<u64>| count.map(|count| count.to_string()).unwrap_or_default();
    [
        row.model_key.clone(),
        count(row.replication.map(u64::from)),
        row.experiment.clone().unwrap_or_default(),
        row.state.as_str().to_owned(),
        count(row.expected_trials),
        row.found_trials.to_string(),
        row.rows.to_string(),
        row.duplicate_trials.to_string(),
        count(row.expected_queries),
        count(row.answered),
        count(row.unparsable),
        count(row.truncated),
        count(row.refused_by_server),
        count(row.over_context),
        count(row.failed),
        count(row.duplicate_answers),
    ]
}

fn text<const N: usize>(names: &[&str; N], rows: impl Iterator<Item = [String; N]>) -> Vec<u8> {
    let names = names.map(str::to_owned).to_vec();
    lines_to_csv(std::iter::once(names).chain(rows.map(Vec::from)))
}
