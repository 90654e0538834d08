//! What comes in from other nodes, and keeping in step with them.

use std::sync::atomic::Ordering;

use foghorn_channels::{Drain, Key, Remote, Send};
use foghorn_cluster::{
    AppId, Change, Inbound, Ledger, LinkState, Message, RowChange, Topic, ViewEvent,
};
use foghorn_protocol::{ChannelName, Moment};

use crate::effect::{Clustering, Effect};
use crate::node::Node;

impl Node {
    /// Takes the next arrival of the link, strictly in order.
    pub fn on_inbound(&self, inbound: Inbound, now: Moment) {
        match inbound {
            Inbound::Message { bytes, .. } => self.on_message(&bytes, now),
            Inbound::Joined(Topic::Audience { app, channel }) => {
                if let Some(key) = self.key(&app, &channel) {
                    self.start_drain(self.hub().joined(&key));
                }
            }
            Inbound::Joined(_) => {}
            Inbound::LinkUp => {
                self.link_is_down.store(false, Ordering::Release);
                self.look_around(now);
            }
            Inbound::LinkDown => {
                self.link_is_down.store(true, Ordering::Release);
                self.look_around(now);
                // Local delivery does not wait for a link that may be gone for long.
                for drain in self.hub().stop_waiting() {
                    self.start_drain(Some(drain));
                }
            }
        }
    }

    /// Says that this node lives, and notices who does not. To be called every second or so.
    pub fn on_tick(&self, now: Moment) {
        {
            // One lock for both: a fact between them would look like a gap to every peer.
            let mut ledger = self.ledger.lock();
            self.flush(&mut ledger);
            self.tell(Topic::Control, ledger.heartbeat());
        }
        self.look_around(now);
    }

    /// Publishes the facts that wait.
    pub fn flush_facts(&self) {
        self.flush(&mut self.ledger.lock());
    }

    /// Called under the ledger's lock: the numbers have to go out in their order.
    fn flush(&self, ledger: &mut Ledger) {
        if let Some(facts) = ledger.flush() {
            self.tell(Topic::Control, facts);
        }
    }

    /// Says something to other nodes, if there can be any.
    fn tell(&self, topic: Topic, message: Message) {
        if self.clustering() != Clustering::Alone {
            self.emit(Effect::Publish(topic, message));
        }
    }

    /// Tells the others that this node is going and takes its rows along.
    pub fn say_goodbye(&self) {
        self.tell(Topic::Control, Message::Leaving);
    }

    /// Whether the topic is wanted now.
    #[must_use]
    pub fn wants(&self, topic: &Topic) -> bool {
        match topic {
            Topic::Control => true,
            Topic::Node(node) => *node == self.id(),
            Topic::Audience { app, channel } => self
                .key(app, channel)
                .is_some_and(|key| self.hub().wants(&key)),
        }
    }

    /// Notices who has been silent for too long.
    fn look_around(&self, now: Moment) {
        let link = match self.link_is_down.load(Ordering::Acquire) {
            true => LinkState::Down,
            false => LinkState::Up,
        };
        let drains = {
            let mut view = self.view.lock();
            let events = view.on_timeout(now, link);
            self.carry_out(events)
        };
        drains
            .into_iter()
            .for_each(|drain| self.start_drain(Some(drain)));
    }

    fn on_message(&self, bytes: &[u8], now: Moment) {
        let (from, message) = match Message::decode(bytes) {
            Ok(decoded) => decoded,
            // A newer node may say things that this one does not understand.
            Err(_) => return self.metrics().unreadable_message(),
        };
        if from == self.id() {
            return;
        }
        match message {
            Message::Event {
                app,
                channel,
                except,
                frame,
            } => {
                if let Some(key) = self.key(&app, &channel) {
                    self.start_drain(self.hub().receive(&key, Send { frame, except }));
                }
            }
            other => {
                let drains = {
                    let mut view = self.view.lock();
                    let events = view.apply(from, other, now);
                    self.carry_out(events)
                };
                drains
                    .into_iter()
                    .for_each(|drain| self.start_drain(Some(drain)));
            }
        }
    }

    /// Called under the view's lock, so that its changes reach the audiences in their order. What
    /// is to be delivered then waits until the lock is gone.
    fn carry_out(&self, events: Vec<ViewEvent>) -> Vec<Drain> {
        let mut drains = Vec::new();
        for event in events {
            match event {
                ViewEvent::Row(change) => drains.extend(self.merge(change)),
                ViewEvent::NeedSnapshot(node) => {
                    self.tell(Topic::Node(node), Message::SnapshotRequest);
                }
                ViewEvent::SnapshotWanted(node) => {
                    let snapshot = self.ledger.lock().snapshot();
                    self.tell(Topic::Node(node), snapshot);
                }
            }
        }
        drains
    }

    fn merge(&self, change: RowChange) -> Option<Drain> {
        let RowChange {
            app,
            channel,
            change,
            ..
        } = change;
        let key = self.key(&app, &channel)?;
        let remote = match change {
            Change::Count { before, after } => Remote::Count { before, after },
            Change::Joined(member) => Remote::Joined(member),
            Change::Updated(member) => Remote::Updated(member),
            Change::Left(user_id) => Remote::Left(user_id),
        };
        self.hub().apply(&key, &remote)
    }

    /// The audience's key, if this node has the app too.
    fn key(&self, app: &AppId, channel: &ChannelName) -> Option<Key> {
        self.apps().with_id(app).map(|app| app.key(channel))
    }
}
