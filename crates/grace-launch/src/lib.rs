#![doc = include_str!("../README.md")]

mod connect;
mod error;

pub use connect::{Access, Cluster};
pub use error::{ClusterError, FaultKind};
