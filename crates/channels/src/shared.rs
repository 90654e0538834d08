//! What drains and the hub share.

use std::sync::Arc;

use crate::announce::{Announce, Change, Joining};
use crate::audience::{Audience, Outlet};
use crate::hash::HashSeed;
use crate::key::Key;
use crate::memory::Memory;
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

    fn turned(&self, key: &Key) {
        self.announce.turned(key);
    }

    fn memory(&self) -> &Memory {
        &self.memory
    }

    fn remove(&self, audience: &Arc<Audience>) {
        self.registry.remove(audience);
    }
}
