//! How often the answer was yes.

use thiserror::Error;

use crate::mixed::Crossed;
use crate::one_way::Groups;

/// Answers of 1 by replication and condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counts {
    replications: Vec<Vec<Cell>>,
    conditions: usize,
}

/// Answers of one replication under one condition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Cell {
    pub(super) yes: usize,
    pub(super) total: usize,
}

impl Cell {
    /// Whether all answers are the same.
    pub(super) fn is_constant(self) -> bool {
        self.yes == 0 || self.yes == self.total
    }

    fn add(&mut self, value: f64) -> Result<(), NotBinaryError> {
        if value != 0.0 && value != 1.0 {
            return Err(NotBinaryError { value });
        }
        self.yes += usize::from(value == 1.0);
        self.total += 1;
        Ok(())
    }
}

/// A value of a yes-or-no measure is neither.
#[derive(Clone, Debug, PartialEq, Error)]
#[error("value of a yes-or-no measure is {value}, expected 0 or 1")]
pub struct NotBinaryError {
    /// What was found.
    pub value: f64,
}

impl Counts {
    /// Counts the values of one condition.
    ///
    /// # Errors
    ///
    /// [`NotBinaryError`] for a value other than 0 and 1.
    pub fn from_groups(groups: &Groups) -> Result<Self, NotBinaryError> {
        let mut replications = Vec::new();
        for group in groups.values() {
            let mut cell = Cell::default();
            group.iter().try_for_each(|value| cell.add(*value))?;
            replications.push(vec![cell]);
        }
        Ok(Self {
            replications,
            conditions: 1,
        })
    }

    /// Counts the values of all conditions.
    ///
    /// # Errors
    ///
    /// [`NotBinaryError`] for a value other than 0 and 1.
    pub fn from_crossed(crossed: &Crossed) -> Result<Self, NotBinaryError> {
        let empty = vec![Cell::default(); crossed.conditions()];
        let mut replications = vec![empty; crossed.replications()];
        for (replication, condition, value) in crossed.values() {
            replications[replication][condition].add(value)?;
        }
        Ok(Self {
            replications,
            conditions: crossed.conditions(),
        })
    }

    /// The number of conditions.
    pub fn conditions(&self) -> usize {
        self.conditions
    }

    /// The cells of each replication, one for each condition.
    pub(super) fn replications(&self) -> impl Iterator<Item = &[Cell]> {
        self.replications.iter().map(Vec::as_slice)
    }

    /// All answers of a condition.
    pub(super) fn condition(&self, condition: usize) -> Cell {
        sum(self.replications().map(|cells| cells[condition]))
    }

    /// The conditions whose answers are all the same, whose log-odds have no bound.
    pub(super) fn constant_conditions(&self) -> Vec<usize> {
        let conditions = 0..self.conditions;
        conditions
            .filter(|condition| self.condition(*condition).is_constant())
            .collect()
    }

    /// Without some conditions, and without the replications that this leaves empty.
    pub(super) fn without(&self, dropped: &[usize]) -> Self {
        let kept = |cells: &[Cell]| -> Vec<Cell> {
            let cells = cells.iter().enumerate();
            let kept = cells.filter(|(condition, _)| !dropped.contains(condition));
            kept.map(|(_, cell)| *cell).collect()
        };
        let replications = self.replications().map(kept);
        Self {
            replications: replications
                .filter(|cells| sum(cells.iter().copied()).total > 0)
                .collect(),
            conditions: self.conditions - dropped.len(),
        }
    }
}

/// The answers of several cells together.
pub(super) fn sum(cells: impl IntoIterator<Item = Cell>) -> Cell {
    let add = |sum: Cell, cell: Cell| Cell {
        yes: sum.yes + cell.yes,
        total: sum.total + cell.total,
    };
    cells.into_iter().fold(Cell::default(), add)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_values_than_0_and_1_are_refused() {
        let groups = Groups::from_rows([(0, Some(1.0)), (0, Some(0.5))]).unwrap();
        assert_eq!(
            Counts::from_groups(&groups).unwrap_err().to_string(),
            "value of a yes-or-no measure is 0.5, expected 0 or 1"
        );
    }

    #[test]
    fn replications_that_only_have_dropped_conditions_are_dropped() {
        let rows = [(0, 'a', 1.0), (0, 'b', 0.0), (1, 'b', 0.0), (0, 'a', 0.0)];
        let rows = rows.map(|(replication, condition, v)| (replication, condition, Some(v)));
        let counts = Counts::from_crossed(&Crossed::from_rows(rows).unwrap()).unwrap();
        assert_eq!(counts.constant_conditions(), [1]);
        let kept = counts.without(&[1]);
        assert_eq!(kept.replications, [[Cell { yes: 1, total: 2 }]]);
    }
}
