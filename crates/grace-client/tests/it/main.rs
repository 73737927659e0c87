//! The client against real HTTP on loopback.
#![expect(
    clippy::unwrap_used,
    reason = "clippy knows tests, not what they share"
)]

mod scripted;

mod cancel;
mod concurrency;
mod connections;
mod faults;
mod probe;
mod recorded;
mod score_record;
mod scoring;
mod scoring_check;
mod scoring_faults;
mod secrecy;
mod sessions;
mod simulated;
