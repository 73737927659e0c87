//! Whether answers change over the run, with the place in the order, with the machine, or by shared random numbers.
//!
//! Only measures of sampled text take part: scores are no draws.

mod centred;
mod csv;
mod machine;
mod shared;
mod slope;

pub use csv::to_csv;
pub use machine::{Machine, MachineSpread, Separation};
pub use shared::{SharedNumbers, SharedVerdict};
pub use slope::{Against, Slope};

use std::num::NonZeroUsize;

use serde::Serialize;

use crate::icc::{Cell, CellsError, Selection};
use crate::results::Results;
use crate::trials::Trials;

/// What may have moved answers besides the conditions.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Drift {
    /// Each measure against time and place, by experiment, model, measure and replication.
    pub slopes: Vec<Slope>,
    /// Each measure between nodes and between GPU types, by experiment, model and measure.
    pub machines: Vec<MachineSpread>,
    /// How often equal prompts get equal answers, by experiment, model and query.
    pub shared_numbers: Vec<SharedNumbers>,
}

impl Results {
    /// Looks for drift in everything that was sampled. The same results give the same numbers, whatever `threads` is.
    ///
    /// # Errors
    ///
    /// Returns [`CellsError`] if a file changed since it was read first.
    pub fn drift(&self, threads: NonZeroUsize) -> Result<Drift, CellsError> {
        let cells = self.cells(&Selection::default(), threads)?;
        let trials = self.trials(threads)?;
        Ok(Drift::of(self, &cells, &trials, threads))
    }
}

impl Drift {
    pub(crate) fn of(
        results: &Results,
        cells: &[Cell],
        trials: &[Trials],
        threads: NonZeroUsize,
    ) -> Self {
        let measures = centred::measures(cells);
        Self {
            slopes: slope::slopes(&measures, trials, threads),
            machines: machine::spreads(results, &measures),
            shared_numbers: shared::shared_numbers(trials, threads),
        }
    }
}
