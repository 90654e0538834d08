//! The one place that reads clocks.

use std::time::{SystemTime, UNIX_EPOCH};

use foghorn_protocol::{Moment, UnixSeconds};
use tokio::time::Instant;

/// Monotonic time since a command began: the runtime's, so that timers and moments agree.
#[derive(Clone, Copy)]
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

    /// The runtime's notion of `moment`, for timers.
    pub(crate) fn instant(self, moment: Moment) -> Instant {
        self.start + moment.since_start()
    }
}

/// The wall clock, which signatures of requests refer to.
#[expect(
    clippy::disallowed_methods,
    reason = "commands sign requests at the time they send them"
)]
pub(crate) fn unix_seconds() -> UnixSeconds {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    UnixSeconds(since_epoch.as_secs())
}
