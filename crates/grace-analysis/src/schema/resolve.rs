//! One schema for all files of an experiment, and the files that do not fit it.

use std::collections::BTreeMap;

use super::column::{Column, ColumnType, Schema};
use super::definition::Definition;
use super::fields::{KEYS, stated_type};
use super::kinds::Kinds;

/// The columns of one file, as its records have them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Observed {
    /// Names in the order of their first appearance.
    pub(crate) columns: Vec<(String, Kinds)>,
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
    pub(crate) fn misfits(&self, schema: &Schema) -> Vec<Misfit> {
        let types: BTreeMap<&str, ColumnType> = schema
            .columns()
            .iter()
            .map(|column| (column.name.as_str(), column.kind))
            .collect();
        let misfit = |(name, kinds): &(String, Kinds)| {
            let expected = *types.get(name.as_str())?;
            let (kind, record) = kinds.misfit(expected)?;
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
/// stimuli's and those that nobody knows, all files together show the type; if no type holds all of them, most files
/// decide, and of as many the earlier ones. The columns that say which row it is come first, the others as in the
/// records, and last those that only some files have.
pub(crate) fn resolve<'a>(
    files: impl Iterator<Item = &'a Observed> + Clone,
    definition: Option<&Definition>,
) -> Schema {
    let mut names: Vec<&str> = KEYS.to_vec();
    let mut observed: BTreeMap<&str, Vec<&Kinds>> = BTreeMap::new();
    for (name, kinds) in files.flat_map(|file| &file.columns) {
        if !observed.contains_key(name.as_str()) && !KEYS.contains(&name.as_str()) {
            names.push(name);
        }
        observed.entry(name).or_default().push(kinds);
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

/// The type that values show; text if all are missing.
fn shown_by(files: &[&Kinds]) -> ColumnType {
    let mut together = Kinds::default();
    for (kind, record) in files.iter().flat_map(|kinds| kinds.iter()) {
        together.note(kind, record);
    }
    if let Some(kind) = together.narrowest() {
        return kind;
    }
    let types: Vec<ColumnType> = files.iter().filter_map(|kinds| kinds.narrowest()).collect();
    let votes = |kind: &ColumnType| types.iter().filter(|other| *other == kind).count();
    // Of equal maxima `max_by_key` takes the last.
    let most = types.iter().rev().max_by_key(|kind| votes(kind));
    most.copied().unwrap_or(ColumnType::Text)
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
        let misfits = files[0].misfits(&schema);
        assert_eq!((misfits[0].record, misfits[0].found), (7, "text"));
        assert_eq!(
            typed(&resolve(files[..2].iter(), None)),
            [("x", ColumnType::Text)]
        );
    }

    #[test]
    fn a_stated_type_is_not_voted_on() {
        let files = [file(&[
            ("request_seeds.q", Kind::Text),
            ("status", Kind::Natural),
        ])];
        let schema = resolve(files.iter(), None);
        assert_eq!(files[0].misfits(&schema).len(), 2);
    }
}
