//! How much replications differ over all conditions: a mixed model.
//!
//! `value ~ condition + (1 | replication)`: each condition has a mean of its own (fixed effects),
//! and each replication moves all of them alike (random effect, variance `σ²_b`). The *adjusted
//! ICC* is `σ²_b / (σ²_b + σ²_w)`, the share of the variance left within conditions that lies
//! between replications.

mod crossed;
mod fit;
mod likelihood;

pub use crossed::Crossed;
pub use fit::{ConditionEffect, Mixed, MixedFit, fit};
