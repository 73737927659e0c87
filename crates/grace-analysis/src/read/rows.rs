//! The values of a file as rows of a table.

use super::batch::{Batch, Values};
use super::cursor::Cursor;
use super::legacy::{Origin, Place, Translator, modern_name};
use super::records::{Cell, Sink};
use crate::schema::{Definition, Schema};

/// Collects records as rows, in batches of bounded size.
pub(crate) struct Rows<'s> {
    schema: &'s Schema,
    /// Which columns are wanted; the others stay missing.
    wanted: Vec<bool>,
    cursor: Cursor,
    columns: Vec<Values>,
    /// What records of earlier scripts are made into rows with, and where they stand.
    translator: Translator<'s>,
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
        Self {
            schema,
            wanted: names().map(wanted).collect(),
            cursor: Cursor::new(names()),
            columns: columns
                .iter()
                .map(|column| Values::new(column.kind))
                .collect(),
            translator: Translator::new(schema, definition),
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
            .map(|column| Values::new(column.kind))
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
        let done = match self.legacy {
            Some(_) => self.translator.push(place, value, values),
            None => values.push(value),
        };
        let bytes = done.ok_or_else(|| {
            let name = &self.schema.columns()[place].name;
            format!("the value of `{name}` is not what it was before")
        })?;
        self.bytes += bytes + size_of::<u64>();
        Ok(())
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
            self.translator
                .complete(place, self.count, &mut self.columns);
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
        assert_eq!(observed.misfits(&schema, Some(&definition)), []);
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
                let value = values.word(row)?;
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
