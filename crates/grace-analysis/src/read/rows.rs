//! The values of a file as rows of a table.

use std::borrow::Cow;

use super::batch::{Batch, TextColumn, Values};
use super::cursor::Cursor;
use super::records::{Cell, Sink};
use crate::schema::{ColumnType, Definition, Schema};

/// Who wrote a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// grace.
    Grace,
    /// The lab's earlier Python scripts: without grace's own fields, and errors are texts.
    Legacy,
}

/// How a text begins with which an earlier script tells that there is no answer.
pub(super) const ERROR_PREFIX: &str = "ERROR:";

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

/// Collects records as rows, in batches of bounded size.
pub(crate) struct Rows<'s> {
    schema: &'s Schema,
    definition: Option<&'s Definition>,
    /// Which columns are wanted; the others stay missing.
    wanted: Vec<bool>,
    cursor: Cursor,
    columns: Vec<Values>,
    /// The query that adds each column.
    queries: Vec<Option<usize>>,
    /// Queries of the current record that ended in an error.
    failed: Vec<bool>,
    legacy: Option<Place<'s>>,
    count: usize,
    bytes: usize,
}

impl<'s> Rows<'s> {
    /// No rows yet.
    pub(crate) fn new(
        schema: &'s Schema,
        definition: Option<&'s Definition>,
        wanted: impl Fn(&str) -> bool,
    ) -> Self {
        let columns = schema.columns();
        let names = || columns.iter().map(|column| column.name.as_str());
        let query = |name| definition.and_then(|definition| definition.query_of(name));
        Self {
            schema,
            definition,
            wanted: names().map(wanted).collect(),
            cursor: Cursor::new(names()),
            columns: columns.iter().map(|column| empty(column.kind)).collect(),
            queries: names().map(query).collect(),
            failed: vec![false; definition.map_or(0, |definition| definition.queries.len())],
            legacy: None,
            count: 0,
            bytes: 0,
        }
    }

    /// From now on records are those of an earlier script, at this place; `None`: of grace.
    pub(crate) fn set_legacy(&mut self, place: Option<Place<'s>>) {
        self.legacy = place;
    }

    /// The bytes of the rows so far, roughly.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The rows so far; none are left.
    pub(crate) fn take(&mut self) -> Batch {
        let empty: Vec<Values> = self
            .schema
            .columns()
            .iter()
            .map(|c| empty(c.kind))
            .collect();
        self.bytes = 0;
        Batch {
            rows: std::mem::take(&mut self.count),
            columns: std::mem::replace(&mut self.columns, empty),
        }
    }

    /// Takes a cell as [`Sink::cell`] does, for the column at `place` in the schema.
    pub(crate) fn put(&mut self, place: usize, value: Cell<'_>) -> Result<(), String> {
        if !self.wanted[place] {
            return Ok(());
        }
        if self.columns[place].len() != self.count {
            let name = &self.schema.columns()[place].name;
            return Err(format!("`{name}` comes twice in a record"));
        }
        self.push(place, value)
    }

    fn push(&mut self, place: usize, value: Cell<'_>) -> Result<(), String> {
        let values = &mut self.columns[place];
        let done = match (value, &mut *values) {
            (Cell::Null, values) => {
                values.push_missing();
                Some(())
            }
            (Cell::Text(text), values)
                if self.legacy.is_some() && text.starts_with(ERROR_PREFIX) =>
            {
                values.push_missing();
                if let Some(query) = self.queries[place] {
                    self.failed[query] = true;
                }
                Some(())
            }
            (Cell::Text(text), Values::Text(values)) => text.decode().map(|text| {
                self.bytes += text.len();
                values.push(Some(&text));
            }),
            (Cell::Nested(json), Values::Text(values)) => {
                self.bytes += json.len();
                values.push(Some(json));
                Some(())
            }
            (Cell::Bool(value), Values::Bool(values)) => {
                values.push(Some(value));
                Some(())
            }
            (Cell::Number(token), values) => push_number(values, token),
            _ => None,
        };
        self.bytes += size_of::<u64>();
        done.ok_or_else(|| {
            let name = &self.schema.columns()[place].name;
            format!("the value of `{name}` is not what it was before")
        })
    }

    /// What the place in the results and the experiment file say of a record of an earlier script.
    fn complete_legacy(&mut self, place: Place<'_>) {
        for (name, text) in [
            ("model_key", place.model_key),
            ("experiment_name", place.experiment),
        ] {
            if let Some(Values::Text(values)) = self.column(name) {
                values.push(Some(text));
            }
        }
        if let Some(Values::Integer(values)) = self.column("replication_id") {
            values.push(Some(i64::from(place.replication)));
        }
        let Some(definition) = self.definition else {
            return;
        };
        for condition in &definition.conditions {
            let source = self.schema.position(&condition.column);
            let level = source.and_then(|source| match &self.columns[source] {
                Values::Text(values) => {
                    let value = values.value(self.count)?;
                    condition.level(value).map(str::to_owned)
                }
                Values::Integer(values) => {
                    let value = (*values.get(self.count)?)?.to_string();
                    condition.level(&value).map(str::to_owned)
                }
                _ => None,
            });
            let name = format!("conditions.{}", condition.name);
            if let Some(Values::Text(values)) = self.column(&name) {
                values.push(level.as_deref());
            }
        }
        for (place, query) in self.queries.iter().enumerate() {
            if query.is_some_and(|query| self.failed[query])
                && self.columns[place].len() > self.count
            {
                self.columns[place].forget_last();
            }
        }
        self.failed.fill(false);
    }

    /// A column that has no value in this record yet.
    fn column(&mut self, name: &str) -> Option<&mut Values> {
        let place = self.schema.position(name)?;
        let values = &mut self.columns[place];
        (values.len() == self.count).then_some(values)
    }
}

impl Sink for Rows<'_> {
    fn cell(&mut self, column: &str, value: Cell<'_>) -> Result<(), String> {
        let origin = match self.legacy {
            Some(_) => Origin::Legacy,
            None => Origin::Grace,
        };
        let column = modern_name(column, origin);
        let Some(place) = self.cursor.find(&column) else {
            return Err(format!("`{column}` was not there before"));
        };
        self.put(place, value)
    }

    fn end_record(&mut self) -> Result<(), String> {
        if let Some(place) = self.legacy {
            self.complete_legacy(place);
        }
        for values in &mut self.columns {
            if values.len() == self.count {
                values.push_missing();
            }
        }
        self.count += 1;
        Ok(())
    }
}

fn empty(kind: ColumnType) -> Values {
    match kind {
        ColumnType::Text | ColumnType::Json => Values::Text(TextColumn::default()),
        ColumnType::Bool => Values::Bool(Vec::new()),
        ColumnType::Integer => Values::Integer(Vec::new()),
        ColumnType::Unsigned => Values::Unsigned(Vec::new()),
        ColumnType::Number => Values::Number(Vec::new()),
    }
}

/// Adds a number as it is written, if the column can hold it.
fn push_number(values: &mut Values, token: &str) -> Option<()> {
    match values {
        Values::Integer(values) => {
            let whole = token.split_once('.').map_or(token, |(whole, _)| whole);
            values.push(Some(whole.parse().ok()?));
        }
        Values::Unsigned(values) => values.push(Some(token.parse().ok()?)),
        Values::Number(values) => values.push(Some(token.parse().ok()?)),
        Values::Text(_) | Values::Bool(_) => return None,
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use grace_core::experiment::{Experiment, builtin};

    use super::*;
    use crate::read::{SurveyRules, read, survey};
    use crate::schema::resolve;

    /// The table of a file, a line a row.
    fn table(json: &str, legacy: bool) -> Vec<String> {
        let file = builtin("study1_exp1").unwrap();
        let experiment = Experiment::parse(file.file, file.text).unwrap();
        let definition = Definition::of(&experiment);
        let rules = SurveyRules {
            origin: if legacy {
                Origin::Legacy
            } else {
                Origin::Grace
            },
            model_key: "m",
            experiment: "study1_exp1",
            replication: 4,
        };
        let observed = survey(json.as_bytes(), rules).unwrap().observed;
        let schema = resolve([&observed].into_iter(), Some(&definition));
        assert_eq!(observed.misfits(&schema), []);
        let mut rows = Rows::new(&schema, Some(&definition), |_| true);
        rows.set_legacy(legacy.then_some(Place {
            model_key: "m",
            replication: 4,
            experiment: "study1_exp1",
        }));
        read(json.as_bytes(), &mut rows).unwrap();
        let batch = rows.take();
        let line = |row: usize| {
            let cells = schema.columns().iter().zip(&batch.columns);
            let cells = cells.filter_map(|(column, values)| {
                let value = match values {
                    Values::Text(values) => values.value(row)?.to_owned(),
                    Values::Integer(values) => values[row]?.to_string(),
                    Values::Unsigned(values) => values[row]?.to_string(),
                    Values::Number(values) => values[row]?.to_string(),
                    Values::Bool(values) => values[row]?.to_string(),
                };
                Some(format!("{}={value}", column.name))
            });
            cells.collect::<Vec<_>>().join(" ")
        };
        (0..batch.rows).map(line).collect()
    }

    #[test]
    fn records_of_earlier_scripts_get_place_conditions_and_missing_answers() {
        let json = r#"[
            {"access": 3, "observe": "2", "response_quantity": "2", "quantity": 2.0, "knowledge": "yes"},
            {"access": 3, "observe": "1", "response_quantity": "ERROR: timeout", "quantity": 0, "knowledge": "no"}]"#;
        let place = "model_key=m replication_id=4";
        assert_eq!(
            table(json, true),
            [
                format!(
                    "{place} access=3 observe=2 response_quantity=2 quantity=2 knowledge=yes conditions.access=3 conditions.observe=2"
                ),
                format!(
                    "{place} access=3 observe=1 knowledge=no conditions.access=3 conditions.observe=1"
                ),
            ]
        );
    }

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
    fn records_of_grace_keep_every_field() {
        let json = r#"[{"access": "3", "quantity": null, "knowledge": "yes", "mine": [1, 2],
            "trial_id": 0, "replication_seed": 18446744073709551615, "timings": {"q": {"seconds": 1}}}]"#;
        assert_eq!(
            table(json, false),
            [
                "trial_id=0 access=3 knowledge=yes mine=[1, 2] replication_seed=18446744073709551615 timings.q.seconds=1"
            ]
        );
    }
}
