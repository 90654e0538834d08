//! One node with everything around it: its outbox, its metrics, its clients.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use foghorn_auth::{AppKey, Credential, KeyRing, Secret, sign_channel};
use foghorn_channels::{Delivery, Drain, HashSeed, Mailbox, Progress, QueueLimits};
use foghorn_cluster::{NodeId, Patience};
use foghorn_node::{
    Action, Admission, App, AppSpec, AppStatus, Apps, Clustering, Connection, Effect, Emit,
    Handshake, Metrics, Node, NodeConfig, OverCapacity, ProtocolRule, Publish, Refusal,
    SubscriptionCount,
};
use foghorn_protocol::{ChannelName, Close, EventName, Frame, Limits, Moment, SocketId};
use foghorn_session::{ClientEvents, Policy, SubscriptionErrors, Timing};
use prometheus::Registry;
use serde_json::{Value, json};

/// Apps of every site; the key of app `x` is `key-x`, its secret `secret-x`.
pub(crate) const ONE: &str = "one";
pub(crate) const TWO: &str = "two";
pub(crate) const DISABLED: &str = "off";

/// Silence after which peers are given up.
pub(crate) const SUSPECT_AFTER: Duration = Duration::from_secs(5);
pub(crate) const ASK_AGAIN_AFTER: Duration = Duration::from_secs(2);

/// What differs between the sites of different tests.
#[derive(Clone, Copy)]
pub(crate) struct Setup {
    pub(crate) clustering: Clustering,
    pub(crate) protocol_rule: ProtocolRule,
    pub(crate) max_connections: u64,
    pub(crate) queue_limits: QueueLimits,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            clustering: Clustering::Alone,
            protocol_rule: ProtocolRule::Assumed,
            max_connections: 10_000,
            queue_limits: QueueLimits::default(),
        }
    }
}

/// Collects what the node wants done.
pub(crate) struct Outbox {
    clustering: Clustering,
    effects: Mutex<VecDeque<Effect>>,
}

impl Emit for Outbox {
    fn emit(&self, effect: Effect) {
        self.effects.lock().unwrap().push_back(effect);
    }

    fn clustering(&self) -> Clustering {
        self.clustering
    }
}

pub(crate) struct Site {
    pub(crate) node: Arc<Node>,
    pub(crate) registry: Registry,
    outbox: Arc<Outbox>,
    sockets: AtomicU64,
}

impl Site {
    pub(crate) fn alone() -> Self {
        Self::new(1, Setup::default())
    }

    pub(crate) fn new(number: u64, setup: Setup) -> Self {
        let registry = Registry::new();
        let metrics = Metrics::register(&registry).unwrap();
        let specs = vec![
            spec(ONE, AppStatus::Enabled),
            spec(TWO, AppStatus::Enabled),
            spec(DISABLED, AppStatus::Disabled),
        ];
        let outbox = Arc::new(Outbox {
            clustering: setup.clustering,
            effects: Mutex::default(),
        });
        let config = NodeConfig {
            id: NodeId::from_random(number),
            apps: Apps::new(specs, &metrics).unwrap(),
            seed: HashSeed::new(number, 7),
            queue_limits: setup.queue_limits,
            protocol_rule: setup.protocol_rule,
            max_connections: setup.max_connections,
            patience: Patience {
                suspect_after: SUSPECT_AFTER,
                ask_again_after: ASK_AGAIN_AFTER,
            },
            metrics,
        };
        let emit: Arc<dyn Emit> = Arc::<Outbox>::clone(&outbox);
        Self {
            node: Arc::new(Node::new(config, emit)),
            registry,
            outbox,
            // Socket ids are unique in the cluster: the node's number is their first half.
            sockets: AtomicU64::new(number << 32),
        }
    }

    pub(crate) fn app(&self, id: &str) -> &App {
        self.node.apps().with_id(id).unwrap()
    }

    /// The oldest effect that waits.
    pub(crate) fn next_effect(&self) -> Option<Effect> {
        self.outbox.effects.lock().unwrap().pop_front()
    }

    /// All effects that wait.
    pub(crate) fn effects(&self) -> Vec<Effect> {
        std::iter::from_fn(|| self.next_effect()).collect()
    }

    /// The drains among the effects that wait; there must be nothing else.
    pub(crate) fn drains(&self) -> Vec<Drain> {
        self.effects()
            .into_iter()
            .map(|effect| match effect {
                Effect::Drain(drain) => drain,
                other => panic!("unexpected {other:?}"),
            })
            .collect()
    }

    /// Finishes a drain; the number of slices it took.
    pub(crate) fn finish(&self, drain: &mut Drain, budget: usize) -> usize {
        let mut slices = 1;
        while drain.run(budget) == Progress::More {
            slices += 1;
        }
        slices
    }

    pub(crate) fn admit(&self, key: &str, protocol: Option<&str>) -> Result<Admission, Refusal> {
        self.node.admit(&Handshake {
            key: Some(key),
            protocol,
        })
    }

    /// A client of app `app` that speaks `protocol`, its greeting not yet read.
    pub(crate) fn open(&self, app: &str, protocol: &str) -> Client {
        let admission = self.admit(&format!("key-{app}"), Some(protocol)).unwrap();
        let letters = Arc::new(Letters::default());
        let mailbox: Arc<dyn Mailbox> = Arc::<Letters>::clone(&letters);
        let random = self.sockets.fetch_add(1, Ordering::Relaxed);
        let node = Arc::clone(&self.node);
        let connection = Connection::open(node, admission, mailbox, random, Moment::default());
        Client {
            credential: credential(app),
            connection,
            letters,
        }
    }

    /// A client of app [`ONE`] that has read its greeting.
    pub(crate) fn client(&self) -> Client {
        let client = self.open(ONE, "7");
        client.letters();
        client
    }

    /// A client that is subscribed to `channel`, with nothing in its mailbox.
    pub(crate) fn subscriber(&self, channel: &str) -> Client {
        let mut client = self.client();
        client.subscribe(channel);
        assert_eq!(
            client.heard(),
            [format!(
                "pusher_internal:subscription_succeeded {channel} {{}}"
            )]
        );
        client
    }

    /// A client that is on the presence channel as `user`; the snapshot is left unread.
    pub(crate) fn member(&self, channel: &str, user: &str) -> Client {
        let mut client = self.client();
        client.join(channel, &json!({ "user_id": user }).to_string());
        client
    }

    /// Publishes on channels of app [`ONE`].
    pub(crate) fn publish(&self, channels: &[&str], data: &str) -> Result<(), OverCapacity> {
        self.node.publish(self.app(ONE), &[event(channels, data)])
    }

    /// Subscribed connections and distinct users of a channel of app [`ONE`].
    pub(crate) fn occupancy(&self, channel: &str) -> (u64, usize) {
        let occupancy = self.node.occupancy(self.app(ONE), &name(channel));
        (occupancy.subscriptions, occupancy.users)
    }

    pub(crate) fn user_ids(&self, channel: &str) -> Vec<String> {
        let ids = self.node.user_ids(self.app(ONE), &name(channel));
        ids.iter().map(ToString::to_string).collect()
    }

    /// Occupied channels of app [`ONE`] with their subscriptions.
    pub(crate) fn occupied(&self, prefix: &str) -> Vec<(String, u64)> {
        let occupied = self.node.occupied(self.app(ONE), prefix).into_iter();
        occupied
            .map(|(channel, occupancy)| (channel.as_str().to_owned(), occupancy.subscriptions))
            .collect()
    }

    /// Nobody is here: no connection, no channel, and every gauge says so.
    pub(crate) fn assert_empty(&self) {
        assert_eq!(self.node.connections(), 0);
        assert_eq!(self.node.channels(), 0);
        for gauge in ["foghorn_connections", "foghorn_subscriptions"] {
            for app in [ONE, TWO, DISABLED] {
                assert_eq!(self.gauge(gauge, app), 0, "{gauge} of {app}");
            }
        }
    }

    pub(crate) fn gauge(&self, name: &str, app: &str) -> i64 {
        self.metric(name, &[("app_id", app)], |metric| {
            metric.get_gauge().get_value() as i64
        })
    }

    pub(crate) fn counter(&self, name: &str, labels: &[(&str, &str)]) -> i64 {
        self.metric(name, labels, |metric| {
            metric.get_counter().get_value() as i64
        })
    }

    fn metric(
        &self,
        name: &str,
        labels: &[(&str, &str)],
        read: impl Fn(&prometheus::proto::Metric) -> i64,
    ) -> i64 {
        let families = self.registry.gather();
        let family = families.iter().find(|family| family.name() == name);
        let metrics = family.map(|family| family.get_metric());
        let wanted = |metric: &&prometheus::proto::Metric| {
            labels.iter().all(|(name, value)| {
                let mut pairs = metric.get_label().iter();
                pairs.any(|pair| (pair.name(), pair.value()) == (*name, *value))
            })
        };
        metrics
            .unwrap_or_default()
            .iter()
            .filter(wanted)
            .map(read)
            .sum()
    }
}

/// What the node put into one connection's mailbox.
#[derive(Default)]
pub(crate) struct Letters(Mutex<Vec<Frame>>);

impl Mailbox for Letters {
    fn deliver(&self, frame: &Frame) -> Delivery {
        self.0.lock().unwrap().push(frame.clone());
        Delivery::Accepted
    }
}

/// One message to a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Letter {
    pub(crate) event: String,
    pub(crate) channel: String,
    pub(crate) data: String,
    pub(crate) user_id: Option<String>,
}

impl Letter {
    fn read(frame: &Frame) -> Self {
        let json: Value = serde_json::from_slice(frame.text()).unwrap();
        let text = |name: &str| json[name].as_str().unwrap_or_default().to_owned();
        let data = match &json["data"] {
            Value::String(data) => data.clone(),
            object => object.to_string(),
        };
        Self {
            event: text("event"),
            channel: text("channel"),
            data,
            user_id: json["user_id"].as_str().map(str::to_owned),
        }
    }
}

pub(crate) struct Client {
    pub(crate) connection: Connection,
    credential: Credential,
    letters: Arc<Letters>,
}

impl Client {
    pub(crate) fn say(&mut self, message: &Value) -> Option<Action> {
        self.connection
            .on_text(&message.to_string(), Moment::default())
    }

    /// Subscribes, signed where that is needed.
    pub(crate) fn subscribe(&mut self, channel: &str) {
        let auth = sign_channel(&self.credential, self.socket(), channel, None);
        let data = json!({ "channel": channel, "auth": auth });
        let action = self.say(&json!({ "event": "pusher:subscribe", "data": data }));
        assert_eq!(action, None);
    }

    /// Subscribes to a presence channel.
    pub(crate) fn join(&mut self, channel: &str, channel_data: &str) {
        let socket = self.socket();
        let auth = sign_channel(&self.credential, socket, channel, Some(channel_data));
        let data = json!({ "channel": channel, "auth": auth, "channel_data": channel_data });
        let action = self.say(&json!({ "event": "pusher:subscribe", "data": data }));
        assert_eq!(action, None);
    }

    pub(crate) fn unsubscribe(&mut self, channel: &str) {
        let data = json!({ "channel": channel });
        let action = self.say(&json!({ "event": "pusher:unsubscribe", "data": data }));
        assert_eq!(action, None);
    }

    pub(crate) fn socket(&self) -> SocketId {
        self.connection.socket()
    }

    pub(crate) fn close(&mut self, close: Close) -> Option<Action> {
        self.connection.close(close)
    }

    /// Takes what is in the mailbox, byte for byte.
    pub(crate) fn texts(&self) -> Vec<String> {
        let frames = std::mem::take(&mut *self.letters.0.lock().unwrap());
        let texts = frames.iter().map(|frame| frame.text().to_vec());
        texts.map(|text| String::from_utf8(text).unwrap()).collect()
    }

    /// Takes what is in the mailbox.
    pub(crate) fn letters(&self) -> Vec<Letter> {
        let frames = std::mem::take(&mut *self.letters.0.lock().unwrap());
        frames.iter().map(Letter::read).collect()
    }

    /// Takes what is in the mailbox, each message as `event channel data`.
    pub(crate) fn heard(&self) -> Vec<String> {
        let letters = self.letters().into_iter();
        letters
            .map(|letter| format!("{} {} {}", letter.event, letter.channel, letter.data))
            .collect()
    }

    /// Takes what is in the mailbox; the data alone.
    pub(crate) fn heard_data(&self) -> Vec<String> {
        let letters = self.letters().into_iter();
        letters.map(|letter| letter.data).collect()
    }

    /// Reads the snapshot of a presence channel, which must be the only message.
    pub(crate) fn heard_members(&self) -> Vec<String> {
        match &*self.letters() {
            [letter] => member_ids(letter),
            other => panic!("one snapshot expected: {other:?}"),
        }
    }
}

/// The ids in the acknowledgement of a presence subscription, sorted.
pub(crate) fn member_ids(letter: &Letter) -> Vec<String> {
    assert_eq!(letter.event, "pusher_internal:subscription_succeeded");
    let data: Value = serde_json::from_str(&letter.data).unwrap();
    let presence = &data["presence"];
    let texts = presence["ids"].as_array().unwrap().iter();
    let mut ids: Vec<String> = texts.map(|id| id.as_str().unwrap().to_owned()).collect();
    ids.sort_unstable();
    let hash = presence["hash"].as_object().unwrap();
    assert_eq!(hash.keys().cloned().collect::<Vec<_>>(), ids);
    assert_eq!(presence["count"], ids.len());
    ids
}

pub(crate) fn name(channel: &str) -> ChannelName {
    ChannelName::parse(channel, 200).unwrap()
}

/// An event `e` for `channels`.
pub(crate) fn event(channels: &[&str], data: &str) -> Publish {
    Publish {
        channels: channels.iter().map(|channel| name(channel)).collect(),
        event: EventName::parse("e", 200).unwrap(),
        data: data.to_owned(),
        except: None,
    }
}

fn credential(app: &str) -> Credential {
    Credential {
        key: AppKey::parse(&format!("key-{app}")).unwrap(),
        secret: Secret::parse(&format!("secret-{app}")).unwrap(),
    }
}

fn spec(id: &str, status: AppStatus) -> AppSpec {
    AppSpec {
        id: id.into(),
        status,
        policy: Policy {
            keys: KeyRing::new(vec![credential(id)]).unwrap(),
            limits: Limits::default(),
            client_events: ClientEvents::Allowed,
            subscription_errors: SubscriptionErrors::ToConnectionAndChannel,
            timing: Timing::default(),
        },
        subscription_count: SubscriptionCount::Shared,
    }
}
