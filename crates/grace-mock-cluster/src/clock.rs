//! Time as the API writes it.

use jiff::Timestamp;

/// Now, to the second: `2026-11-23T16:45:11Z`.
pub(crate) fn now() -> String {
    Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// A time as logs write it: `2026-11-23T16:54:23.915022690Z`.
pub(crate) fn to_the_nanosecond(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S.%9fZ").to_string()
}
