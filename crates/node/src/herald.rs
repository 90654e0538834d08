//! Announcing to the cluster what happens on this node's channels.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use foghorn_channels::{Announce, Change, Joining, Key, Send};
use foghorn_cluster::{self as cluster, AppId, Fact, Ledger, Message, Topic};
use parking_lot::Mutex;

use crate::app::Apps;
use crate::effect::{Clustering, Effect, Emit};

/// Turns what the hub says into facts and effects. Called under an audience's lock.
pub(crate) struct Herald {
    pub(crate) apps: Arc<Apps>,
    pub(crate) emit: Arc<dyn Emit>,
    pub(crate) ledger: Arc<Mutex<Ledger>>,
    pub(crate) link_is_down: Arc<AtomicBool>,
}

impl Herald {
    /// The app's id, unless nobody would listen.
    fn audible(&self, key: &Key) -> Option<AppId> {
        match self.emit.clustering() {
            Clustering::Alone => None,
            Clustering::Linked(_) => self.apps.with_number(key.app).map(|app| app.id().clone()),
        }
    }

    fn topic(&self, key: &Key) -> Option<Topic> {
        self.audible(key).map(|app| Topic::Audience {
            app,
            channel: key.channel.clone(),
        })
    }
}

impl Announce for Herald {
    fn interest(&self, key: &Key) -> Joining {
        let Some(topic) = self.topic(key) else {
            return Joining::Done;
        };
        self.emit.emit(Effect::Join(topic));
        match self.emit.clustering() {
            // Local delivery does not wait for a link that may be gone for long.
            _ if self.link_is_down.load(Ordering::Acquire) => Joining::Done,
            Clustering::Alone | Clustering::Linked(cluster::Joining::AtOnce) => Joining::Done,
            Clustering::Linked(cluster::Joining::Later) => Joining::Awaited,
        }
    }

    fn lost_interest(&self, key: &Key) {
        if let Some(topic) = self.topic(key) {
            self.emit.emit(Effect::Leave(topic));
        }
    }

    fn changed(&self, key: &Key, change: Change<'_>) {
        let Some(app) = self.audible(key) else { return };
        let channel = key.channel.clone();
        let fact = match change {
            Change::Count(count) => Fact::Occupied {
                app,
                channel,
                count,
            },
            Change::Joined(member) => Fact::Joined {
                app,
                channel,
                member: member.clone(),
            },
            Change::Left(user_id) => Fact::Left {
                app,
                channel,
                user_id: user_id.clone(),
            },
        };
        self.ledger.lock().record(fact);
        self.emit.emit(Effect::FactsWaiting);
    }

    fn relay(&self, key: &Key, send: &Send) {
        let Some(app) = self.audible(key) else { return };
        let channel = key.channel.clone();
        let topic = Topic::Audience {
            app: app.clone(),
            channel: channel.clone(),
        };
        let Send { frame, except } = send.clone();
        self.emit.emit(Effect::Publish(
            topic,
            Message::Event {
                app,
                channel,
                except,
                frame,
            },
        ));
    }
}
