//! The table of intraclass correlations as CSV.

use std::collections::BTreeSet;

use super::row::{Field, IccRow};
use crate::lines::lines_to_csv;

/// The rows as CSV with a line of names; what is not defined is an empty field. A factor that only some rows have is a
/// column of all.
pub fn to_csv(rows: &[IccRow]) -> Vec<u8> {
    let mut factors: Vec<&str> = Vec::new();
    let mut known = BTreeSet::new();
    for factor in rows.iter().flat_map(|row| &row.by) {
        if known.insert(factor.name.as_str()) {
            factors.push(&factor.name);
        }
    }
    let own_measure = rows.iter().all(IccRow::has_own_measure);
    let mut names: Vec<String> = factors.iter().map(|&name| name.to_owned()).collect();
    names.extend(own_measure.then(|| String::from("measure")));
    names.extend(IccRow::field_names().map(str::to_owned));
    let lines = rows.iter().map(|row| fields(row, &factors, own_measure));
    lines_to_csv(std::iter::once(names).chain(lines))
}

fn fields(row: &IccRow, factors: &[&str], own_measure: bool) -> Vec<String> {
    let level = |name: &&str| {
        let mut by = row.by.iter();
        let factor = by.find(|factor| factor.name == *name);
        factor
            .map(|factor| factor.level.clone())
            .unwrap_or_default()
    };
    let mut fields: Vec<String> = factors.iter().map(level).collect();
    fields.extend(own_measure.then(|| row.measure.clone()));
    fields.extend(row.fields().into_iter().map(|(_, field)| text(field)));
    fields
}

fn text(field: Field) -> String {
    match field {
        Field::Word(word) => word.unwrap_or_default().to_owned(),
        Field::Count(count) => count.to_string(),
        Field::Flag(flag) => flag.map(|flag| flag.to_string()).unwrap_or_default(),
        Field::Number(number) => number
            .map(|number| format!("{number:?}"))
            .unwrap_or_default(),
    }
}
