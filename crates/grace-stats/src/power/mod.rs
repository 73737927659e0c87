//! What a planned study can show.
//!
//! For balanced normal data everything is known beforehand: with *k* replications of *n* trials and
//! a true ICC `ρ`, the ratio of mean squares is `(1 + n ρ / (1 − ρ))` times an F with `k − 1` and
//! `k (n − 1)` degrees of freedom, and estimate, interval and verdict are functions of that ratio.
//! For yes-or-no measures near 0 or 1 the real chances are worse.

mod chances;
mod design;
mod integral;

pub use chances::{Chances, Scenario, ScenarioError, smallest_replications};
pub use design::{Design, DesignError};
