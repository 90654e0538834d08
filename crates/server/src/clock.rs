//! The one place that reads clocks.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use foghorn_protocol::{Moment, UnixSeconds};
use foghorn_webhooks::UnixMillis;
use tokio::time::Instant;

/// Monotonic time since the process started serving: the runtime's, so that timers and moments
/// agree, in tests with virtual time too.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    start: Instant,
}

impl Clock {
    /// A clock that starts now.
    pub(crate) fn start() -> Self {
        Self {
            start: Instant::now(),
        }
    }

    /// What time it is.
    pub(crate) fn now(self) -> Moment {
        Moment::from_start(self.start.elapsed())
    }

    /// When `instant` is.
    pub(crate) fn moment(self, instant: Instant) -> Moment {
        Moment::from_start(instant.saturating_duration_since(self.start))
    }

    /// The runtime's notion of `moment`, for timers.
    pub(crate) fn instant(self, moment: Moment) -> Instant {
        let far_away = Duration::from_secs(365 * 24 * 3_600);
        let since_start = moment.since_start().min(far_away);
        self.start + since_start
    }

    /// The wall clock, which signatures of requests refer to.
    pub(crate) fn unix_seconds() -> UnixSeconds {
        UnixSeconds(since_epoch().as_secs())
    }

    /// The same, as webhooks tell it.
    pub(crate) fn unix_millis() -> UnixMillis {
        UnixMillis(u64::try_from(since_epoch().as_millis()).unwrap_or(u64::MAX))
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the shell's clock")]
fn since_epoch() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}
