//! The wish to stop, and the exit code that goes with it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use grace_client::CancellationToken;

/// Tells work to stop. Clones share the wish.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    token: CancellationToken,
    exit_code: Arc<AtomicU8>,
}

impl Stop {
    /// Nobody wants to stop yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks all work to stop; `exit_code` (130 for SIGINT, 143 for SIGTERM) is written down with the attempt.
    pub fn request(&self, exit_code: u8) {
        self.exit_code.store(exit_code, Ordering::Relaxed);
        self.token.cancel();
    }

    /// The exit code of an interrupted process.
    pub fn exit_code(&self) -> u8 {
        const SIGINT: u8 = 130;
        match self.exit_code.load(Ordering::Relaxed) {
            0 => SIGINT,
            code => code,
        }
    }

    /// Whether somebody wants to stop.
    pub fn is_requested(&self) -> bool {
        self.token.is_cancelled()
    }

    /// Waits until somebody wants to stop.
    pub async fn requested(&self) {
        self.token.cancelled().await;
    }

    pub(crate) fn token(&self) -> &CancellationToken {
        &self.token
    }
}
