//! Finding audiences and doing things with them.

use std::collections::BTreeSet;
use std::sync::Arc;

use foghorn_protocol::{ChannelName, Close, Frame, Member, Moment, SocketId, UserId};

use crate::announce::Announce;
use crate::audience::{Audience, State};
use crate::drain::Drain;
use crate::eased::Eased;
use crate::hash::HashSeed;
use crate::key::{AppNumber, Key};
use crate::memory::Memory;
use crate::registry::Registry;
use crate::request::{
    Cached, Hearing, Lifetime, Occupancy, QueueLimits, Remote, Send, Subscribe, SubscribeError,
};
use crate::shared::Shared;
use crate::sync::MutexGuard;

/// All audiences of a node.
///
/// Every method that appends to a queue returns a [`Drain`] when nobody is draining that queue: the
/// caller runs it, now or soon.
pub struct Hub {
    shared: Arc<Shared>,
}

/// Where events are to go, looked up once.
pub struct Destination {
    key: Key,
    audience: Option<Arc<Audience>>,
}

impl Destination {
    /// Whether nobody on this node was there, and nothing remembered, when it was looked up.
    #[must_use]
    pub fn is_deserted(&self) -> bool {
        self.audience.is_none()
    }
}

impl Hub {
    /// An empty hub.
    #[must_use]
    pub fn new(seed: HashSeed, limits: QueueLimits, announce: Box<dyn Announce>) -> Self {
        Self {
            shared: Arc::new(Shared {
                registry: Registry::new(seed),
                announce,
                limits,
                seed,
                memory: Memory::new(limits.cached_bytes),
            }),
        }
    }

    /// Adds a subscriber. Its acknowledgement is in its mailbox when this returns, for the caller
    /// to flush, before any event; unless the topic has yet to be joined, or the subscriber left a
    /// moment ago and has yet to be taken off the list. It comes in any case, and once.
    ///
    /// # Errors
    /// The presence channel is full, or too much waits on the channel.
    pub fn subscribe(
        &self,
        key: &Key,
        subscribe: Subscribe,
    ) -> Result<Option<Drain>, SubscribeError> {
        self.with_audience(key, |audience, state| {
            let joined = state.join(audience.key(), subscribe, self.shared.limits, &*self.shared);
            audience.settle(state, &*self.shared);
            joined
        })
    }

    /// Takes a subscriber away, who is `user` on a presence channel. If it waited for the topic,
    /// its acknowledgement is in its mailbox when this returns, for the caller to flush.
    pub fn unsubscribe(&self, key: &Key, socket: SocketId, user: Option<&UserId>) -> Option<Drain> {
        let audience = self.shared.registry.find(key)?;
        let mut state = audience.lock();
        // An audience with a subscriber is never retired.
        debug_assert!(!state.is_retired());
        state.leave(audience.key(), socket, user, &*self.shared);
        audience.settle(&mut state, &*self.shared);
        self.drain(&audience, state)
    }

    /// Changes what a subscriber gets; `notice` tells it so, in its place among the events.
    pub fn hear(
        &self,
        key: &Key,
        socket: SocketId,
        hearing: Hearing,
        notice: Option<Frame>,
    ) -> Option<Drain> {
        let found = self.shared.registry.find(key);
        let (audience, mut state) = self.live(key, &found)?;
        state.hear(socket, hearing, notice);
        self.drain(audience, state)
    }

    /// Has every local connection of an audience close.
    pub fn close(&self, key: &Key, close: &Close) -> Option<Drain> {
        let found = self.shared.registry.find(key);
        let (audience, mut state) = self.live(key, &found)?;
        state.close(close.clone());
        self.drain(audience, state)
    }

    /// Looks up where events are to go. Whoever subscribes later does not get them, unless the
    /// channel had subscribers before.
    #[must_use]
    pub fn find(&self, key: Key) -> Destination {
        Destination {
            audience: self.shared.registry.find(&key),
            key,
        }
    }

    /// Sends an event of a local publisher to local and remote subscribers.
    pub fn publish(&self, to: &Destination, send: Send) -> Option<Drain> {
        let live = self.live(&to.key, &to.audience);
        self.shared.announce.relay(&to.key, &send, None);
        let (audience, mut state) = live?;
        state.send(&to.key, send, None, &*self.shared);
        self.drain(audience, state)
    }

    /// As [`Hub::publish`], and later subscribers get the event too as long as it lives and is the
    /// last.
    pub fn publish_cached(
        &self,
        to: &Destination,
        send: Send,
        lifetime: Lifetime,
    ) -> Option<Drain> {
        self.with_live_audience(&to.key, |state| {
            let (cached, stamp) = State::stamp(&send, lifetime, &*self.shared);
            self.shared.announce.relay(&to.key, &send, Some(stamp));
            state.send(&to.key, send, Some(cached), &*self.shared);
        })
    }

    /// Sends an event that came from another node to local subscribers.
    pub fn receive(&self, key: &Key, send: Send) -> Option<Drain> {
        let found = self.shared.registry.find(key);
        let (audience, mut state) = self.live(key, &found)?;
        state.send(key, send, None, &*self.shared);
        self.drain(audience, state)
    }

    /// As [`Hub::receive`], and the channel remembers `cached`, which is the same event, unless it
    /// knows a later one.
    pub fn receive_cached(&self, key: &Key, send: Send, cached: Cached) -> Option<Drain> {
        self.with_live_audience(key, |state| {
            let news = state.is_news(&cached).then_some(cached);
            state.send(key, send, news, &*self.shared);
        })
    }

    /// Takes over an event that another node remembers. Nobody is told.
    pub fn remember(&self, key: &Key, cached: Cached) -> Option<Drain> {
        self.with_live_audience(key, |state| state.remember(key, cached, &*self.shared))
    }

    /// The event that a cache channel remembers.
    #[must_use]
    pub fn cached(&self, key: &Key, now: Moment) -> Option<Cached> {
        let audience = self.shared.registry.find(key)?;
        audience.lock().cached(now).cloned()
    }

    /// All events that are remembered.
    #[must_use]
    pub fn all_cached(&self, now: Moment) -> Vec<(Key, Cached)> {
        let is_cache = |key: &Key| key.channel().is_some_and(|channel| channel.kind().cache);
        let audiences = self.shared.registry.select(is_cache);
        audiences
            .iter()
            .filter_map(|a| Some((a.key().clone(), a.lock().cached(now)?.clone())))
            .collect()
    }

    /// Forgets the events whose time is over by `now`. To be called every second or so.
    pub fn expire(&self, now: Moment) {
        self.shared.expire(now);
    }

    /// Has the next event of this node be later than `version`: one that starts again must not
    /// count below what its peers remember of its former life.
    pub fn count_from(&self, version: u64) {
        self.shared.memory.saw_version(version);
    }

    /// Tells the subscribers of a channel how many they are, unless they know it.
    pub fn tell_count(&self, key: &Key) -> Option<Drain> {
        let found = self.shared.registry.find(key);
        let (audience, mut state) = self.live(key, &found)?;
        state.tell_count(key);
        self.drain(audience, state)
    }

    /// Merges what another node announced about a channel.
    pub fn apply(&self, key: &Key, remote: &Remote) -> Option<Drain> {
        self.with_live_audience(key, |state| state.apply(key, remote, &*self.shared))
    }

    /// The topic of `key` is joined: greet those who wait.
    pub fn joined(&self, key: &Key) -> Option<Drain> {
        self.greet(&self.shared.registry.find(key)?)
    }

    /// The link to the cluster is down: nobody waits for it.
    pub fn stop_waiting(&self) -> Vec<Drain> {
        let waiting = self.shared.registry.select(|_| true);
        waiting.iter().filter_map(|a| self.greet(a)).collect()
    }

    fn greet(&self, audience: &Arc<Audience>) -> Option<Drain> {
        let mut state = audience.lock();
        let greeted = state.link_joined();
        let drain = self.drain(audience, state);
        for mailbox in greeted {
            mailbox.flush();
        }
        drain
    }

    /// Whether the topic of `key` is wanted now.
    #[must_use]
    pub fn wants(&self, key: &Key) -> bool {
        self.shared
            .registry
            .find(key)
            .is_some_and(|a| a.lock().wants_topic())
    }

    /// Whether so much waits in the channel's queue that publishers should be told to come back
    /// later.
    #[must_use]
    pub fn is_busy(&self, to: &Destination) -> bool {
        let audience = to.audience.as_ref();
        audience.is_some_and(|a| a.lock().is_busy(self.shared.limits))
    }

    /// When publishers should go on, if so much waits in the channel's queue that they had better
    /// not do so at once.
    #[must_use]
    pub fn pressed(&self, to: &Destination) -> Option<Eased> {
        let audience = to.audience.as_ref()?;
        let pressed = audience.lock().is_pressed();
        pressed.then(|| Eased::new(Arc::clone(audience)))
    }

    /// How many are on the channel.
    #[must_use]
    pub fn occupancy(&self, key: &Key) -> Occupancy {
        self.shared
            .registry
            .find(key)
            .map(|a| a.lock().occupancy())
            .unwrap_or_default()
    }

    /// The distinct users on a presence channel, in the order of their ids.
    #[must_use]
    pub fn members(&self, key: &Key) -> Vec<Member> {
        self.shared
            .registry
            .find(key)
            .map(|a| a.lock().members())
            .unwrap_or_default()
    }

    /// The occupied channels of `app` whose names begin with `prefix`, sorted by name.
    #[must_use]
    pub fn occupied(&self, app: AppNumber, prefix: &str) -> Vec<(ChannelName, Occupancy)> {
        let wanted = |key: &Key| {
            let channel = key.channel().filter(|_| key.app == app);
            channel.is_some_and(|channel| channel.as_str().starts_with(prefix))
        };
        let audiences = self.shared.registry.select(wanted);
        let mut occupied: Vec<_> = audiences
            .iter()
            .filter_map(|a| Some((a.key().channel()?.clone(), a.lock().occupancy())))
            .filter(|(_, occupancy)| occupancy.subscriptions > 0)
            .collect();
        occupied.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        occupied
    }

    /// Says again that the channels of `apps` are occupied and who their members are, for somebody
    /// who begins to listen. It is said under each channel's lock: whoever goes, goes after that.
    pub fn tell_again(&self, apps: &BTreeSet<AppNumber>) {
        let wanted = |key: &Key| apps.contains(&key.app) && key.channel().is_some();
        for audience in self.shared.registry.select(wanted) {
            let state = audience.lock();
            if !state.is_retired() {
                state.tell_again(audience.key(), &*self.shared);
            }
        }
    }

    /// Channels that this node knows of.
    #[must_use]
    pub fn channels(&self) -> usize {
        self.shared.registry.channels()
    }

    /// Finds or creates the live audience of `key` and changes it under its lock.
    fn with_audience<E>(
        &self,
        key: &Key,
        change: impl FnOnce(&Arc<Audience>, &mut State) -> Result<(), E>,
    ) -> Result<Option<Drain>, E> {
        loop {
            let create = || {
                let announce = &self.shared.announce;
                let (counting, tally) = (announce.counting(key), announce.tally(key));
                Arc::new(Audience::new(
                    key.clone(),
                    counting,
                    tally,
                    self.shared.seed,
                ))
            };
            let audience = self.shared.registry.find_or_insert(key, create);
            let mut state = audience.lock();
            // Retired between the look-up and the lock: it is off the map by now, so look again.
            if !state.is_retired() {
                change(&audience, &mut state)?;
                return Ok(self.drain(&audience, state));
            }
        }
    }

    /// The same for what cannot fail; the audience goes again if nothing is left of it.
    fn with_live_audience(&self, key: &Key, change: impl FnOnce(&mut State)) -> Option<Drain> {
        let changed = self.with_audience(key, |audience, state| {
            change(state);
            audience.settle(state, &*self.shared);
            Ok::<(), std::convert::Infallible>(())
        });
        // The change may have been that more is remembered.
        self.shared.make_room();
        changed.unwrap_or_else(|never| match never {})
    }

    /// Locks a found audience unless it has just retired; then nobody is on the channel.
    fn live<'a>(
        &self,
        key: &Key,
        found: &'a Option<Arc<Audience>>,
    ) -> Option<(&'a Arc<Audience>, MutexGuard<'a, State>)> {
        let audience = found.as_ref()?;
        debug_assert_eq!(audience.key(), key);
        let state = audience.lock();
        (!state.is_retired()).then_some((audience, state))
    }

    fn drain(&self, audience: &Arc<Audience>, mut state: MutexGuard<'_, State>) -> Option<Drain> {
        let members = state.take_baton()?;
        Some(Drain::new(
            Arc::clone(audience),
            Arc::clone(&self.shared),
            members,
        ))
    }
}
