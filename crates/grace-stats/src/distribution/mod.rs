//! Distributions over the options of an answer.
//!
//! A [`Distribution`] is made from log-probabilities (or weights) and always sums to 1; a
//! [`ValuedDistribution`] also knows the number that each option stands for.

mod binary;
mod error;
mod options;
mod valued;

pub use binary::binary_entropy_bits;
pub use error::DistributionError;
pub use options::Distribution;
pub use valued::ValuedDistribution;
