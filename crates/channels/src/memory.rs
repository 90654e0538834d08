//! How much all cache channels remember, and which of them forgets next.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use foghorn_protocol::Moment;

use crate::key::Key;
use crate::request::Cached;
use crate::sync::Mutex;

/// Bookkeeping of cached events. The events themselves are with their audiences.
pub(crate) struct Memory {
    limit: usize,
    used: AtomicUsize,
    /// The highest that this node gave or heard of, on any channel: a channel that has forgotten
    /// its event must not begin again below what other nodes still remember.
    version: AtomicU64,
    /// One entry per channel that has a cached event, with an expiry no later than its own.
    due: Mutex<BinaryHeap<Reverse<(Expiry, Key)>>>,
}

/// When a cached event is forgotten: in time, and in the order of events where that is the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Expiry {
    until: Moment,
    version: u64,
}

impl Expiry {
    pub(crate) fn of(cached: &Cached) -> Self {
        Self {
            until: cached.until,
            version: cached.version,
        }
    }

    /// That of every event whose time is over by `now`, and no earlier.
    pub(crate) fn by(now: Moment) -> Self {
        Self {
            until: now,
            version: u64::MAX,
        }
    }
}

/// A channel that has to look at its cached event.
pub(crate) struct Due {
    pub(crate) key: Key,
    /// The expiry that was known of it.
    pub(crate) at: Expiry,
    pub(crate) reason: Reason,
}

/// Why a channel is asked to forget.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    /// Its time may be over.
    Time,
    /// There is too much.
    Room,
}

impl Memory {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit,
            used: AtomicUsize::new(0),
            version: AtomicU64::new(0),
            due: Mutex::new(BinaryHeap::new()),
        }
    }

    /// The version of an event that is later than all that this node knows of.
    pub(crate) fn next_version(&self) -> u64 {
        let before = self.version.fetch_add(1, Ordering::Relaxed);
        before.saturating_add(1)
    }

    /// An event with this version exists.
    pub(crate) fn saw_version(&self, version: u64) {
        self.version.fetch_max(version, Ordering::Relaxed);
    }

    /// A channel remembers `after` instead of `before`. Called under its lock.
    pub(crate) fn exchange(&self, key: &Key, before: Option<&Cached>, after: &Cached) {
        self.used.fetch_add(size(after), Ordering::Relaxed);
        match before {
            Some(before) => {
                self.used.fetch_sub(size(before), Ordering::Relaxed);
            }
            None => self.look_again(key.clone(), Expiry::of(after)),
        }
    }

    /// A channel has forgotten `before`. Called under its lock, for a channel that was due.
    pub(crate) fn release(&self, before: &Cached) {
        self.used.fetch_sub(size(before), Ordering::Relaxed);
    }

    /// The channel is due at `at`.
    pub(crate) fn look_again(&self, key: Key, at: Expiry) {
        self.due.lock().push(Reverse((at, key)));
    }

    /// Whether there is too much.
    pub(crate) fn is_crowded(&self) -> bool {
        self.used.load(Ordering::Relaxed) > self.limit
    }

    /// Takes the channel that is due next, if it is by `now` or if there is too much.
    pub(crate) fn next(&self, now: Moment) -> Option<Due> {
        let mut due = self.due.lock();
        let Reverse((at, _)) = due.peek()?;
        let reason = match *at <= Expiry::by(now) {
            true => Reason::Time,
            false if self.is_crowded() => Reason::Room,
            false => return None,
        };
        due.pop().map(|Reverse((at, key))| Due { key, at, reason })
    }
}

/// About what a channel without subscribers costs beside its event: audience, key, places in the
/// map and in the queue of expiries.
const PER_CHANNEL: usize = 512;

fn size(cached: &Cached) -> usize {
    PER_CHANNEL + cached.frame.wire_len()
}
