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

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use grace_stats::law::Confidence;
use grace_stats::one_way::Margin;

use crate::parallel;

/// The rows of a table of intraclass correlations, one for each cell, in the order of the cells.
///
/// Verdicts are by the 95 % interval; a cell whose values are [deterministic](Cell::deterministic) has a
/// [noise floor](Noise) and no ICC. The rows do not depend on `threads`.
pub fn analyse(cells: &[Cell], margin: Margin, threads: NonZeroUsize) -> Vec<IccRow> {
    let scales = scales(cells);
    parallel::map(cells.len(), threads, |number, (): &mut ()| {
        let scale = scales[number];
        IccRow::of(&cells[number], scale, margin, Confidence::P95)
    })
}

/// The scale of the measure of each cell. A measure is on one scale in all its cells: answers from 0 to 3 that happen to
/// be 0 and 1 under one condition are no yes and no.
fn scales(cells: &[Cell]) -> Vec<Scale> {
    let measure = |cell: &Cell| {
        let experiment = cell.by.iter().find(|factor| factor.name == "experiment");
        let experiment = experiment.map(|factor| factor.level.clone());
        (experiment, cell.measure.clone())
    };
    let mut binary: BTreeMap<_, bool> = BTreeMap::new();
    for cell in cells {
        *binary.entry(measure(cell)).or_insert(true) &= cell.is_binary() && !cell.deterministic;
    }
    let scale = |cell| {
        if binary[&measure(cell)] {
            Scale::Binary
        } else {
            Scale::Numeric
        }
    };
    cells.iter().map(scale).collect()
}
