#![doc = include_str!("../README.md")]

pub mod aggregate;
pub mod completeness;
pub mod drift;
pub mod icc;
pub mod report;
pub mod results;
pub mod schema;

mod find;
mod lines;
mod manifest;
mod parallel;
mod read;
mod replication;
mod trials;

pub use find::FindError;
pub use results::Results;
