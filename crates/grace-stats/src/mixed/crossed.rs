//! Values, by replication and condition.

use std::collections::{BTreeMap, BTreeSet};

use crate::ValueError;
use crate::value::check;

/// The values of one measure, crossed by replication and condition.
///
/// Cells may be empty, and sizes may differ. Missing values are left out and counted.
#[derive(Clone, Debug, PartialEq)]
pub struct Crossed {
    /// By replication, then by condition; a cell without values is absent.
    replications: Vec<BTreeMap<usize, Vec<f64>>>,
    conditions: usize,
    missing: usize,
}

impl Crossed {
    /// Groups rows of a replication's label, a condition's label and a value, `None` where it is
    /// missing.
    ///
    /// Replications and conditions are in the order of their labels; those without any value are
    /// left out.
    ///
    /// # Errors
    ///
    /// [`ValueError`] for NaN, infinity, or a magnitude over 1e150.
    pub fn from_rows<L: Ord, C: Ord>(
        rows: impl IntoIterator<Item = (L, C, Option<f64>)>,
    ) -> Result<Self, ValueError> {
        let mut found = Vec::new();
        let mut missing = 0;
        for (row, (replication, condition, value)) in rows.into_iter().enumerate() {
            match value {
                None => missing += 1,
                Some(value) => {
                    found.push((replication, condition, check(row, value)?));
                }
            }
        }
        let labels: BTreeSet<&C> = found.iter().map(|(_, condition, _)| condition).collect();
        let places: BTreeMap<&C, usize> = labels.into_iter().zip(0..).collect();
        let mut replications: BTreeMap<&L, BTreeMap<usize, Vec<f64>>> = BTreeMap::new();
        for (replication, condition, value) in &found {
            let cells = replications.entry(replication).or_default();
            cells.entry(places[condition]).or_default().push(*value);
        }
        Ok(Self {
            replications: replications.into_values().collect(),
            conditions: places.len(),
            missing,
        })
    }

    /// The number of replications that have values.
    pub fn replications(&self) -> usize {
        self.replications.len()
    }

    /// The number of conditions that have values.
    pub fn conditions(&self) -> usize {
        self.conditions
    }

    /// The number of values.
    pub fn total(&self) -> usize {
        self.values().count()
    }

    /// The number of rows whose value was missing.
    pub fn missing(&self) -> usize {
        self.missing
    }

    /// Each value with its replication and condition, counted from 0.
    pub(crate) fn values(&self) -> impl Iterator<Item = (usize, usize, f64)> {
        let replications = self.replications.iter().enumerate();
        replications.flat_map(|(replication, cells)| {
            cells.iter().flat_map(move |(condition, values)| {
                values
                    .iter()
                    .map(move |value| (replication, *condition, *value))
            })
        })
    }
}
