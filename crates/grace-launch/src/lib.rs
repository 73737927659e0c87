#![doc = include_str!("../README.md")]

pub mod apply;
pub mod cancel;
mod connect;
mod error;
pub mod launch;
pub mod logs;
pub mod state;
pub mod watch;

pub use connect::{Access, Cluster};
pub use error::{ClusterError, FaultKind};
