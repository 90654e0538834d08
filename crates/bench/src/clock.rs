//! The one place that reads clocks. A time is a number of nanoseconds of CLOCK_MONOTONIC, which
//! all processes of a computer share.

use std::time::{SystemTime, UNIX_EPOCH};

use rustix::time::{ClockId, clock_gettime};

/// Nanoseconds of a millisecond.
pub(crate) const MILLISECOND: u64 = 1_000_000;

/// Nanoseconds of a second.
pub(crate) const SECOND: u64 = 1_000 * MILLISECOND;

/// What time it is, in nanoseconds.
pub(crate) fn now() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    let part = |value: i64| u64::try_from(value).unwrap_or_default();
    part(time.tv_sec) * SECOND + part(time.tv_nsec)
}

/// Nanoseconds of so many seconds.
pub(crate) fn nanos(seconds: f64) -> u64 {
    (seconds * SECOND as f64) as u64
}

/// Seconds of so many nanoseconds.
pub(crate) fn seconds(nanos: u64) -> f64 {
    nanos as f64 / SECOND as f64
}

/// The wall clock, which signatures of requests refer to, in seconds.
#[expect(
    clippy::disallowed_methods,
    reason = "requests are signed at the time they are sent"
)]
pub(crate) fn unix_seconds() -> u64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
    since_epoch.unwrap_or_default().as_secs()
}
