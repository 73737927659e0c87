//! The fields that grace itself writes into records (docs/formats.md), and the types of their columns.

use super::column::ColumnType;

/// The columns that come first in every table: which row it is.
pub(crate) const KEYS: [&str; 4] = [
    "model_key",
    "replication_id",
    "trial_order_in_replication",
    "trial_id",
];

/// Fields that grace alone writes: records that have one are no results of an earlier script.
pub(crate) const OURS: [&str; 4] = [
    "trial_order_in_replication",
    "request_seeds",
    "outcomes",
    "timings",
];

/// How many levels of a field become columns of their own; below that, values are kept as JSON text.
pub(crate) fn depth(field: &str) -> usize {
    match field {
        "conditions" | "request_seeds" => 1,
        "outcomes" | "timings" | "tokens" | "scores" => 2,
        _ => 0,
    }
}

/// The type of a column that grace itself writes; `None` for the columns of stimuli and queries.
pub(crate) fn stated_type(column: &str) -> Option<ColumnType> {
    let kind = match column {
        "trial_id" | "trial_order_in_replication" | "replication_id" => ColumnType::Integer,
        "replication_seed" => ColumnType::Unsigned,
        "trial_order_shuffled" => ColumnType::Bool,
        "order_algorithm" | "run_timestamp" | "model_name" | "model_key" | "experiment_name"
        | "status" => ColumnType::Text,
        _ => return stated_type_within(column),
    };
    Some(kind)
}

fn stated_type_within(column: &str) -> Option<ColumnType> {
    let (field, rest) = column.split_once('.')?;
    let last = rest.rsplit('.').next().unwrap_or(rest);
    let kind = match (field, last) {
        ("conditions", _)
        | ("outcomes", "outcome" | "reason")
        | ("timings", "started_at")
        | ("tokens", "finish_reason")
        | ("scores", "method" | "border") => ColumnType::Text,
        ("request_seeds", _) => ColumnType::Unsigned,
        ("timings", "seconds") | ("scores", "mass") => ColumnType::Number,
        ("scores", "logprobs" | "tokens" | "reused_from") => ColumnType::Json,
        ("timings", "attempts") | ("tokens", "prompt" | "completion") => ColumnType::Integer,
        _ => return None,
    };
    Some(kind)
}

/// The query whose outcome a column holds.
pub(crate) fn outcome_of(column: &str) -> Option<&str> {
    column.strip_prefix("outcomes.")?.strip_suffix(".outcome")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_within_fields_have_types() {
        assert_eq!(
            stated_type("request_seeds.quantity"),
            Some(ColumnType::Unsigned)
        );
        assert_eq!(
            stated_type("timings.quantity.seconds"),
            Some(ColumnType::Number)
        );
        assert_eq!(
            stated_type("outcomes.quantity.reason"),
            Some(ColumnType::Text)
        );
        assert_eq!(stated_type("conditions.access"), Some(ColumnType::Text));
        assert_eq!(stated_type("access"), None);
        assert_eq!(
            stated_type("scores.quantity.logprobs"),
            Some(ColumnType::Json)
        );
        assert_eq!(stated_type("scores.quantity.new"), None);
    }

    #[test]
    fn outcomes_are_found_by_their_column() {
        assert_eq!(outcome_of("outcomes.quantity.outcome"), Some("quantity"));
        assert_eq!(outcome_of("outcomes.quantity.reason"), None);
        assert_eq!(outcome_of("quantity"), None);
    }
}
