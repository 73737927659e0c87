//! How much replications differ: the intraclass correlation of every measure under every condition.
//!
//! A [`Cell`] holds the values of one measure under one condition, by replication; [`analyse`] makes an
//! [`IccRow`] of each. Cells come from [results](crate::Results::cells) or from any [table](cells_of_table). All
//! statistics are those of grace-stats.

mod cell;
mod collect;
mod csv;
mod measure;
mod noise;
mod pooled;
mod row;
mod table;
mod totals;
mod wanted;

pub use cell::{Cell, Factor, Value};
pub use collect::{CellsError, Selection};
pub use csv::to_csv;
pub use noise::Noise;
pub use pooled::{PooledRow, pooled, pooled_to_csv};
pub use row::{IccRow, Scale};
pub use table::{TableColumns, TableError, cells_of_table};
pub use totals::{Total, totals};

use std::num::NonZeroUsize;

use grace_stats::law::Confidence;
use grace_stats::one_way::Margin;

use crate::parallel;

/// The rows of a table of intraclass correlations, one for each cell, in the order of the cells.
///
/// Verdicts are by the 95 % interval; a cell whose values are [deterministic](Cell::deterministic) has a
/// [noise floor](Noise) and no ICC. The rows do not depend on `threads`.
pub fn analyse(cells: &[Cell], margin: Margin, threads: NonZeroUsize) -> Vec<IccRow> {
    parallel::map(cells.len(), threads, |number, (): &mut ()| {
        IccRow::of(&cells[number], margin, Confidence::P95)
    })
}
