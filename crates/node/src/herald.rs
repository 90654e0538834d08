//! Announcing to the cluster what happens on this node's channels.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use foghorn_channels::{Announce, Change, Counting, Joining, Key, News, Send, Stamp, Tally};
use foghorn_cluster::{self as cluster, AppId, Cached, Fact, Ledger, Message, Topic};
use foghorn_protocol::{Recipient, UserId};
use foghorn_session::Watchlists;
use foghorn_webhooks::Wake;
use parking_lot::Mutex;

use crate::app::{App, SubscriptionCount};
use crate::apps::Apps;
use crate::crowds::Crowds;
use crate::effect::{Clustering, Effect, Emit};
use crate::metrics::Metrics;
use crate::online::Online;
use crate::webhooks::Rounds;

/// Turns what the hub says into facts and effects. Called under an audience's lock.
pub(crate) struct Herald {
    pub(crate) apps: Arc<Apps>,
    pub(crate) emit: Arc<dyn Emit>,
    pub(crate) ledger: Arc<Mutex<Ledger>>,
    pub(crate) link_is_down: Arc<AtomicBool>,
    pub(crate) crowds: Arc<Crowds>,
    pub(crate) online: Arc<Online>,
    pub(crate) rounds: Arc<Rounds>,
    pub(crate) metrics: Metrics,
}

impl Herald {
    /// The app's id, unless nobody would listen.
    fn audible(&self, key: &Key) -> Option<AppId> {
        match self.emit.clustering() {
            Clustering::Alone => None,
            Clustering::Linked(_) => self.app(key).map(|app| app.id().clone()),
        }
    }

    fn app(&self, key: &Key) -> Option<Arc<App>> {
        self.apps.with_number(key.app)
    }

    fn topic(&self, key: &Key) -> Option<Topic> {
        let recipient = key.recipient()?.clone();
        let app = self.audible(key)?;
        Some(Topic::Audience { app, recipient })
    }

    fn record(&self, fact: Fact) {
        self.ledger.lock().record(fact);
        self.emit.emit(Effect::FactsWaiting);
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
        let Some(recipient) = key.recipient() else {
            return;
        };
        let fact = match (change, recipient.channel()) {
            (Change::Count(count), _) => Fact::Occupied {
                app,
                recipient: recipient.clone(),
                count,
            },
            (Change::Joined(member), Some(channel)) => Fact::Joined {
                app,
                channel: channel.clone(),
                member: member.clone(),
            },
            (Change::Left(user_id), Some(channel)) => Fact::Left {
                app,
                channel: channel.clone(),
                user_id: user_id.clone(),
            },
            (Change::Joined(_) | Change::Left(_), None) => return,
        };
        self.record(fact);
    }

    fn relay(&self, key: &Key, send: &Send, stamp: Option<Stamp>) {
        let Some(topic) = self.topic(key) else { return };
        let Topic::Audience { app, recipient } = &topic else {
            return;
        };
        let message = Message::Event {
            app: app.clone(),
            recipient: recipient.clone(),
            except: send.except,
            stamp: stamp.map(|Stamp { version, ttl }| cluster::Stamp { version, ttl }),
            frame: send.frame.clone(),
        };
        // Nodes without subscribers do not hear the event itself. It goes first: who gets it from
        // the cache of a node that has heard the fact alone would hear it again.
        let fact = match (stamp, recipient.channel()) {
            (Some(Stamp { version, ttl }), Some(channel)) => Some(Fact::Cached(Cached {
                app: app.clone(),
                channel: channel.clone(),
                version,
                ttl,
                frame: send.frame.clone(),
            })),
            _ => None,
        };
        self.emit.emit(Effect::Publish(topic, message));
        if let Some(fact) = fact {
            self.record(fact);
        }
    }

    fn counting(&self, key: &Key) -> Counting {
        let counted = key
            .channel()
            .is_some_and(|channel| !channel.kind().is_presence());
        let app = self.app(key).filter(|_| counted);
        match app.map(|app| app.subscription_count()) {
            Some(SubscriptionCount::Shared) => Counting::Told,
            Some(SubscriptionCount::Hidden) | None => Counting::Silent,
        }
    }

    fn tally(&self, key: &Key) -> Arc<Tally> {
        // Of an app that has just gone, nobody asks for the sum.
        let app = self.app(key);
        app.map(|app| app.usage().tally()).unwrap_or_default()
    }

    fn count_waits(&self, key: &Key) {
        self.crowds.wait(key);
    }

    fn happened(&self, key: &Key, news: News<'_>) {
        match (key.recipient(), news) {
            (Some(Recipient::Channel(channel)), news) => {
                let app = self.app(key);
                if app.is_some_and(|app| app.note(channel, news) == Wake::Shell) {
                    self.rounds.wake(key.app);
                    self.emit.emit(Effect::WebhooksWaiting);
                }
            }
            (Some(Recipient::User(user)), News::Occupied | News::Vacated) => {
                self.user_turned(key, user);
            }
            (Some(Recipient::User(_)) | None, _) => {}
        }
    }

    fn evicted(&self) {
        self.metrics.cached_event_evicted();
    }
}

impl Herald {
    /// A user has come online or gone.
    fn user_turned(&self, key: &Key, user: &UserId) {
        let app = self.app(key);
        if app.is_some_and(|app| app.policy().watchlists == Watchlists::Served) {
            self.online.mark(key.app, user);
            self.emit.emit(Effect::UsersWaiting);
        }
    }
}
