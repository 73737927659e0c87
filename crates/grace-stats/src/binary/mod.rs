//! Measures that are yes or no.
//!
//! There are two scales, and figures of one must not be compared with the other. On the *observed*
//! scale the values are 0 and 1 and the ICC is that of [`one_way`](crate::one_way), or by
//! [`fleiss_cuzick`]. On the *latent* scale replications move the log-odds: `logit P(yes) = β +
//! σ u` with `u ~ N(0, 1)`, and `ICC = σ² / (σ² + π²/3)`, usually the larger one ([`fit`]).

mod counts;
mod fit;
mod fleiss_cuzick;
mod likelihood;
mod quadrature;
mod replication;

pub use counts::{Counts, NotBinaryError};
pub use fit::{Latent, LatentFit, LogOdds, fit};
pub use fleiss_cuzick::fleiss_cuzick;
