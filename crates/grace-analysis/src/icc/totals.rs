//! How many conditions are below the margin.

use std::collections::BTreeMap;

use grace_stats::one_way::{Margin, OneWay, Tally};
use serde::Serialize;

use super::row::IccRow;

/// The count of some rows of a table.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Total {
    /// What the rows have in common, such as a model; empty for all rows.
    pub of: String,
    /// All conditions with an ICC to ask for.
    pub conditions: u64,
    /// Those whose ICC is a number.
    pub estimable: u64,
    /// Those whose values are all equal; never counted as below.
    pub constant: u64,
    /// Those without enough values.
    pub not_estimable: u64,
    /// Of the estimable, those whose ICC, not clipped, is under the margin: the lab's criterion.
    pub below_by_estimate: u64,
    /// Whether these are more than half of the estimable.
    pub most_below_by_estimate: bool,
    /// Of the estimable, those whose whole interval is under the margin.
    pub below_by_interval: u64,
    /// Of the estimable, those whose whole interval is over the margin.
    pub above_by_interval: u64,
    /// Of the estimable, those whose interval holds the margin.
    pub not_resolved: u64,
    /// Deterministic measures, which have no part in any of these.
    pub deterministic: u64,
}

/// Counts rows by the level of `factor`, where they have one, and all together, which comes last.
pub fn totals(rows: &[IccRow], factor: &str, margin: Margin) -> Vec<Total> {
    let mut by_level: BTreeMap<&str, Vec<&IccRow>> = BTreeMap::new();
    for row in rows {
        if let Some(factor) = row.by.iter().find(|other| other.name == factor) {
            by_level.entry(&factor.level).or_default().push(row);
        }
    }
    let mut totals: Vec<Total> = by_level
        .iter()
        .map(|(level, rows)| Total::new(level, rows, margin))
        .collect();
    totals.push(Total::new("", &rows.iter().collect::<Vec<_>>(), margin));
    totals
}

impl Total {
    fn new(of: &str, rows: &[&IccRow], margin: Margin) -> Self {
        let analysed: Vec<&OneWay> = rows.iter().filter_map(|row| row.one_way.as_ref()).collect();
        let out_of_range = rows
            .iter()
            .filter(|row| row.one_way.is_none() && !row.is_deterministic());
        let tally = Tally::of(analysed.iter().copied(), margin);
        let out_of_range = out_of_range.count();
        Self {
            of: of.to_owned(),
            conditions: (tally.conditions + out_of_range) as u64,
            estimable: tally.estimable as u64,
            constant: tally.constant as u64,
            not_estimable: (tally.not_estimable + out_of_range) as u64,
            below_by_estimate: tally.estimated_below as u64,
            most_below_by_estimate: tally.most_estimated_below(),
            below_by_interval: tally.below as u64,
            above_by_interval: tally.above as u64,
            not_resolved: tally.not_resolved() as u64,
            deterministic: rows.iter().filter(|row| row.is_deterministic()).count() as u64,
        }
    }
}

impl IccRow {
    /// Whether the values are the same in every replication, but for numerical noise.
    pub fn is_deterministic(&self) -> bool {
        self.status == super::row::DETERMINISTIC
    }
}
