//! One schema for all files of an experiment, and the files that do not fit it.

use std::collections::BTreeMap;

use super::column::{Column, ColumnType, Schema};
use super::definition::{Definition, Role};
use super::fields::{KEYS, stated_type};
use super::kinds::Kinds;

/// The columns of one file, as its records have them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Observed {
    /// Names in the order of their first appearance.
    pub(crate) columns: Vec<(String, Kinds)>,
    /// Whether an earlier script wrote it: pandas makes numbers of stimuli that look like some.
    pub(crate) legacy: bool,
}

/// A value that is not of its column's type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Misfit {
    /// The column.
    pub(crate) column: String,
    /// The record, from 0.
    pub(crate) record: u32,
    /// What it holds.
    pub(crate) found: &'static str,
    /// What the column holds.
    pub(crate) expected: &'static str,
}

impl Observed {
    /// The names of the columns.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> + Clone {
        self.columns.iter().map(|(name, _)| name.as_str())
    }

    /// The values that do not fit `schema`, one a column.
    pub(crate) fn misfits(&self, schema: &Schema, definition: Option<&Definition>) -> Vec<Misfit> {
        let types: BTreeMap<&str, ColumnType> = schema
            .columns()
            .iter()
            .map(|column| (column.name.as_str(), column.kind))
            .collect();
        let misfit = |(name, kinds): &(String, Kinds)| {
            let expected = *types.get(name.as_str())?;
            let becomes_text =
                self.legacy && expected == ColumnType::Text && !is_answer(name, definition);
            let misfit = if becomes_text {
                kinds.nested()
            } else {
                kinds.misfit(expected)
            };
            let (kind, record) = misfit?;
            Some(Misfit {
                column: name.clone(),
                record,
                found: kind.as_str(),
                expected: expected.as_str(),
            })
        };
        self.columns.iter().filter_map(misfit).collect()
    }
}

/// The schema of a table that holds all `files`.
///
/// Grace states the types of its own columns, `definition` those of the queries. Of other columns, which are the
/// stimuli's and those that nobody knows, all files together show the type; if no type holds all of them, those that
/// grace wrote decide, else most files, and of as many the earlier ones. The columns that say which row it is come first, the others as in the
/// records, and last those that only some files have.
pub(crate) fn resolve<'a>(
    files: impl Iterator<Item = &'a Observed> + Clone,
    definition: Option<&Definition>,
) -> Schema {
    let mut names: Vec<&str> = KEYS.to_vec();
    let mut observed: BTreeMap<&str, Vec<(&Kinds, bool)>> = BTreeMap::new();
    let columns = files.flat_map(|file| file.columns.iter().map(|column| (column, file.legacy)));
    for ((name, kinds), legacy) in columns {
        if !observed.contains_key(name.as_str()) && !KEYS.contains(&name.as_str()) {
            names.push(name);
        }
        observed.entry(name).or_default().push((kinds, legacy));
    }
    let column = |name: &str| {
        let stated = stated_type(name).or_else(|| definition?.stated_type(name));
        let kinds = observed.get(name).map(Vec::as_slice).unwrap_or_default();
        Column {
            name: name.to_owned(),
            kind: stated.unwrap_or_else(|| shown_by(kinds)),
        }
    };
    let mut columns: Vec<Column> = names.iter().map(|name| column(name)).collect();
    // Earlier scripts wrote no conditions; they follow from the stimuli.
    if !names.iter().any(|name| name.starts_with("conditions.")) {
        let conditions = definition
            .into_iter()
            .flat_map(|definition| &definition.conditions);
        columns.extend(conditions.map(|condition| Column {
            name: format!("conditions.{}", condition.name),
            kind: ColumnType::Text,
        }));
    }
    Schema::new(columns)
}

/// Whether a column holds what is read from answers.
fn is_answer(column: &str, definition: Option<&Definition>) -> bool {
    let role = definition.and_then(|definition| definition.role(column));
    role.is_some_and(|role| role != Role::Raw)
}

/// The type that values show; text if all are missing. With each file comes whether an earlier script wrote it.
fn shown_by(files: &[(&Kinds, bool)]) -> ColumnType {
    let all = || files.iter().map(|(kinds, _)| *kinds);
    let of_grace: Vec<&Kinds> = files
        .iter()
        .filter(|(_, legacy)| !legacy)
        .map(|(kinds, _)| *kinds)
        .collect();
    narrowest(all())
        .or_else(|| narrowest(of_grace.iter().copied()))
        .or_else(|| most(of_grace.iter().copied()))
        .or_else(|| most(all()))
        .unwrap_or(ColumnType::Text)
}

/// The narrowest type that holds the values of all files.
fn narrowest<'k>(files: impl Iterator<Item = &'k Kinds>) -> Option<ColumnType> {
    let mut together = Kinds::default();
    for (kind, record) in files.flat_map(Kinds::iter) {
        together.note(kind, record);
    }
    together.narrowest()
}

/// The type of most files, and of as many that of the first.
fn most<'k>(files: impl Iterator<Item = &'k Kinds>) -> Option<ColumnType> {
    let types: Vec<ColumnType> = files.filter_map(Kinds::narrowest).collect();
    let votes = |kind: &ColumnType| types.iter().filter(|other| *other == kind).count();
    // Of equal maxima `max_by_key` takes the last.
    types.iter().rev().max_by_key(|kind| votes(kind)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Kind;

    fn file(columns: &[(&str, Kind)]) -> Observed {
        let column = |(name, kind): &(&str, Kind)| {
            let mut kinds = Kinds::default();
            kinds.note(*kind, 7);
            ((*name).to_owned(), kinds)
        };
        Observed {
            columns: columns.iter().map(column).collect(),
            legacy: false,
        }
    }

    fn legacy(columns: &[(&str, Kind)]) -> Observed {
        Observed {
            legacy: true,
            ..file(columns)
        }
    }

    fn typed(schema: &Schema) -> Vec<(&str, ColumnType)> {
        let columns = schema.columns().iter();
        columns
            .map(|column| (column.name.as_str(), column.kind))
            .skip(KEYS.len())
            .collect()
    }

    #[test]
    fn keys_come_first_and_late_columns_last() {
        let files = [
            file(&[
                ("story", Kind::Text),
                ("trial_id", Kind::Natural),
                ("x", Kind::Null),
            ]),
            file(&[
                ("new", Kind::Bool),
                ("story", Kind::Null),
                ("x", Kind::Natural),
            ]),
        ];
        let schema = resolve(files.iter(), None);
        assert_eq!(
            typed(&schema),
            [
                ("story", ColumnType::Text),
                ("x", ColumnType::Integer),
                ("new", ColumnType::Bool)
            ]
        );
        assert_eq!(schema.position("model_key"), Some(0));
        assert_eq!(schema.position("trial_id"), Some(3));
    }

    #[test]
    fn whole_numbers_and_others_share_a_column() {
        let files = [file(&[("x", Kind::Natural)]), file(&[("x", Kind::Number)])];
        assert_eq!(
            typed(&resolve(files.iter(), None)),
            [("x", ColumnType::Number)]
        );
    }

    #[test]
    fn most_files_decide_where_they_disagree() {
        let files = [
            file(&[("x", Kind::Text)]),
            file(&[("x", Kind::Natural)]),
            file(&[("x", Kind::Natural)]),
        ];
        let schema = resolve(files.iter(), None);
        assert_eq!(typed(&schema), [("x", ColumnType::Integer)]);
        let misfits = files[0].misfits(&schema, None);
        assert_eq!((misfits[0].record, misfits[0].found), (7, "text"));
        assert_eq!(
            typed(&resolve(files[..2].iter(), None)),
            [("x", ColumnType::Text)]
        );
    }

    #[test]
    fn files_of_grace_are_not_outvoted_by_earlier_ones() {
        let files = [
            legacy(&[("x", Kind::Natural)]),
            legacy(&[("x", Kind::Pointed)]),
            file(&[("x", Kind::Text)]),
        ];
        let schema = resolve(files.iter(), None);
        assert_eq!(typed(&schema), [("x", ColumnType::Text)]);
        let misfits = files.iter().flat_map(|file| file.misfits(&schema, None));
        assert_eq!(misfits.count(), 0);
        let nested = legacy(&[("x", Kind::Nested)]);
        assert_eq!(nested.misfits(&schema, None)[0].found, "an array or object");
    }

    #[test]
    fn a_stated_type_is_not_voted_on() {
        let files = [file(&[
            ("request_seeds.q", Kind::Text),
            ("status", Kind::Natural),
        ])];
        let schema = resolve(files.iter(), None);
        assert_eq!(files[0].misfits(&schema, None).len(), 2);
    }
}
