//! The mock answers as a real API server was recorded to answer.

#![expect(clippy::unwrap_used, reason = "helpers fail the test they serve")]

mod apply;
mod controller;
mod deletion;
mod exec;
mod failures;
mod jobs;
mod objects;
mod process;
mod support;
mod watch;
mod with_kube;
