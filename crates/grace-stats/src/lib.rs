#![doc = include_str!("../README.md")]
#![expect(
    clippy::float_cmp,
    reason = "whether values are constant, and certain limits, are questions of equality"
)]

pub mod distribution;
