//! What was sent and received for a score, as it goes on.

use std::sync::{Mutex, PoisonError};

use super::scores::ScoreExchange;

/// The requests of a score in the order in which they were made, however they end.
#[derive(Debug, Default)]
pub(super) struct Exchanges(Mutex<Vec<Option<ScoreExchange>>>);

impl Exchanges {
    /// A place for a request that is about to be made.
    pub(super) fn place(&self) -> usize {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.push(None);
        all.len() - 1
    }

    /// Puts a request that ended into its place. One that was never sent is none.
    pub(super) fn put(&self, place: usize, exchange: ScoreExchange) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = all.get_mut(place) {
            *slot = Some(exchange).filter(|exchange| !exchange.attempts.is_empty());
        }
    }

    /// Those that were sent and have ended.
    pub(super) fn into_vec(self) -> Vec<ScoreExchange> {
        let all = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        all.into_iter().flatten().collect()
    }
}
