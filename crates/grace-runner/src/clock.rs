//! The time of day, as a value that tests can give.

use std::fmt;

/// A moment in UTC, to the millisecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(jiff::Timestamp);

/// Tells the time.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// The computer's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp(jiff::Timestamp::now())
    }
}

impl Timestamp {
    /// Reads what [`Display`](fmt::Display) writes.
    pub fn parse(text: &str) -> Option<Self> {
        text.parse().ok().map(Self)
    }

    /// `YYYYMMDD-HHMMSS`, for ids.
    pub fn compact(self) -> String {
        self.0.strftime("%Y%m%d-%H%M%S").to_string()
    }

    /// `YYYYMMDDTHHMMSS.mmmZ`, which sorts as text and is safe in file names.
    pub fn sortable(self) -> String {
        self.0.strftime("%Y%m%dT%H%M%S.%3fZ").to_string()
    }
}

/// RFC 3339 with milliseconds: `2026-11-23T18:43:12.345Z`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.strftime("%Y-%m-%dT%H:%M:%S.%3fZ"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_a_moment() {
        let moment = Timestamp::parse("2026-11-23T18:43:12.345Z").unwrap();
        assert_eq!(moment.to_string(), "2026-11-23T18:43:12.345Z");
        assert_eq!(moment.compact(), "20261123-184312");
        assert_eq!(moment.sortable(), "20261123T184312.345Z");
    }
}
