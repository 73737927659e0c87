//! What arrived at a server and what became of it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;

use crate::faults::Fault;

/// One request as it arrived.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Request {
    /// The method, such as "POST".
    pub method: String,
    /// The path, such as "/v1/completions".
    pub path: String,
    /// The body, as it was sent.
    pub body: Bytes,
    /// When it had arrived in full, since the server's start.
    pub at: Duration,
    /// The fault it met.
    pub fault: Option<Fault>,
}

impl Request {
    /// The body as text, with replacement characters where it is no UTF-8.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Totals since the server's start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Connections accepted.
    pub connections: u64,
    /// Requests for any path.
    pub requests: u64,
    /// Requests for a completion or a chat answer.
    pub generations: u64,
    /// Requests that met a fault.
    pub faults: u64,
    /// Completion and chat requests given up by the client, or cut, before an answer was ready.
    pub abandoned: u64,
    /// Completion and chat requests being answered, queued ones among them.
    pub in_flight: u64,
    /// The most there ever were of `in_flight`.
    pub in_flight_max: u64,
}

/// The ledger behind [`Counts`] and the log of requests.
#[derive(Debug, Default)]
pub(crate) struct Record {
    connections: AtomicU64,
    requests: AtomicU64,
    generations: AtomicU64,
    faults: AtomicU64,
    abandoned: AtomicU64,
    in_flight: AtomicU64,
    in_flight_max: AtomicU64,
    log_capacity: usize,
    log: Mutex<Vec<Request>>,
}

impl Record {
    pub(crate) fn new(log_capacity: usize) -> Self {
        Self {
            log_capacity,
            ..Self::default()
        }
    }

    pub(crate) fn count_connection(&self) {
        self.connections.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_request(&self, fault: bool) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.faults.fetch_add(u64::from(fault), Ordering::Relaxed);
    }

    /// Whether requests are to be handed to [`Record::log`].
    pub(crate) fn keeps_log(&self) -> bool {
        self.log_capacity > 0
    }

    pub(crate) fn log(&self, request: Request) {
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        if log.len() < self.log_capacity {
            log.push(request);
        }
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.log
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(crate) fn counts(&self) -> Counts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            connections: read(&self.connections),
            requests: read(&self.requests),
            generations: read(&self.generations),
            faults: read(&self.faults),
            abandoned: read(&self.abandoned),
            in_flight: read(&self.in_flight),
            in_flight_max: read(&self.in_flight_max),
        }
    }

    /// Counts a generation in; the guard counts it out.
    pub(crate) fn begin_generation(&self) -> InFlight<'_> {
        let number = self.generations.fetch_add(1, Ordering::Relaxed) + 1;
        let now = self.in_flight.fetch_add(1, Ordering::Relaxed) + 1;
        self.in_flight_max.fetch_max(now, Ordering::Relaxed);
        InFlight {
            record: self,
            number,
            done: false,
        }
    }
}

/// A generation under way. Dropped before [`InFlight::finish`], it counts as abandoned.
#[derive(Debug)]
pub(crate) struct InFlight<'a> {
    record: &'a Record,
    /// Which generation it is, from 1.
    pub(crate) number: u64,
    done: bool,
}

impl InFlight<'_> {
    pub(crate) fn finish(mut self) {
        self.done = true;
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.record.in_flight.fetch_sub(1, Ordering::Relaxed);
        self.record
            .abandoned
            .fetch_add(u64::from(!self.done), Ordering::Relaxed);
    }
}
