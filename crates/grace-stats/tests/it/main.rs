//! `grace-stats` as its users see it.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests are tests, which clippy does not see"
)]
#![expect(clippy::float_cmp, reason = "some results are exact")]
#![expect(clippy::print_stdout, reason = "a skipped test says so")]

mod binary;
mod cases;
mod coverage;
mod describe;
mod distribution;
mod law;
mod mixed;
mod one_way;
mod power;
mod ratings;
mod references;
mod shared_numbers;
mod study;
