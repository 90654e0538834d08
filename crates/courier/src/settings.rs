//! What a courier is told at the start.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use foghorn_webhooks::{Schedule, UnixMillis};

/// When a delivery is tried again.
#[derive(Clone)]
pub struct Retry(Arc<When>);

/// From: attempts made, the begin of its window, now, and randomness for the jitter. `None`: never.
type When = dyn Fn(u32, UnixMillis, UnixMillis, u64) -> Option<UnixMillis> + Send + Sync;

impl Retry {
    /// As `when` says, from: attempts made, the begin of its window, now, and randomness for the
    /// jitter; `None` is never.
    #[must_use]
    pub fn new<W>(when: W) -> Self
    where
        W: Fn(u32, UnixMillis, UnixMillis, u64) -> Option<UnixMillis> + Send + Sync + 'static,
    {
        Self(Arc::new(when))
    }

    pub(crate) fn next(
        &self,
        attempts: u32,
        (since, now): (UnixMillis, UnixMillis),
        random: u64,
    ) -> Option<UnixMillis> {
        (self.0)(attempts, since, now, random)
    }
}

impl From<Schedule> for Retry {
    fn from(schedule: Schedule) -> Self {
        Self::new(move |made, since, now, random| schedule.next(made, since, now, random))
    }
}

impl fmt::Debug for Retry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Retry(…)")
    }
}

/// How to store and send.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where deliveries wait.
    pub store: StoreKind,
    /// How requests are made.
    pub requests: RequestSettings,
    /// How many requests to one URL may be under way.
    pub concurrency: usize,
    /// What may wait.
    pub bounds: Bounds,
    /// When to try again.
    pub retry: Retry,
}

/// Where deliveries wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreKind {
    /// In `courier.redb` in this directory, which is made if it is not there.
    Disk(PathBuf),
    /// In memory: what waits is lost when the process ends.
    Memory,
}

/// How requests are made.
#[derive(Clone, Debug)]
pub struct RequestSettings {
    /// For a whole request, answer included.
    pub timeout: Duration,
    /// For its connection: look-up, TCP and TLS.
    pub connect_timeout: Duration,
    /// Whether addresses may be connected to that are not public.
    pub addresses: Addresses,
    /// PEM certificates of further authorities to trust, besides the system's.
    pub ca_file: Option<PathBuf>,
}

/// Which addresses may be connected to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Addresses {
    /// Any.
    All,
    /// Those that are reached over the internet: no loopback, private or link-local ones.
    Public,
}

/// What may wait. Whatever exceeds one of these is given up, oldest first, and counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Deliveries of `Class::State` for one app and target.
    pub state: usize,
    /// Deliveries of `Class::ClientEvents` for one app and target.
    pub client_events: usize,
    /// Dead letters of one app and class.
    pub dead_letters: usize,
    /// Deliveries that are submitted but not stored yet.
    pub entrance: usize,
}

impl Settings {
    /// The usual settings.
    #[must_use]
    pub fn new(store: StoreKind, retry: impl Into<Retry>) -> Self {
        Self {
            store,
            requests: RequestSettings::default(),
            concurrency: 16,
            bounds: Bounds::default(),
            retry: retry.into(),
        }
    }
}

impl Default for RequestSettings {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(5),
            addresses: Addresses::All,
            ca_file: None,
        }
    }
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            state: 100_000,
            client_events: 10_000,
            dead_letters: 10_000,
            entrance: 65_536,
        }
    }
}
