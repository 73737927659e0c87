//! The values of one measure under one condition.

use grace_stats::ValueError;
use grace_stats::one_way::Groups;
use serde::Serialize;

/// A factor and its level, such as `access` and `3`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[non_exhaustive]
pub struct Factor {
    /// The name.
    pub name: String,
    /// The level.
    pub level: String,
}

impl Factor {
    /// A factor and its level.
    pub fn new(name: impl Into<String>, level: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            level: level.into(),
        }
    }
}

/// One value with where it comes from.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Value {
    /// The place of the replication among those of the cell's data.
    pub replication: u32,
    /// The row of the stimulus, where it is known.
    pub trial: Option<u32>,
    /// The value; `None` if there is no answer.
    pub value: Option<f64>,
}

impl Value {
    /// A value of a replication.
    pub fn new(replication: u32, trial: Option<u32>, value: Option<f64>) -> Self {
        Self {
            replication,
            trial,
            value,
        }
    }
}

/// The values of one measure under one condition.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Cell {
    /// Model, experiment, condition: whatever tells the cell from others.
    pub by: Vec<Factor>,
    /// The measure, such as `quantity`, or `quality=good` for one level of several.
    pub measure: String,
    /// Whether the same trial has the same value in every replication, but for numerical noise: scores.
    pub deterministic: bool,
    /// The values in any order.
    pub values: Vec<Value>,
}

impl Cell {
    /// A cell of values that are drawn anew in every replication.
    pub fn new(by: Vec<Factor>, measure: impl Into<String>, values: Vec<Value>) -> Self {
        Self {
            by,
            measure: measure.into(),
            deterministic: false,
            values,
        }
    }

    /// The values by replication.
    ///
    /// # Errors
    ///
    /// Returns [`ValueError`] for a value that is no finite number of reasonable size.
    pub fn groups(&self) -> Result<Groups, ValueError> {
        let values = self.values.iter();
        Groups::from_rows(values.map(|value| (value.replication, value.value)))
    }

    /// Whether all values are 0 or 1.
    pub fn is_binary(&self) -> bool {
        let mut values = self.values.iter().filter_map(|value| value.value);
        values.all(|value| value.abs() < f64::EPSILON || (value - 1.0).abs() < f64::EPSILON)
    }
}
