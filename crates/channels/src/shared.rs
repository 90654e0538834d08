//! What drains and the hub share.

use std::sync::Arc;

use foghorn_protocol::Moment;

use crate::announce::{Announce, Change, Joining, News};
use crate::audience::{Audience, Outlet};
use crate::hash::HashSeed;
use crate::key::Key;
use crate::memory::{Due, Expiry, Memory, Reason};
use crate::registry::Registry;
use crate::request::QueueLimits;

/// What drains and hub methods share.
pub(crate) struct Shared {
    pub(crate) registry: Registry,
    pub(crate) announce: Box<dyn Announce>,
    pub(crate) limits: QueueLimits,
    pub(crate) seed: HashSeed,
    pub(crate) memory: Memory,
}

impl Shared {
    /// Forgets the events whose time is over by `now`, and those that there is no room for. No lock
    /// of an audience may be held.
    pub(crate) fn expire(&self, now: Moment) {
        while let Some(Due { key, at, reason }) = self.memory.next(now) {
            let Some(audience) = self.registry.find(&key) else {
                continue;
            };
            let mut state = audience.lock();
            let at = match reason {
                Reason::Time => Expiry::by(now),
                Reason::Room => at,
            };
            match state.forget(at, self) {
                Some(later) => self.memory.look_again(key, later),
                None => {
                    audience.settle(&mut state, self);
                    if reason == Reason::Room {
                        self.announce.evicted();
                    }
                }
            }
        }
    }

    /// Forgets the events that there is no room for; see [`Shared::expire`].
    pub(crate) fn make_room(&self) {
        if self.memory.is_crowded() {
            self.expire(Moment::default());
        }
    }
}

impl Outlet for Shared {
    fn interest(&self, key: &Key) -> Joining {
        self.announce.interest(key)
    }

    fn lost_interest(&self, key: &Key) {
        self.announce.lost_interest(key);
    }

    fn changed(&self, key: &Key, change: Change<'_>) {
        self.announce.changed(key, change);
    }

    fn count_waits(&self, key: &Key) {
        self.announce.count_waits(key);
    }

    fn happened(&self, key: &Key, news: News<'_>) {
        self.announce.happened(key, news);
    }

    fn memory(&self) -> &Memory {
        &self.memory
    }

    fn remove(&self, audience: &Arc<Audience>) {
        self.registry.remove(audience);
    }
}
