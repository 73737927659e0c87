//! How a watch behaves.

use std::time::Duration;

/// How a watch behaves.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct WatchSettings {
    /// The longest silence of a connection: then it is made anew. Whole seconds; an API server that is shutting down says
    /// nothing for a minute.
    pub silence: Duration,
    /// How long to go on trying without any answer.
    pub patience: Duration,
    /// How long to wait before credentials that were not accepted are read again.
    pub login: Duration,
}

impl Default for WatchSettings {
    fn default() -> Self {
        Self {
            silence: Duration::from_mins(1),
            patience: Duration::from_mins(30),
            login: Duration::from_secs(10),
        }
    }
}
