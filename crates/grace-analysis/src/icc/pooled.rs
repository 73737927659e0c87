//! All conditions of a measure together.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use grace_stats::mixed::{Crossed, Mixed, fit};
use serde::Serialize;

use super::cell::{Cell, Factor};
use crate::lines::lines_to_csv;
use crate::parallel;

/// The names of factors that are never pooled.
const APART: [&str; 2] = ["experiment", "model"];

/// The REML fit of `value ~ condition + (1 | replication)`: status first, number second.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PooledRow {
    /// The experiment; empty for the cells of a table.
    pub experiment: String,
    /// The model; empty for the cells of a table.
    pub model: String,
    /// The measure.
    pub measure: String,
    /// Why there is a fit or none.
    pub status: &'static str,
    /// Replications with values.
    pub replications: u64,
    /// Conditions with values.
    pub conditions: u64,
    /// Values.
    pub trials: u64,
    /// Rows without a value.
    pub missing: u64,
    /// Variance between replications, in squared units of the measure; 0 at the boundary.
    pub var_between: Option<f64>,
    /// Residual variance, in squared units of the measure.
    pub var_within: Option<f64>,
    /// The share of the first in both.
    pub icc: Option<f64>,
    /// The restricted likelihood-ratio test of no variance between replications.
    pub p: Option<f64>,
}

/// Fits each measure over all its conditions, by experiment, model and measure; deterministic cells are left out. The
/// rows do not depend on `threads`.
pub fn pooled(cells: &[Cell], threads: NonZeroUsize) -> Vec<PooledRow> {
    let mut measures: BTreeMap<(Vec<&str>, &str), Vec<&Cell>> = BTreeMap::new();
    for cell in cells.iter().filter(|cell| !cell.deterministic) {
        let apart = APART.map(|name| level(&cell.by, name)).to_vec();
        measures
            .entry((apart, &cell.measure))
            .or_default()
            .push(cell);
    }
    let measures: Vec<_> = measures.into_iter().collect();
    parallel::map(measures.len(), threads, |number, (): &mut ()| {
        let ((apart, measure), cells) = &measures[number];
        row(apart, measure, cells)
    })
}

fn level<'f>(by: &'f [Factor], name: &str) -> &'f str {
    let factor = by.iter().find(|factor| factor.name == name);
    factor.map_or("", |factor| &factor.level)
}

fn row(apart: &[&str], measure: &str, cells: &[&Cell]) -> PooledRow {
    let rows = cells.iter().enumerate().flat_map(|(condition, cell)| {
        let values = cell.values.iter();
        values.map(move |value| (value.replication, condition, value.value))
    });
    let mut row = PooledRow {
        experiment: apart[0].to_owned(),
        model: apart[1].to_owned(),
        measure: measure.to_owned(),
        status: super::row::NO_NUMBER,
        replications: 0,
        conditions: 0,
        trials: 0,
        missing: 0,
        var_between: None,
        var_within: None,
        icc: None,
        p: None,
    };
    let Ok(crossed) = Crossed::from_rows(rows) else {
        return row;
    };
    row.replications = crossed.replications() as u64;
    row.conditions = crossed.conditions() as u64;
    row.trials = crossed.total() as u64;
    row.missing = crossed.missing() as u64;
    let mixed = fit(&crossed);
    row.status = mixed.status().as_str();
    if let Mixed::Fitted(fit) = mixed {
        row.var_between = Some(fit.between);
        row.var_within = Some(fit.within);
        row.icc = Some(fit.icc);
        row.p = Some(fit.lrt_p());
    }
    row
}

const NAMES: [&str; 12] = [
    "experiment",
    "model",
    "measure",
    "status",
    "replications",
    "conditions",
    "trials",
    "missing",
    "var_between",
    "var_within",
    "icc",
    "p",
];

/// The rows as CSV with a line of names; what is not defined is an empty field.
pub fn pooled_to_csv(rows: &[PooledRow]) -> Vec<u8> {
    let number = |number: Option<f64>| number.map(|x| format!("{x:?}")).unwrap_or_default();
    let fields = |row: &PooledRow| {
        vec![
            row.experiment.clone(),
            row.model.clone(),
            row.measure.clone(),
            row.status.to_owned(),
            row.replications.to_string(),
            row.conditions.to_string(),
            row.trials.to_string(),
            row.missing.to_string(),
            number(row.var_between),
            number(row.var_within),
            number(row.icc),
            number(row.p),
        ]
    };
    let names = NAMES.map(str::to_owned).to_vec();
    lines_to_csv(std::iter::once(names).chain(rows.iter().map(fields)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::icc::Value;

    fn cell(model: &str, condition: &str, values: &[(u32, f64)]) -> Cell {
        let by = [("experiment", "e"), ("model", model), ("c", condition)];
        let by = by.map(|(name, level)| Factor::new(name, level)).to_vec();
        let value =
            |(replication, value): &(u32, f64)| Value::new(*replication, None, Some(*value));
        Cell::new(by, "x", values.iter().map(value).collect())
    }

    #[test]
    fn conditions_are_pooled_and_models_are_not() {
        let cells = [
            cell("a", "low", &[(0, 1.0), (0, 2.0), (1, 4.0), (1, 5.0)]),
            cell("a", "high", &[(0, 11.0), (0, 12.0), (1, 14.0), (1, 15.0)]),
            cell("b", "low", &[(0, 1.0), (1, 1.0)]),
        ];
        let rows = pooled(&cells, NonZeroUsize::MIN);
        let shown: Vec<_> = rows
            .iter()
            .map(|row| (row.model.as_str(), row.status, row.conditions, row.trials))
            .collect();
        assert_eq!(
            shown,
            [("a", "ok", 2, 8), ("b", "not_estimable_no_within_df", 1, 2)]
        );
        // Replications' means differ by 3, so the mean square between is 4 · 2 · 1.5²; within it is 2 / 5.
        let (between, within) = (18.0, 0.4);
        let icc = (between - within) / (between + 3.0 * within);
        assert!((rows[0].icc.unwrap() - icc).abs() < 1e-9, "{:?}", rows[0]);
    }
}
