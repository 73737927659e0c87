//! The table of intraclass correlations as CSV.

use std::collections::BTreeSet;

use super::row::{IccRow, Scale};
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
    let mut names: Vec<&str> = factors.clone();
    names.extend(own_measure.then_some("measure"));
    names.extend([
        "scale",
        "status",
        "replications",
        "trials",
        "missing",
        "verdict",
        "below_by_estimate",
    ]);
    let numbers = rows.first().map(IccRow::numbers);
    names.extend(numbers.iter().flatten().map(|(name, _)| *name));
    names.push("latent_status");
    let names = names.into_iter().map(str::to_owned).collect();
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
    let scale = match row.scale {
        Scale::Numeric => "numeric",
        Scale::Binary => "binary",
    };
    let mut fields: Vec<String> = factors.iter().map(level).collect();
    fields.extend(own_measure.then(|| row.measure.clone()));
    fields.extend([
        scale.to_owned(),
        row.status.to_owned(),
        row.replications.to_string(),
        row.trials.to_string(),
        row.missing.to_string(),
        row.verdict.unwrap_or_default().to_owned(),
        row.below_by_estimate
            .map(|below| below.to_string())
            .unwrap_or_default(),
    ]);
    let number = |(_, number): &(&str, Option<f64>)| {
        number
            .map(|number| format!("{number:?}"))
            .unwrap_or_default()
    };
    fields.extend(row.numbers().iter().map(number));
    fields.push(row.latent_status().unwrap_or_default().to_owned());
    fields
}
