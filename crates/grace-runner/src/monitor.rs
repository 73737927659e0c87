//! Progress, told to whoever wants to know. Nothing here prints.

use grace_core::ExperimentId;
use grace_core::journal::RequestOutcome;

/// Hears how a replication goes on.
pub trait Monitor: Send + Sync {
    /// One of the seven steps of a replication begins.
    fn step(&self, number: u8, what: &str);

    /// An experiment begins: `requests` in all, of which `answered` were there already.
    fn experiment(&self, id: &ExperimentId, requests: u64, answered: u64);

    /// A request finished.
    fn finished(&self, outcome: RequestOutcome);

    /// Something worth knowing that is no error.
    fn note(&self, text: &str);
}

/// Hears nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Monitor for Silent {
    fn step(&self, _number: u8, _what: &str) {}
    fn experiment(&self, _id: &ExperimentId, _requests: u64, _answered: u64) {}
    fn finished(&self, _outcome: RequestOutcome) {}
    fn note(&self, _text: &str) {}
}
