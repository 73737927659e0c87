//! How much replications differ: the one-way random-effects model.
//!
//! Value *j* of replication *i* is `y_ij = μ + b_i + e_ij`, with independent `b ~ (0, σ²_b)` and
//! `e ~ (0, σ²_w)`. Its intraclass correlation `ICC(1) = σ²_b / (σ²_b + σ²_w)` is the share of the
//! variance that lies between replications. Numbers of values may differ between replications.
//!
//! [`Groups`] hold the values; [`analyse`] says first whether there is an answer at all
//! ([`OneWay`]), then what it is ([`Estimate`]).

mod analysis;
mod anova;
mod components;
mod groups;
mod permuted;
mod reml;
mod status;
mod summary;
mod tally;
mod verdict;
mod wald;

pub use analysis::{Estimate, OneWay, Perfect, analyse};
pub use anova::Anova;
pub use components::VarianceComponents;
pub use groups::Groups;
pub use permuted::permutation_test;
pub use reml::Reml;
pub use status::{NotEstimable, Status};
pub use tally::Tally;
pub use verdict::{Margin, MarginError, Verdict};
