//! What a cache channel remembers (protocol.md §8).
//!
//! INV-CACHE-1: the cached event changes in the order of the queue, when the operation that carries
//! it has its turn. So a newcomer gets the last event before its join, and then every later one:
//! none twice, none missed.

use foghorn_protocol::{Moment, ServerMessage};

use super::{Link, State};
use crate::announce::Stamp;
use crate::audience::Outlet;
use crate::key::Key;
use crate::memory::Expiry;
use crate::op::{CachedPart, Matter, Op, Sending};
use crate::request::{Cached, Lifetime, Send};

impl State {
    /// Appends an event. One that is not to be remembered needs nothing where nobody listens.
    pub(crate) fn send(
        &mut self,
        key: &Key,
        send: Send,
        cached: Option<Cached>,
        outlet: &impl Outlet,
    ) {
        if let Some(cached) = &cached {
            self.note(cached, outlet);
        }
        if self.here > 0 || (cached.is_some() && self.is_under_way()) {
            self.push(Sending {
                send,
                from: 0,
                matter: Matter::Event,
                cached,
            });
        } else if let Some(cached) = cached {
            self.cache(key, cached, outlet);
        }
    }

    /// Takes over an event that other nodes remember. Those who still wait for the topic to be
    /// joined get it too: the event itself may have gone by before.
    pub(crate) fn remember(&mut self, key: &Key, cached: Cached, outlet: &impl Outlet) {
        if !self.is_news(&cached) {
            return;
        }
        self.note(&cached, outlet);
        match self.is_under_way() && self.link != Link::Awaited {
            true => self.queue.push_back(Op::Remember(cached)),
            false => self.cache(key, cached, outlet),
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
        is_later(cached, self.cached_at_end.as_ref())
    }

    /// The last event, as the next newcomer will get it.
    pub(crate) fn cached(&self, now: Moment) -> Option<Cached> {
        self.cached_at_end
            .clone()
            .filter(|cached| cached.until > now)
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
        if self.cached_at_end.as_ref() == Some(&cached) {
            self.cached_at_end = None;
        }
        None
    }

    /// The cached event has its turn. It may be late: what other nodes remember overtakes what
    /// waits for the topic.
    pub(super) fn cache(&mut self, key: &Key, cached: Cached, outlet: &impl Outlet) {
        if !is_later(&cached, self.cached.as_ref()) {
            return;
        }
        outlet.memory().exchange(key, self.cached.as_ref(), &cached);
        self.cached = Some(cached);
    }

    /// A newcomer has its turn.
    pub(super) fn answer(&self, part: &mut CachedPart, key: &Key) {
        if let (CachedPart::Asked(now), Some(channel)) = (&*part, key.channel()) {
            let live = self.cached.as_ref().filter(|cached| cached.until > *now);
            *part = CachedPart::Answer(match live {
                Some(cached) => cached.frame.clone(),
                None => ServerMessage::CacheMiss { channel }.encode(),
            });
        }
    }

    fn note(&mut self, cached: &Cached, outlet: &impl Outlet) {
        outlet.memory().saw_version(cached.version);
        self.cached_at_end = Some(cached.clone());
    }

    /// Whether operations wait or are being carried out.
    fn is_under_way(&self) -> bool {
        !self.queue.is_empty() || self.members.is_none()
    }
}

fn is_later(cached: &Cached, last: Option<&Cached>) -> bool {
    last.is_none_or(|last| {
        (cached.version, cached.frame.text()) > (last.version, last.frame.text())
    })
}
