use std::{
    hash::{BuildHasher, RandomState},
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, SystemTime},
};

use http::{HeaderMap, header};

use crate::failure::Failure;

/// When a failed attempt is made again, and after what wait.
///
/// Back-off is exponential with full jitter: before attempt *k* + 1 the wait
/// is a random share of `base_delay` × 2^(*k* − 1), at most `max_delay`.
/// `Retry-After` is obeyed, with a share of `base_delay` on top so that many
/// clients do not come back at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetryPolicy {
    max_attempts: u32,
    total_time: Duration,
    away_time: Duration,
    base_delay: Duration,
    max_delay: Duration,
}

impl RetryPolicy {
    /// At most 10 attempts in at most 10 minutes, as long for a server that is away, with waits from 500 ms up to
    /// 30 s.
    pub const fn new() -> Self {
        Self {
            max_attempts: 10,
            total_time: Duration::from_mins(10),
            away_time: Duration::from_mins(10),
            base_delay: Duration::from_millis(500),
            max_delay: Duration::from_secs(30),
        }
    }

    /// Limits the attempts that a server fails; the first one counts. Attempts
    /// that found no server ([`FailureKind::is_away`](crate::FailureKind::is_away))
    /// do not.
    #[must_use]
    pub const fn with_max_attempts(mut self, limit: u32) -> Self {
        self.max_attempts = limit;
        self
    }

    /// Limits the time from the start of the first attempt. An attempt still
    /// under way then is cut short.
    #[must_use]
    pub const fn with_total_time(mut self, limit: Duration) -> Self {
        self.total_time = limit;
        self
    }

    /// Limits the time for which a server that is away is waited for, from the
    /// first attempt that found none. Never longer than the total time.
    #[must_use]
    pub const fn with_away_time(mut self, limit: Duration) -> Self {
        self.away_time = limit;
        self
    }

    /// Sets the longest possible wait after the first failure.
    #[must_use]
    pub const fn with_base_delay(mut self, delay: Duration) -> Self {
        self.base_delay = delay;
        self
    }

    /// Limits every wait that the server did not ask for.
    #[must_use]
    pub const fn with_max_delay(mut self, limit: Duration) -> Self {
        self.max_delay = limit;
        self
    }

    pub(crate) fn total_time(&self) -> Duration {
        self.total_time
    }

    /// Gives the wait before the next attempt, or `None` to give up.
    ///
    /// `attempt` counts failures of the same sort so far, this one included:
    /// attempts that found no server, or all others. `elapsed` is the time
    /// since the first attempt started or, where none is found, since the server
    /// has been away; `jitter` lies in [0, 1).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use grace_client::{Failure, FailureKind, RetryPolicy};
    ///
    /// let policy = RetryPolicy::new();
    /// let failure = Failure::new(FailureKind::ServerError, "server answered 500");
    /// let delay = policy.next_delay(3, &failure, Duration::from_secs(5), 0.5);
    /// assert_eq!(delay, Some(Duration::from_secs(1)));
    /// assert_eq!(policy.next_delay(10, &failure, Duration::from_secs(5), 0.5), None);
    /// ```
    pub fn next_delay(
        &self,
        attempt: u32,
        failure: &Failure,
        elapsed: Duration,
        jitter: f64,
    ) -> Option<Duration> {
        let kind = failure.kind();
        if !kind.is_transient() || (!kind.is_away() && attempt >= self.max_attempts) {
            return None;
        }
        let delay = match failure.retry_after() {
            Some(asked) => asked.checked_add(share(self.base_delay, jitter))?,
            None => share(self.ceiling(attempt), jitter),
        };
        let end = elapsed.checked_add(delay)?;
        let limit = if kind.is_away() {
            self.away_time.min(self.total_time)
        } else {
            self.total_time
        };
        (end < limit).then_some(delay)
    }

    fn ceiling(&self, attempt: u32) -> Duration {
        let factor = 1_u32.checked_shl(attempt.saturating_sub(1));
        self.base_delay
            .saturating_mul(factor.unwrap_or(u32::MAX))
            .min(self.max_delay)
    }
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self::new()
    }
}

/// A part of `whole`; all of it if `part` is not in [0, 1].
fn share(whole: Duration, part: f64) -> Duration {
    if !(0.0..=1.0).contains(&part) {
        return whole;
    }
    Duration::try_from_secs_f64(whole.as_secs_f64() * part).unwrap_or(whole)
}

/// Reads `Retry-After` in both its forms. A date is compared with the answer's
/// own `Date` if it has one, since the two clocks may differ, else with `now`.
pub(crate) fn retry_after(headers: &HeaderMap, now: fn() -> SystemTime) -> Option<Duration> {
    let value = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = httpdate::parse_http_date(value).ok()?;
    let sent = headers
        .get(header::DATE)
        .and_then(|date| httpdate::parse_http_date(date.to_str().ok()?).ok());
    let from = sent.unwrap_or_else(now);
    Some(until.duration_since(from).unwrap_or_default())
}

/// A stream of numbers in [0, 1) that several tasks may draw from.
///
/// Nothing that is measured depends on it.
#[derive(Debug)]
pub(crate) struct Jitter(AtomicU64);

impl Jitter {
    pub(crate) fn new(seed: Option<u64>) -> Self {
        let seed = seed.unwrap_or_else(|| RandomState::new().hash_one(0));
        Self(AtomicU64::new(seed))
    }

    /// `SplitMix64` (Steele, Lea & Flood 2014), the upper 53 bits.
    pub(crate) fn draw(&self) -> f64 {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut word = self.0.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^= word >> 31;
        (word >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;
    use crate::failure::FailureKind;

    const SEC: Duration = Duration::from_secs(1);

    fn failure(kind: FailureKind) -> Failure {
        Failure::new(kind, "")
    }

    #[test]
    fn the_wait_doubles_up_to_its_limit() {
        let policy = RetryPolicy::new().with_max_attempts(u32::MAX);
        let longest = |attempt| {
            let failure = failure(FailureKind::Reset);
            policy.next_delay(attempt, &failure, Duration::ZERO, 1.0)
        };
        for (attempt, half_seconds) in [(1, 1), (2, 2), (3, 4), (6, 32), (7, 60), (1000, 60)] {
            assert_eq!(longest(attempt), Some(half_seconds * SEC / 2), "{attempt}");
        }
    }

    #[test]
    fn a_server_that_is_away_costs_time_but_no_attempts() {
        let policy = RetryPolicy::new();
        for kind in [FailureKind::Connect, FailureKind::Unavailable503] {
            let failure = failure(kind);
            assert!(policy.next_delay(500, &failure, SEC, 0.5).is_some());
            assert_eq!(policy.next_delay(1, &failure, 600 * SEC, 0.0), None);
        }
        assert_eq!(
            policy.next_delay(10, &failure(FailureKind::Timeout), SEC, 0.5),
            None
        );
    }

    #[test]
    fn what_is_not_transient_is_not_tried_again() {
        for kind in [
            FailureKind::Refused,
            FailureKind::OverContext,
            FailureKind::TooLarge,
        ] {
            assert_eq!(
                RetryPolicy::new().next_delay(1, &failure(kind), SEC, 0.5),
                None
            );
        }
    }

    #[test]
    fn retry_after_is_obeyed_unless_it_exceeds_the_total() {
        let policy = RetryPolicy::new();
        let wait = |seconds| {
            let failure = failure(FailureKind::RateLimited).with_retry_after(Some(seconds * SEC));
            policy.next_delay(1, &failure, 100 * SEC, 0.5)
        };
        assert_eq!(wait(45), Some(Duration::from_millis(45_250)));
        assert_eq!(wait(500), None);
        assert_eq!(wait(u32::MAX), None);
    }

    #[track_caller]
    fn check_retry_after(pairs: &[(header::HeaderName, &str)], expected: Option<u64>) {
        let headers = pairs
            .iter()
            .map(|(name, value)| (name.clone(), HeaderValue::from_str(value).unwrap()))
            .collect();
        let now = || httpdate::parse_http_date("Mon, 23 Nov 2026 12:00:00 GMT").unwrap();
        assert_eq!(
            retry_after(&headers, now),
            expected.map(Duration::from_secs)
        );
    }

    #[test]
    fn retry_after_has_two_forms() {
        use header::{DATE, RETRY_AFTER};
        let noon_and_7 = (RETRY_AFTER, "Mon, 23 Nov 2026 12:00:07 GMT");
        check_retry_after(&[], None);
        check_retry_after(&[(RETRY_AFTER, " 12 ")], Some(12));
        check_retry_after(&[(RETRY_AFTER, "soon")], None);
        check_retry_after(&[(RETRY_AFTER, "-1")], None);
        check_retry_after(std::slice::from_ref(&noon_and_7), Some(7));
        let server_is_behind = (DATE, "Mon, 23 Nov 2026 11:59:00 GMT");
        check_retry_after(&[noon_and_7.clone(), server_is_behind], Some(67));
        let server_is_ahead = (DATE, "Mon, 23 Nov 2026 13:00:00 GMT");
        check_retry_after(&[noon_and_7, server_is_ahead], Some(0));
    }

    #[test]
    fn a_seed_fixes_the_jitter() {
        let draws = |seed| {
            let jitter = Jitter::new(seed);
            [jitter.draw(), jitter.draw(), jitter.draw()].map(f64::to_bits)
        };
        assert_eq!(draws(Some(1)), draws(Some(1)));
        assert_ne!(draws(Some(1)), draws(Some(2)));
        assert_ne!(draws(None), draws(None));
        let jitter = Jitter::new(None);
        assert!((0..1000).all(|_| (0.0..1.0).contains(&jitter.draw())));
    }

    proptest! {
        #[test]
        fn no_wait_leaves_the_total_time(
            attempt in 0_u32..100,
            elapsed_ms in 0_u64..700_000,
            asked in proptest::option::of(0_u64..1000),
            jitter in 0.0_f64..1.0,
        ) {
            let policy = RetryPolicy::new();
            let elapsed = Duration::from_millis(elapsed_ms);
            let failure = failure(FailureKind::Unavailable503)
                .with_retry_after(asked.map(Duration::from_secs));
            if let Some(delay) = policy.next_delay(attempt, &failure, elapsed, jitter) {
                prop_assert!(elapsed + delay < policy.total_time());
                prop_assert!(delay >= failure.retry_after().unwrap_or_default());
            }
        }
    }
}
