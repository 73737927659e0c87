#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod answer;
mod clock;
mod cluster;
mod controller;
mod disturb;
mod exec;
mod fault;
mod gate;
mod gc;
mod https;
mod initial;
mod job;
mod logs;
mod owners;
mod recorded;
mod request;
mod resource;
mod selector;
mod server;
mod state;
mod status;
mod store;
mod verbs;
mod watch;

pub use cluster::{MockCluster, NAMESPACE};
pub use controller::{Attempt, Container, Outcome, Workload};
pub use fault::{Fault, Trouble};
pub use https::Https;
pub use recorded::{recorded, recorded_object};
pub use request::{Query, Recorded};
