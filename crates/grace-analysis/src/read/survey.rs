//! What the records of a file are: is it whole, which columns does it have, how many answers does it hold?

use std::collections::BTreeMap;

use grace_core::record::Outcome;

use super::cursor::Cursor;
use super::legacy::{Origin, is_error, modern_name};
use super::records::{Cell, Sink, read};
use crate::schema::{Kind, Kinds, OURS, Observed, outcome_of};

/// What the records of a file must say.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SurveyRules<'a> {
    /// Who wrote the file.
    pub(crate) origin: Origin,
    /// The model's key.
    pub(crate) model_key: &'a str,
    /// The experiment.
    pub(crate) experiment: &'a str,
    /// The index of the replication.
    pub(crate) replication: u32,
}

/// What a file holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Survey {
    /// The number of records.
    pub(crate) records: u64,
    /// The columns and what they hold.
    pub(crate) observed: Observed,
    /// Records of a trial that another record is about, too.
    pub(crate) duplicates: u64,
    /// Queries by outcome, where records tell outcomes.
    pub(crate) outcomes: BTreeMap<Outcome, u64>,
    /// Records with a text that tells of an error, where an earlier script wrote them.
    pub(crate) errors: u64,
}

/// Reads a file once without keeping its values.
///
/// # Errors
///
/// Returns what is wrong with the file. Nothing of it may be used then.
pub(crate) fn survey(bytes: &[u8], rules: SurveyRules<'_>) -> Result<Survey, String> {
    let mut surveyor = Surveyor::new(rules);
    read(bytes, &mut surveyor).map_err(|error| error.to_string())?;
    surveyor.finish()
}

/// Surveys the first record alone, of which `bytes` are the beginning of the file. All records of a file that grace
/// wrote have the columns of the first. `None` if `bytes` end before it does, or if anything is wrong.
pub(crate) fn glance(bytes: &[u8], rules: SurveyRules<'_>) -> Option<Survey> {
    let text = bytes.utf8_chunks().next()?.valid();
    let mut first = First(Surveyor::new(rules));
    let stopped = read(text.as_bytes(), &mut first).is_err();
    (stopped && first.0.record == 1)
        .then(|| first.0.finish().ok())
        .flatten()
}

/// Stops behind the first record.
struct First<'a>(Surveyor<'a>);

impl Sink for First<'_> {
    fn cell(&mut self, column: &str, value: Cell<'_>) -> Result<(), String> {
        self.0.cell(column, value)
    }

    fn end_record(&mut self) -> Result<(), String> {
        self.0.end_record()?;
        Err(String::from("that is enough"))
    }
}

/// Checks the records of a file, one cell after the other.
pub(crate) struct Surveyor<'a> {
    rules: SurveyRules<'a>,
    cursor: Cursor,
    columns: Vec<ColumnSurvey>,
    seen: usize,
    record: u32,
    trial_ids: Vec<u32>,
    outcomes: BTreeMap<Outcome, u64>,
    error_in_record: bool,
    errors: u64,
}

struct ColumnSurvey {
    role: Role,
    kinds: Kinds,
    /// How many records have it so far.
    records: u32,
}

#[derive(Clone, Copy, PartialEq)]
enum Role {
    Plain,
    TrialId,
    Place,
    Replication,
    Model,
    Experiment,
    Outcome,
}

impl Role {
    fn of(column: &str) -> Self {
        match column {
            "trial_id" => Self::TrialId,
            "trial_order_in_replication" => Self::Place,
            "replication_id" => Self::Replication,
            "model_key" => Self::Model,
            "experiment_name" => Self::Experiment,
            column if outcome_of(column).is_some() => Self::Outcome,
            _ => Self::Plain,
        }
    }
}

impl Sink for Surveyor<'_> {
    fn cell(&mut self, column: &str, value: Cell<'_>) -> Result<(), String> {
        self.check(column, value).map(|_place| ())
    }

    fn end_record(&mut self) -> Result<(), String> {
        if self.rules.origin == Origin::Grace && self.seen != self.columns.len() {
            let names = self.cursor.names().iter().zip(&self.columns);
            let mut lacking = names.filter(|(_, column)| column.records <= self.record);
            let name = lacking.next().map(|(name, _)| name.as_str());
            return Err(format!(
                "record {} lacks `{}`, which the records before it have",
                self.record,
                name.unwrap_or_default()
            ));
        }
        self.errors += u64::from(self.error_in_record);
        self.error_in_record = false;
        self.seen = 0;
        self.record = self
            .record
            .checked_add(1)
            .ok_or("holds more than 4,294,967,295 records")?;
        Ok(())
    }
}

impl<'a> Surveyor<'a> {
    /// Nothing read yet.
    pub(crate) fn new(rules: SurveyRules<'a>) -> Self {
        Self {
            rules,
            cursor: Cursor::default(),
            columns: Vec::new(),
            seen: 0,
            record: 0,
            trial_ids: Vec::new(),
            outcomes: BTreeMap::new(),
            error_in_record: false,
            errors: 0,
        }
    }

    /// Takes a cell as [`Sink::cell`] does; the place of its column among those of the file.
    pub(crate) fn check(&mut self, column: &str, value: Cell<'_>) -> Result<usize, String> {
        let column = modern_name(column, self.rules.origin);
        let place = match self.cursor.find(&column) {
            Some(place) => place,
            None => self.new_column(&column)?,
        };
        let known = &mut self.columns[place];
        if known.records > self.record {
            return Err(format!("record {} has `{column}` twice", self.record));
        }
        known.records = self.record + 1;
        self.seen += 1;
        let kind = match value {
            Cell::Null => Kind::Null,
            Cell::Bool(_) => Kind::Bool,
            Cell::Number(token) => Kind::of_number(token),
            Cell::Nested(_) => Kind::Nested,
            Cell::Text(text) if !text.is_whole() => {
                return Err(format!(
                    "record {}: `{column}` holds half of a character",
                    self.record
                ));
            }
            Cell::Text(_) if self.rules.origin == Origin::Legacy && is_error(value) => {
                self.error_in_record = true;
                Kind::ErrorText
            }
            Cell::Text(_) => Kind::Text,
        };
        known.kinds.note(kind, self.record);
        let role = known.role;
        if role != Role::Plain && self.rules.origin == Origin::Grace {
            self.special(role, &column, value)?;
        }
        Ok(place)
    }

    fn new_column(&mut self, name: &str) -> Result<usize, String> {
        let ours = OURS.iter().any(|field| {
            name.strip_prefix(field)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        });
        if ours && self.rules.origin == Origin::Legacy {
            return Err(format!(
                "records have the field `{name}`, which grace writes, but the folder has no metadata.json of grace"
            ));
        }
        if self.record > 0 && self.rules.origin == Origin::Grace {
            return Err(format!(
                "record {} has `{name}`, which the records before it lack",
                self.record
            ));
        }
        self.columns.push(ColumnSurvey {
            role: Role::of(name),
            kinds: Kinds::default(),
            records: 0,
        });
        Ok(self.cursor.add(name))
    }

    /// Notes values that say which record it is; those of another type are found with all others.
    fn special(&mut self, role: Role, column: &str, value: Cell<'_>) -> Result<(), String> {
        let number = match value {
            Cell::Number(token) => token.parse::<u32>().ok(),
            _ => None,
        };
        let unlike = |expected: &str| {
            Err(format!(
                "record {}: `{column}` is not {expected}",
                self.record
            ))
        };
        match role {
            Role::TrialId => match number {
                Some(trial_id) => self.trial_ids.push(trial_id),
                None => return unlike("a row number"),
            },
            Role::Place if number != Some(self.record) => return unlike("the record's place"),
            Role::Replication if number != Some(self.rules.replication) => {
                return unlike("that of metadata.json");
            }
            Role::Model if !is_text(value, self.rules.model_key) => {
                return unlike("that of metadata.json");
            }
            Role::Experiment if !is_text(value, self.rules.experiment) => {
                return unlike("that of the file's name");
            }
            Role::Outcome => {
                let mut known = Outcome::ALL.into_iter();
                let outcome = known.find(|outcome| is_text(value, outcome.as_str()));
                match outcome {
                    Some(outcome) => *self.outcomes.entry(outcome).or_default() += 1,
                    None => return unlike("an outcome"),
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// What the file holds, behind its last record.
    ///
    /// # Errors
    ///
    /// As [`survey`].
    pub(crate) fn finish(mut self) -> Result<Survey, String> {
        let grace = self.rules.origin == Origin::Grace;
        if grace && self.record > 0 && self.trial_ids.len() != self.record as usize {
            return Err(String::from("records have no `trial_id`"));
        }
        self.trial_ids.sort_unstable();
        let pairs = self.trial_ids.windows(2);
        let duplicates = pairs.filter(|pair| pair[0] == pair[1]).count();
        let kinds = self.columns.into_iter().map(|column| column.kinds);
        let names = self.cursor.names().iter().cloned();
        Ok(Survey {
            records: u64::from(self.record),
            observed: Observed {
                columns: names.zip(kinds).collect(),
                legacy: !grace,
            },
            duplicates: duplicates as u64,
            outcomes: self.outcomes,
            errors: self.errors,
        })
    }
}

fn is_text(value: Cell<'_>, expected: &str) -> bool {
    match value {
        Cell::Text(text) => text.decode().is_some_and(|text| text == expected),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(json: &str, origin: Origin) -> Result<Survey, String> {
        let rules = SurveyRules {
            origin,
            model_key: "m",
            experiment: "e",
            replication: 2,
        };
        survey(json.as_bytes(), rules)
    }

    fn record(trial_id: u32, place: u32, more: &str) -> String {
        format!(
            r#"{{"story": "s", "trial_id": {trial_id}, "trial_order_in_replication": {place},
                "replication_id": 2, "model_key": "m", "experiment_name": "e",
                "outcomes": {{"q": {{"outcome": "answered", "reason": null}}}}{more}}}"#
        )
    }

    #[track_caller]
    fn refuses(records: &[String], reason: &str) {
        let error = of(&format!("[{}]", records.join(",")), Origin::Grace).unwrap_err();
        assert!(error.contains(reason), "{error}");
    }

    #[test]
    fn trials_and_outcomes_are_counted() {
        let records = [record(5, 0, ""), record(3, 1, ""), record(5, 2, "")];
        let survey = of(&format!("[{}]", records.join(",")), Origin::Grace).unwrap();
        assert_eq!((survey.records, survey.duplicates), (3, 1));
        assert_eq!(survey.outcomes[&Outcome::Answered], 3);
    }

    #[test]
    fn records_of_one_file_have_the_same_fields() {
        refuses(&[record(0, 0, ""), record(1, 1, r#", "x": 1"#)], "has `x`");
        refuses(
            &[record(0, 0, r#", "x": 1"#), record(1, 1, "")],
            "lacks `x`",
        );
        refuses(&[record(0, 0, r#", "story": 1"#)], "`story` twice");
    }

    #[test]
    fn records_are_those_of_this_replication_and_experiment() {
        refuses(&[record(0, 1, "")], "not the record's place");
        refuses(
            &[record(0, 0, "").replace(r#""replication_id": 2"#, r#""replication_id": 3"#)],
            "`replication_id` is not that of metadata.json",
        );
        refuses(
            &[record(0, 0, "").replace(r#""m""#, r#""n""#)],
            "`model_key` is not that of metadata.json",
        );
        refuses(
            &[record(0, 0, "").replace(r#""e""#, r#""f""#)],
            "`experiment_name` is not",
        );
        refuses(
            &[record(0, 0, "").replace("answered", "guessed")],
            "is not an outcome",
        );
    }

    #[test]
    fn records_of_earlier_scripts_may_differ_and_tell_errors() {
        let json = r#"[{"a": "x", "response": "ERROR: timeout"}, {"a": "y"}, {"a": "z", "b": 2}]"#;
        let survey = of(json, Origin::Legacy).unwrap();
        assert_eq!((survey.records, survey.errors), (3, 1));
        assert_eq!(
            survey.observed.names().collect::<Vec<_>>(),
            ["a", "response", "b"]
        );
    }

    #[test]
    fn records_of_grace_without_metadata_are_no_earlier_results() {
        let json = format!("[{}]", record(0, 0, ""));
        assert!(
            of(&json, Origin::Legacy)
                .unwrap_err()
                .contains("no metadata.json")
        );
    }
}
