#![doc = include_str!("../README.md")]

mod clock;
mod durable;

mod attempt;
mod deployment;
mod journal;
mod stimuli;

mod ask;
#[cfg(test)]
mod fixture;
mod job;
mod metadata;
mod monitor;
mod records;
mod replicate;
mod run;
mod score;
mod seal;
mod stop;

pub mod audit;
pub mod export;
pub mod replay;
pub mod supervise;
pub mod verify;

pub use ask::RequestPlan;
pub use attempt::{AttemptError, Host};
pub use clock::{Clock, SystemClock, Timestamp};
pub use durable::FileError;
pub use job::{ExperimentJob, Job, JobError, Options, check_stimuli};
pub use journal::JournalError;
pub use metadata::{MetadataError, recorded_seed};
pub use monitor::{Monitor, Silent};
pub use replicate::{End, ReplicateError, replicate};
pub use run::RunError;
pub use seal::{SealError, export_records};
pub use stimuli::StimuliError;
pub use stop::Stop;
