use std::time::Duration;

use tokio::time::Instant;

use crate::{error::Attempt, failure::Failure};

/// The record of a request's attempts while it is being made.
pub(crate) struct Attempts {
    called: Instant,
    first_began: Option<Instant>,
    under_way: Option<Instant>,
    idle_since: Instant,
    done: Vec<Attempt>,
    away: u32,
    others: u32,
    away_since: Option<Instant>,
}

impl Attempts {
    pub(crate) fn start() -> Self {
        let now = Instant::now();
        Self {
            called: now,
            first_began: None,
            under_way: None,
            idle_since: now,
            done: Vec::new(),
            away: 0,
            others: 0,
            away_since: None,
        }
    }

    /// An attempt begins; gives the time since the first one began.
    ///
    /// The wait for a first free slot is the caller's queue and counts against
    /// nothing.
    pub(crate) fn begin(&mut self) -> Duration {
        let now = Instant::now();
        self.under_way = Some(now);
        now - *self.first_began.get_or_insert(now)
    }

    pub(crate) fn succeed(&mut self) {
        self.end(Some(200), None);
    }

    /// The attempt failed; gives how many did so in the same way (away, or
    /// otherwise), and the time that counts: since the first attempt began, or
    /// since the server has been away without a break.
    pub(crate) fn fail(&mut self, failure: &Failure) -> (u32, Duration) {
        let began = self.under_way.unwrap_or(self.called);
        self.end(failure.status(), Some(failure));
        if failure.kind().is_away() {
            self.away += 1;
            let since = *self.away_since.get_or_insert(began);
            return (self.away, self.idle_since - since);
        }
        self.others += 1;
        self.away_since = None;
        let first_began = self.first_began.unwrap_or(self.called);
        (self.others, self.idle_since - first_began)
    }

    /// The caller cancelled, perhaps in the midst of an attempt.
    pub(crate) fn abandon(&mut self) -> Option<Failure> {
        self.under_way?;
        let failure = Failure::cancelled();
        self.end(None, Some(&failure));
        Some(failure)
    }

    /// All attempts, and the time since the call.
    pub(crate) fn finish(self) -> (Vec<Attempt>, Duration) {
        (self.done, self.called.elapsed())
    }

    fn end(&mut self, status: Option<u16>, failure: Option<&Failure>) {
        let now = Instant::now();
        let began = self.under_way.take().unwrap_or(now);
        self.done.push(Attempt {
            started_after: began - self.called,
            took: now - began,
            status,
            failure: failure.map(ToString::to_string),
            kind: failure.map(Failure::kind),
            waited_before: began - self.idle_since,
        });
        self.idle_since = now;
    }
}
