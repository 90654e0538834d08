//! One node with everything around it: its outbox, its metrics, its clients.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use foghorn_auth::{AppKey, Credential, KeyRing, Secret};
use foghorn_channels::{Drain, HashSeed, Mailbox, Progress, QueueLimits};
use foghorn_cluster::{NodeId, Patience};
use foghorn_node::{
    Admission, App, AppSpec, AppStatus, Apps, Clustering, Connection, Effect, Emit, Encryption,
    Handshake, Metrics, Node, NodeConfig, OverCapacity, ProtocolRule, Refusal, Transport,
};
use foghorn_protocol::{Moment, UnixSeconds, UserId};
use foghorn_session::{ClientEvents, Policy};
use prometheus::Registry;
use serde_json::json;

use crate::client::{Client, Letters, event, name};

/// Apps of every site; the key of app `x` is `key-x`, its secret `secret-x`.
pub(crate) const ONE: &str = "one";
pub(crate) const TWO: &str = "two";
pub(crate) const DISABLED: &str = "off";

/// Silence after which peers are given up.
pub(crate) const SUSPECT_AFTER: Duration = Duration::from_secs(5);
pub(crate) const ASK_AGAIN_AFTER: Duration = Duration::from_secs(2);
/// How long watchers do not hear that a user has gone.
pub(crate) const OFFLINE_DELAY: Duration = Duration::from_secs(3);

/// What differs between the sites of different tests.
#[derive(Clone, Copy)]
pub(crate) struct Setup {
    pub(crate) clustering: Clustering,
    pub(crate) protocol_rule: ProtocolRule,
    pub(crate) max_connections: u64,
    pub(crate) queue_limits: QueueLimits,
    pub(crate) offline_delay: Duration,
    /// Changes the rules of app [`ONE`].
    pub(crate) rules: fn(&mut AppSpec),
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            clustering: Clustering::Alone,
            protocol_rule: ProtocolRule::Assumed,
            max_connections: 10_000,
            queue_limits: QueueLimits::default(),
            offline_delay: OFFLINE_DELAY,
            rules: |_| {},
        }
    }
}

/// The time on which everybody agrees.
#[derive(Clone, Default)]
pub(crate) struct Clock(Arc<AtomicU64>);

impl Clock {
    pub(crate) fn now(&self) -> Moment {
        Moment::from_start(Duration::from_millis(self.0.load(Ordering::Relaxed)))
    }

    /// What a node that starts now finds on the wall.
    fn started(&self) -> UnixSeconds {
        UnixSeconds(1_760_000_000 + self.now().since_start().as_secs())
    }

    /// Time passes; nobody notices yet.
    pub(crate) fn wait(&self, span: Duration) {
        let millis = u64::try_from(span.as_millis()).unwrap();
        self.0.fetch_add(millis, Ordering::Relaxed);
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
    pub(crate) clock: Clock,
    outbox: Arc<Outbox>,
    sockets: AtomicU64,
}

impl Site {
    pub(crate) fn alone() -> Self {
        Self::new(1, Setup::default())
    }

    pub(crate) fn new(number: u64, setup: Setup) -> Self {
        Self::on_clock(number, setup, Clock::default())
    }

    pub(crate) fn on_clock(number: u64, setup: Setup, clock: Clock) -> Self {
        let registry = Registry::new();
        let metrics = Metrics::register(&registry).unwrap();
        let mut specs = vec![spec(ONE), spec(TWO), spec(DISABLED)];
        (setup.rules)(&mut specs[0]);
        specs[2].status = AppStatus::Disabled;
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
            offline_delay: setup.offline_delay,
            started: clock.started(),
            metrics,
        };
        let emit: Arc<dyn Emit> = Arc::<Outbox>::clone(&outbox);
        Self {
            node: Arc::new(Node::new(config, emit)),
            registry,
            clock,
            outbox,
            // Socket ids are unique in the cluster: the node's number is their first half.
            sockets: AtomicU64::new(number << 32),
        }
    }

    pub(crate) fn app(&self, id: &str) -> Arc<App> {
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
        self.node.admit(&handshake(key, protocol))
    }

    /// A client of app `app` that speaks `protocol`, its greeting not yet read.
    pub(crate) fn open(&self, app: &str, protocol: &str) -> Client {
        let admission = self.admit(&format!("key-{app}"), Some(protocol)).unwrap();
        self.connect(app, admission)
    }

    /// An admitted client of app `app`, its greeting not yet read.
    pub(crate) fn connect(&self, app: &str, admission: Admission) -> Client {
        let letters = Arc::new(Letters::default());
        let mailbox: Arc<dyn Mailbox> = Arc::<Letters>::clone(&letters);
        let random = self.sockets.fetch_add(1, Ordering::Relaxed);
        let node = Arc::clone(&self.node);
        let connection = Connection::open(node, admission, mailbox, random, self.clock.now());
        Client {
            credential: credential(app),
            connection,
            letters,
            clock: self.clock.clone(),
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

    /// A client that is signed in as `user`, with nothing in its mailbox.
    pub(crate) fn signed_in(&self, user: &str) -> Client {
        let mut client = self.client();
        let user_data = json!({ "id": user }).to_string();
        assert_eq!(client.sign_in(&user_data), None);
        let success = json!({ "user_data": user_data });
        assert_eq!(
            client.heard(),
            [format!("pusher:signin_success  {success}")]
        );
        client
    }

    /// A client that is signed in as `user` and watches others; it has read that it is signed in.
    pub(crate) fn watcher(&self, user: &str, watchlist: &[&str]) -> Client {
        let mut client = self.client();
        let user_data = json!({ "id": user, "watchlist": watchlist });
        assert_eq!(client.sign_in(&user_data.to_string()), None);
        let success = client.take_first();
        assert_eq!(success.event, "pusher:signin_success");
        client
    }

    /// Ends the connections of a user of app [`ONE`].
    pub(crate) fn terminate(&self, user: &str) {
        let user = UserId::parse(user, 128).unwrap();
        self.node.terminate(&self.app(ONE), &user);
    }

    /// Publishes on channels of app [`ONE`].
    pub(crate) fn publish(&self, channels: &[&str], data: &str) -> Result<(), OverCapacity> {
        self.node
            .publish(&self.app(ONE), &[event(channels, data)], self.clock.now())
            .map(drop)
    }

    /// Subscribed connections and distinct users of a channel of app [`ONE`].
    pub(crate) fn occupancy(&self, channel: &str) -> (u64, usize) {
        let occupancy = self.node.occupancy(&self.app(ONE), &name(channel));
        (occupancy.subscriptions, occupancy.users)
    }

    pub(crate) fn user_ids(&self, channel: &str) -> Vec<String> {
        let members = self.node.members(&self.app(ONE), &name(channel));
        let ids = members.iter().map(|member| member.user_id.to_string());
        ids.collect()
    }

    /// The payload that a channel of app [`ONE`] remembers.
    pub(crate) fn cached(&self, channel: &str) -> Option<String> {
        let cached = self
            .node
            .cached(&self.app(ONE), &name(channel), self.clock.now());
        cached.map(|cached| cached.data)
    }

    /// Occupied channels of app [`ONE`] with their subscriptions.
    pub(crate) fn occupied(&self, prefix: &str) -> Vec<(String, u64)> {
        let occupied = self.node.occupied(&self.app(ONE), prefix).into_iter();
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

    /// The sum of an app's series.
    pub(crate) fn gauge(&self, name: &str, app: &str) -> i64 {
        self.gauges(name, &[("app_id", app)])
    }

    /// Whether there is a series of an app.
    pub(crate) fn shows(&self, name: &str, app: &str) -> bool {
        self.metric(name, &[("app_id", app)], |_| 1) > 0
    }

    /// Connections of app [`ONE`] over a transport, those it has had, and clients of any app that
    /// were refused.
    pub(crate) fn connections_over(&self, transport: &str) -> (i64, i64, i64) {
        let transport = ("transport", transport);
        let labels = [("app_id", ONE), transport];
        (
            self.gauges("foghorn_connections", &labels),
            self.counter("foghorn_connections_opened_total", &labels),
            self.counter("foghorn_connections_refused_total", &[transport]),
        )
    }

    fn gauges(&self, name: &str, labels: &[(&str, &str)]) -> i64 {
        self.metric(name, labels, |metric| metric.get_gauge().get_value() as i64)
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

fn credential(app: &str) -> Credential {
    Credential {
        key: AppKey::parse(&format!("key-{app}")).unwrap(),
        secret: Secret::parse(&format!("secret-{app}")).unwrap(),
    }
}

pub(crate) fn spec(id: &str) -> AppSpec {
    let mut policy = Policy::new(KeyRing::new(vec![credential(id)]).unwrap());
    policy.client_events = ClientEvents::Allowed;
    AppSpec::new(id.into(), policy)
}

/// A client that says nothing but what it must.
pub(crate) fn handshake<'a>(key: &'a str, protocol: Option<&'a str>) -> Handshake<'a> {
    Handshake {
        key: Some(key),
        protocol,
        client: None,
        origin: None,
        encryption: Encryption::Plain,
        transport: Transport::WebSocket,
    }
}
