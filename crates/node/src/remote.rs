//! What comes in from other nodes, and keeping in step with them.

use std::sync::atomic::Ordering;

use std::sync::Arc;

use foghorn_channels::{self as channels, Drain, Key, Remote, Send};
use foghorn_cluster::{
    AppId, Cached, Change, Fact, Inbound, Ledger, LinkState, Message, RowChange, Topic, ViewEvent,
};
use foghorn_protocol::{Moment, Recipient};

use crate::app::App;

use crate::effect::{Clustering, Effect};
use crate::node::{Inline, Node};

impl Node {
    /// Takes the next arrival of the link, strictly in order.
    pub fn on_inbound(&self, inbound: Inbound, now: Moment) {
        match inbound {
            Inbound::Message { bytes, .. } => self.on_message(&bytes, now),
            Inbound::Joined(Topic::Audience { app, recipient }) => {
                if let Some(key) = self.key(&app, recipient) {
                    self.start_drain(self.hub().joined(&key), &mut Inline::new());
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
                self.start_drains(self.hub().stop_waiting());
            }
        }
    }

    /// Says that this node lives, notices who does not, and does what time asks for. To be called
    /// every second or so.
    pub fn on_tick(&self, now: Moment) {
        {
            // One lock for both: a fact between them would look like a gap to every peer.
            let mut ledger = self.ledger.lock();
            for app in self.apps().all() {
                ledger.record(Fact::Connected {
                    app: app.id().clone(),
                    count: app.places().here(),
                });
            }
            self.flush(&mut ledger);
            self.tell(Topic::Control, ledger.heartbeat());
        }
        self.look_around(now);
        self.look_at_users(now);
        self.hub().expire(now);
        self.start_drains(self.crowds().tell(self.hub(), now));
    }

    /// Tells watchers who came online and who is gone for good.
    pub fn look_at_users(&self, now: Moment) {
        self.start_drains(self.online().look(self.hub(), now));
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
    pub(crate) fn tell(&self, topic: Topic, message: Message) {
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
            Topic::Audience { app, recipient } => self
                .key(app, recipient.clone())
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
            self.carry_out(events, now)
        };
        self.start_drains(drains);
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
                recipient,
                except,
                stamp,
                frame,
            } => {
                let Some(key) = self.key(&app, recipient) else {
                    return;
                };
                let send = Send { frame, except };
                let drain = match stamp {
                    None => self.hub().receive(&key, send),
                    Some(stamp) => {
                        let cached = channels::Cached {
                            frame: send.frame.clone(),
                            until: now.after(stamp.ttl),
                            version: stamp.version,
                        };
                        self.hub().receive_cached(&key, send, cached)
                    }
                };
                self.start_drain(drain, &mut Inline::new());
            }
            Message::Terminate { app, user_id } => {
                if let Some(app) = self.apps().with_id(&app) {
                    self.terminate_here(&app, &user_id);
                }
            }
            Message::Sent {
                app,
                session,
                messages,
            } => self.sent_here(&app, session, messages),
            other => {
                let drains = {
                    let mut view = self.view.lock();
                    let events = view.apply(from, other, now);
                    self.carry_out(events, now)
                };
                self.start_drains(drains);
            }
        }
    }

    /// Called under the view's lock, so that its changes reach the audiences in their order. What
    /// is to be delivered then waits until the lock is gone.
    fn carry_out(&self, events: Vec<ViewEvent>, now: Moment) -> Vec<Drain> {
        let mut drains = Vec::new();
        for event in events {
            match event {
                ViewEvent::Row(change) => drains.extend(self.merge(change)),
                ViewEvent::Cached(cached) => drains.extend(self.remember(cached, now)),
                ViewEvent::NeedSnapshot(node) => {
                    self.tell(Topic::Node(node), Message::SnapshotRequest);
                }
                ViewEvent::SnapshotWanted(node) => {
                    let cached = self.remembered(now);
                    let snapshot = self.ledger.lock().snapshot(cached);
                    self.tell(Topic::Node(node), snapshot);
                }
            }
        }
        drains
    }

    fn merge(&self, RowChange { app, change, .. }: RowChange) -> Option<Drain> {
        let (recipient, remote) = match change {
            Change::Connected { before, after } => {
                if let Some(app) = self.apps().with_id(&app) {
                    app.places().count_elsewhere(before, after);
                }
                return None;
            }
            Change::Count {
                recipient,
                before,
                after,
            } => (recipient, Remote::Count { before, after }),
            Change::Joined(channel, member) => (channel.into(), Remote::Joined(member)),
            Change::Updated(channel, member) => (channel.into(), Remote::Updated(member)),
            Change::Left(channel, user_id) => (channel.into(), Remote::Left(user_id)),
        };
        let key = self.key(&app, recipient)?;
        self.hub().apply(&key, &remote)
    }

    /// Takes over what a peer remembers.
    fn remember(&self, cached: Cached, now: Moment) -> Option<Drain> {
        let key = self.key(&cached.app, cached.channel.into())?;
        let cached = channels::Cached {
            frame: cached.frame,
            until: now.after(cached.ttl),
            version: cached.version,
        };
        self.hub().remember(&key, cached)
    }

    /// What this node remembers, whoever published it.
    fn remembered(&self, now: Moment) -> Vec<Cached> {
        let all = self.hub().all_cached(now).into_iter();
        all.filter_map(|(key, cached)| {
            Some(Cached {
                app: self.apps().with_number(key.app)?.id().clone(),
                channel: key.channel()?.clone(),
                version: cached.version,
                ttl: cached.until.since(now),
                frame: cached.frame,
            })
        })
        .collect()
    }

    /// The audience's key, if this node has the app too.
    fn key(&self, app: &AppId, recipient: Recipient) -> Option<Key> {
        self.apps()
            .with_id(app)
            .map(|app: Arc<App>| app.key(recipient))
    }
}
