//! What the lab's earlier Python scripts wrote, in the terms of today.

use std::borrow::Cow;

use grace_core::answer::{Reading, Value};

use super::batch::Values;
use super::records::Cell;
use crate::schema::{Definition, Role, Schema};

/// Who wrote a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// grace.
    Grace,
    /// The lab's earlier Python scripts: without grace's own fields, and errors are texts.
    Legacy,
}

/// How a text begins with which an earlier script tells that there is no answer.
const ERROR_PREFIX: &str = "ERROR:";

/// Whether an earlier script says with this value that there is no answer.
pub(super) fn is_error(value: Cell<'_>) -> bool {
    matches!(value, Cell::Text(text) if text.starts_with(ERROR_PREFIX))
}

/// The name of a column today. Earlier scripts named columns after answers, apostrophe included.
pub(super) fn modern_name(name: &str, origin: Origin) -> Cow<'_, str> {
    if origin == Origin::Legacy && name.contains(['\'', '\u{2019}']) {
        return Cow::Owned(name.replace(['\'', '\u{2019}'], ""));
    }
    Cow::Borrowed(name)
}

/// What a file does not say itself, but its place in the results.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) model_key: &'a str,
    pub(crate) replication: u32,
    pub(crate) experiment: &'a str,
}

/// Makes values of earlier scripts those that grace would have written, record by record.
pub(super) struct Translator<'s> {
    schema: &'s Schema,
    definition: Option<&'s Definition>,
    /// By column.
    columns: Vec<Translated<'s>>,
    /// Queries of the current record that ended in an error.
    failed: Vec<bool>,
    /// Whether an error stood in the current record already.
    behind_error: bool,
}

struct Translated<'s> {
    /// The query that adds it.
    query: Option<usize>,
    /// How its values are read from answers.
    reading: Option<&'s Reading>,
}

impl<'s> Translator<'s> {
    pub(super) fn new(schema: &'s Schema, definition: Option<&'s Definition>) -> Self {
        let columns = schema.columns().iter().map(|column| {
            let query = definition.and_then(|definition| definition.query_of(&column.name));
            let of = query.and_then(|query| definition?.queries.get(query));
            let sampled = |(name, _, role): &(String, _, Role)| {
                *name == column.name && *role == Role::Sampled
            };
            Translated {
                query,
                reading: of
                    .filter(|query| query.columns.iter().any(sampled))
                    .and_then(|query| query.reading.as_ref()),
            }
        });
        Self {
            schema,
            definition,
            columns: columns.collect(),
            failed: vec![false; definition.map_or(0, |definition| definition.queries.len())],
            behind_error: false,
        }
    }

    /// Adds the value of the column at `place` to `values`; the bytes of its text. `None` if they cannot hold it.
    pub(super) fn push(
        &mut self,
        place: usize,
        value: Cell<'_>,
        values: &mut Values,
    ) -> Option<usize> {
        if is_error(value) {
            match self.columns[place].query {
                Some(query) => self.failed[query] = true,
                None => self.behind_error = true,
            }
            values.push_missing();
            return Some(0);
        }
        // Nobody says what belongs to what: scripts wrote an answer first, and then what they read from it.
        if self.definition.is_none() && self.behind_error {
            values.push_missing();
            return Some(0);
        }
        if let Some(reading) = self.columns[place].reading {
            return self.answer(place, reading, value, values);
        }
        match (value, &mut *values) {
            (Cell::Number(token), Values::Text(texts)) => texts.push(Some(whole(token))),
            (Cell::Bool(value), Values::Text(texts)) => {
                texts.push(Some(if value { "true" } else { "false" }));
            }
            _ => return values.push(value),
        }
        Some(0)
    }

    /// An answer as grace writes it; missing if there is no such answer.
    fn answer(
        &self,
        place: usize,
        reading: &Reading,
        value: Cell<'_>,
        values: &mut Values,
    ) -> Option<usize> {
        let written = match value {
            Cell::Text(text) => text.decode()?,
            Cell::Number(token) => Cow::Borrowed(whole(token)),
            _ => return values.push(value),
        };
        let column = &self.schema.columns()[place].name;
        match (reading.value(column, &written), values) {
            (Some(Value::Category(word)), Values::Text(texts)) => texts.push(Some(&word)),
            (Some(Value::Number(number)), Values::Integer(numbers)) => numbers.push(Some(number)),
            (None, values) => values.push_missing(),
            _ => return None,
        }
        Some(0)
    }

    /// Adds to `row`, the last of `columns`, what `place` and the experiment file say of it, and takes away what was
    /// read from answers that ended in an error.
    pub(super) fn complete(&mut self, place: Place<'_>, row: usize, columns: &mut [Values]) {
        let texts = [
            ("model_key", place.model_key),
            ("experiment_name", place.experiment),
        ];
        for (name, text) in texts {
            if let Some(Values::Text(values)) = self.lacking(name, row, columns) {
                values.push(Some(text));
            }
        }
        if let Some(Values::Integer(values)) = self.lacking("replication_id", row, columns) {
            values.push(Some(i64::from(place.replication)));
        }
        let conditions = self.definition.iter().flat_map(|one| &one.conditions);
        for condition in conditions {
            let source = self.schema.position(&condition.column);
            let value = source.and_then(|source| columns[source].word(row));
            let level = value.and_then(|value| condition.level(&value).map(str::to_owned));
            let name = format!("conditions.{}", condition.name);
            if let Some(Values::Text(values)) = self.lacking(&name, row, columns) {
                values.push(level.as_deref());
            }
        }
        for (place, column) in self.columns.iter().enumerate() {
            if column.query.is_some_and(|query| self.failed[query]) && columns[place].len() > row {
                columns[place].forget_last();
            }
        }
        self.failed.fill(false);
        self.behind_error = false;
    }

    /// A column that has no value in this row yet.
    fn lacking<'c>(
        &self,
        name: &str,
        row: usize,
        columns: &'c mut [Values],
    ) -> Option<&'c mut Values> {
        let values = columns.get_mut(self.schema.position(name)?)?;
        (values.len() == row).then_some(values)
    }
}

/// A number as it is written in a CSV file: pandas makes `3.0` of `3` where a column lacks values.
fn whole(token: &str) -> &str {
    match token.split_once('.') {
        Some((whole, zeros)) if zeros.bytes().all(|digit| digit == b'0') => whole,
        _ => token,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn apostrophes_of_earlier_names_are_gone() {
        assert_eq!(
            modern_name("prob_wasn't_good", Origin::Legacy),
            "prob_wasnt_good"
        );
        assert_eq!(
            modern_name("prob_wasn't_good", Origin::Grace),
            "prob_wasn't_good"
        );
    }

    #[test]
    fn whole_numbers_lose_their_point_and_others_do_not() {
        let shown = ["3", "3.0", "-3.00", "3.5", "1e3"].map(whole);
        assert_eq!(shown, ["3", "3", "-3", "3.5", "1e3"]);
    }
}
