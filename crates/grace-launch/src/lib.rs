#![doc = include_str!("../README.md")]

mod connect;
mod error;
pub mod state;
pub mod watch;

pub use connect::{Access, Cluster};
pub use error::{ClusterError, FaultKind};
