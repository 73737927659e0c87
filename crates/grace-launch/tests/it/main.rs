//! `grace-launch` against recordings of a real API server, and against a mock that behaves like it.

#![expect(clippy::unwrap_used, reason = "a test ends where it is wrong")]

mod collect;
mod follow;
mod lab;
mod launch;
mod recorded;
mod removed;
mod there_already;
