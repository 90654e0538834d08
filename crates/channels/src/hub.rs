//! Finding audiences and doing things with them.

use std::sync::Arc;

use foghorn_protocol::{ChannelName, SocketId, UserId};

use crate::announce::Announce;
use crate::audience::{Audience, State};
use crate::drain::Drain;
use crate::hash::HashSeed;
use crate::key::{AppNumber, Key};
use crate::registry::Registry;
use crate::request::{Occupancy, QueueLimits, Remote, Send, Subscribe, SubscribeError};
use crate::shared::Shared;
use crate::sync::MutexGuard;

/// All audiences of a node.
///
/// Every method that appends to a queue returns a [`Drain`] when nobody is draining that queue: the
/// caller runs it, now or soon.
pub struct Hub {
    shared: Arc<Shared>,
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
            }),
        }
    }

    /// Adds a subscriber. Its acknowledgement arrives through its mailbox, before any event.
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

    /// Takes a subscriber away, who is `user` on a presence channel.
    pub fn unsubscribe(&self, key: &Key, socket: SocketId, user: Option<&UserId>) -> Option<Drain> {
        let audience = self.shared.registry.find(key)?;
        let mut state = audience.lock();
        // An audience with a subscriber is never retired.
        debug_assert!(!state.is_retired());
        state.leave(audience.key(), socket, user, &*self.shared);
        self.drain(&audience, state)
    }

    /// Sends an event of a local publisher to local and remote subscribers.
    pub fn publish(&self, key: &Key, send: Send) -> Option<Drain> {
        let found = self.shared.registry.find(key);
        let Some((audience, mut state)) = self.live(key, &found) else {
            self.shared.announce.relay(key, &send);
            return None;
        };
        self.shared.announce.relay(key, &send);
        state.send(send);
        self.drain(audience, state)
    }

    /// Sends an event that came from another node to local subscribers.
    pub fn receive(&self, key: &Key, send: Send) -> Option<Drain> {
        let found = self.shared.registry.find(key);
        let (audience, mut state) = self.live(key, &found)?;
        state.send(send);
        self.drain(audience, state)
    }

    /// Merges what another node announced about a channel.
    pub fn apply(&self, key: &Key, remote: &Remote) -> Option<Drain> {
        let applied = self.with_audience(key, |audience, state| {
            state.apply(audience.channel(), remote);
            audience.settle(state, &*self.shared);
            Ok::<(), std::convert::Infallible>(())
        });
        applied.unwrap_or_else(|never| match never {})
    }

    /// The topic of `key` is joined: greet those who wait.
    pub fn joined(&self, key: &Key) -> Option<Drain> {
        let found = self.shared.registry.find(key);
        let (audience, mut state) = self.live(key, &found)?;
        state.link_joined();
        self.drain(audience, state)
    }

    /// The link to the cluster is down: nobody waits for it.
    pub fn stop_waiting(&self) -> Vec<Drain> {
        let waiting = self.shared.registry.select(|_| true);
        waiting
            .iter()
            .filter_map(|audience| {
                let mut state = audience.lock();
                state.link_joined();
                self.drain(audience, state)
            })
            .collect()
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
    pub fn is_busy(&self, key: &Key) -> bool {
        self.shared
            .registry
            .find(key)
            .is_some_and(|a| a.lock().is_busy(self.shared.limits))
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
    pub fn user_ids(&self, key: &Key) -> Vec<UserId> {
        self.shared
            .registry
            .find(key)
            .map(|a| a.lock().user_ids())
            .unwrap_or_default()
    }

    /// The occupied channels of `app` whose names begin with `prefix`, sorted by name.
    #[must_use]
    pub fn occupied(&self, app: AppNumber, prefix: &str) -> Vec<(ChannelName, Occupancy)> {
        let wanted = |key: &Key| key.app == app && key.channel.as_str().starts_with(prefix);
        let audiences = self.shared.registry.select(wanted);
        let occupancies = audiences
            .iter()
            .map(|a| (a.channel().clone(), a.lock().occupancy()));
        let mut occupied: Vec<_> = occupancies.filter(|(_, o)| o.subscriptions > 0).collect();
        occupied.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        occupied
    }

    /// Channels that this node knows of.
    #[must_use]
    pub fn channels(&self) -> usize {
        self.shared.registry.len()
    }

    /// Finds or creates the live audience of `key` and changes it under its lock.
    fn with_audience<E>(
        &self,
        key: &Key,
        change: impl FnOnce(&Arc<Audience>, &mut State) -> Result<(), E>,
    ) -> Result<Option<Drain>, E> {
        loop {
            let create = || Arc::new(Audience::new(key.clone()));
            let audience = self.shared.registry.find_or_insert(key, create);
            let mut state = audience.lock();
            // Retired between the look-up and the lock: it is off the map by now, so look again.
            if !state.is_retired() {
                change(&audience, &mut state)?;
                return Ok(self.drain(&audience, state));
            }
        }
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
