//! Values, grouped by replication.

use std::collections::BTreeMap;

use crate::ValueError;
use crate::value::check;

/// The values of one measure under one condition, grouped by replication.
///
/// Missing values are left out and counted; a replication without values is no group.
///
/// # Examples
///
/// ```
/// use grace_stats::one_way::Groups;
///
/// let rows = [(7, Some(1.0)), (2, Some(3.0)), (7, None), (5, None), (2, Some(2.0))];
/// let groups = Groups::from_rows(rows)?;
/// assert_eq!(groups.values().collect::<Vec<_>>(), [[3.0, 2.0].as_slice(), &[1.0]]);
/// assert_eq!(groups.missing(), 2);
/// # Ok::<(), grace_stats::ValueError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Groups {
    values: Vec<Vec<f64>>,
    missing: usize,
}

impl Groups {
    /// Groups rows of a replication's label and a value, `None` where it is missing.
    ///
    /// Rows may come in any order, and labels may have gaps. The groups are in the order of their
    /// labels.
    ///
    /// # Errors
    ///
    /// [`ValueError`] for NaN, infinity, or a magnitude over 1e150. No rows at all, or no values,
    /// are no error but a [status](crate::one_way::NotEstimable::NoData).
    pub fn from_rows<L: Ord>(
        rows: impl IntoIterator<Item = (L, Option<f64>)>,
    ) -> Result<Self, ValueError> {
        let mut groups: BTreeMap<L, Vec<f64>> = BTreeMap::new();
        let mut missing = 0;
        for (row, (label, value)) in rows.into_iter().enumerate() {
            match value {
                None => missing += 1,
                Some(value) => {
                    let value = check(row, value)?;
                    groups.entry(label).or_default().push(value);
                }
            }
        }
        let values = groups.into_values().collect();
        Ok(Self { values, missing })
    }

    /// The values of each replication that has any, in the order of the labels; within a
    /// replication in the order of the rows.
    pub fn values(&self) -> impl ExactSizeIterator<Item = &[f64]> {
        self.values.iter().map(Vec::as_slice)
    }

    /// The number of replications that have values, *k*.
    pub fn count(&self) -> usize {
        self.values.len()
    }

    /// The number of values, *N*.
    pub fn total(&self) -> usize {
        self.values.iter().map(Vec::len).sum()
    }

    /// The number of rows whose value was missing.
    pub fn missing(&self) -> usize {
        self.missing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_number_is_named_by_its_row() {
        let error = |value| Groups::from_rows([(0, None), (0, Some(value))]).unwrap_err();
        assert_eq!(
            error(f64::NAN).to_string(),
            "value of row 1 is NaN, expected a number between -1e150 and 1e150"
        );
        assert_eq!(error(f64::INFINITY).row, 1);
        assert_eq!(error(-1.1e150).value, -1.1e150);
    }

    #[test]
    fn no_rows_are_no_groups() {
        let groups = Groups::from_rows::<u32>([]).unwrap();
        assert_eq!(
            (groups.count(), groups.total(), groups.missing()),
            (0, 0, 0)
        );
    }
}
