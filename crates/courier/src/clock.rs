//! The courier's clock.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use foghorn_webhooks::UnixMillis;

/// Unix time that never jumps: the wall clock is read once, from then on a monotonic clock counts.
/// A wall clock that is put back by an hour must not hold retries up for an hour.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    wall: UnixMillis,
    start: Instant,
}

impl Clock {
    #[expect(clippy::disallowed_methods, reason = "this is the shell's clock")]
    pub(crate) fn start() -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
        Self {
            wall: UnixMillis(millis(since_epoch.unwrap_or_default())),
            start: Instant::now(),
        }
    }

    pub(crate) fn now(self) -> UnixMillis {
        UnixMillis(self.wall.0.saturating_add(millis(self.start.elapsed())))
    }

    /// How long it is until `at`.
    pub(crate) fn until(self, at: UnixMillis) -> Duration {
        Duration::from_millis(at.0.saturating_sub(self.now().0))
    }
}

pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
