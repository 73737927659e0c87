#![doc = include_str!("../README.md")]

pub mod apply;
pub mod cancel;
pub mod collect;
mod connect;
pub mod doctor;
mod error;
mod exec;
pub mod launch;
pub mod logs;
pub mod state;
pub mod watch;

pub use connect::{Access, Cluster};
pub use error::{ClusterError, FaultKind};
pub use exec::ExecError;
