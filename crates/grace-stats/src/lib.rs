#![doc = include_str!("../README.md")]
#![expect(
    clippy::float_cmp,
    reason = "whether values are constant, and certain limits, are questions of equality"
)]

pub mod binary;
pub mod describe;
pub mod distribution;
pub mod law;
pub mod mixed;
pub mod one_way;
pub mod power;
pub mod random;
pub mod ratings;
pub mod shared_numbers;

mod cholesky;
mod interval;
mod profile;
mod units;
mod value;

pub use interval::Interval;
pub use value::ValueError;
