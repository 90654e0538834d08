//! What a cache channel remembers (protocol.md §8).
//!
//! INV-CACHE-1: the cached event changes when an event is appended, and a newcomer's place is
//! behind what was appended last. So it gets the event that is the last before its place, and then
//! every later one: none twice, none missed.

use foghorn_protocol::{Moment, ServerMessage};

use super::State;
use super::arrival::CachedPart;
use crate::announce::{News, Stamp};
use crate::audience::Outlet;
use crate::key::Key;
use crate::memory::Expiry;
use crate::op::Matter;
use crate::request::{Cached, Lifetime, Send};

impl State {
    /// Appends an event. Where nobody listens, only what is to be remembered matters.
    pub(crate) fn send(
        &mut self,
        key: &Key,
        send: Send,
        cached: Option<Cached>,
        outlet: &impl Outlet,
    ) {
        if let Some(cached) = cached {
            self.cache(key, cached, outlet);
        }
        if self.here > 0 {
            self.append_send(send, Matter::Event);
        }
    }

    /// Takes over an event that other nodes remember.
    pub(crate) fn remember(&mut self, key: &Key, cached: Cached, outlet: &impl Outlet) {
        if self.is_news(&cached) {
            self.tell_waiting(&cached);
            self.cache(key, cached, outlet);
        }
    }

    /// What a local publisher's event is remembered as, and what other nodes need to do the same.
    pub(crate) fn stamp(send: &Send, lifetime: Lifetime, outlet: &impl Outlet) -> (Cached, Stamp) {
        let Lifetime { now, ttl } = lifetime;
        let version = outlet.memory().next_version();
        let cached = Cached {
            frame: send.frame.clone(),
            until: now.after(ttl),
            version,
        };
        (cached, Stamp { version, ttl })
    }

    /// Whether an event from elsewhere is later than what is remembered. Of two that nodes
    /// published at the same time, all nodes choose the same.
    pub(crate) fn is_news(&self, cached: &Cached) -> bool {
        self.cached.as_ref().is_none_or(|last| {
            (cached.version, cached.frame.text()) > (last.version, last.frame.text())
        })
    }

    /// The last event, as the next newcomer will get it.
    pub(crate) fn cached(&self, now: Moment) -> Option<&Cached> {
        self.cached.as_ref().filter(|cached| cached.until > now)
    }

    /// Forgets the cached event, unless its expiry is later than `at`, which it then says.
    pub(crate) fn forget(&mut self, at: Expiry, outlet: &impl Outlet) -> Option<Expiry> {
        let cached = self.cached.take()?;
        let expiry = Expiry::of(&cached);
        if expiry > at {
            self.cached = Some(cached);
            return Some(expiry);
        }
        outlet.memory().release(&cached);
        None
    }

    /// What a newcomer hears of the cache.
    pub(super) fn cached_part(
        &mut self,
        key: &Key,
        asked: Moment,
        outlet: &impl Outlet,
    ) -> Option<CachedPart> {
        let channel = key.channel().filter(|channel| channel.kind().cache)?;
        let frame = match self.cached(asked) {
            Some(cached) => cached.frame.clone(),
            None => {
                self.cache_missed = true;
                outlet.happened(key, News::CacheMissed);
                ServerMessage::CacheMiss { channel }.encode()
            }
        };
        Some(CachedPart { frame, asked })
    }

    fn cache(&mut self, key: &Key, cached: Cached, outlet: &impl Outlet) {
        let memory = outlet.memory();
        memory.saw_version(cached.version);
        memory.exchange(key, self.cached.as_ref(), &cached);
        let before = self.cached.replace(cached);
        if std::mem::take(&mut self.cache_missed) || before.is_none() {
            outlet.happened(key, News::CacheFilled);
        }
    }
}
