//! A node that is alone, with one app, and clients that only count what they get.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use foghorn_auth::{AppKey, Credential, KeyRing, Secret, sign_channel};
use foghorn_channels::{Delivery, HashSeed, Mailbox, Progress, QueueLimits};
use foghorn_cluster::{NodeId, Patience};
use foghorn_node::{
    AppSpec, Apps, Clustering, Connection, Effect, Emit, Encryption, Handshake, Metrics, Node,
    NodeConfig, ProtocolRule, Transport,
};
use foghorn_protocol::{Close, Frame, Moment, SocketId, UnixSeconds};
use foghorn_session::{ClientEvents, Policy};
use prometheus::Registry;
use serde_json::json;

/// The app's id.
pub(crate) const APP_ID: &str = "4242";
const KEY: &str = "k7f3d0c1b2a39485";
const SECRET: &str = "s3cr3t-9f8e7d6c5b4a";

/// A node and those who are connected to it.
pub(crate) struct World {
    node: Arc<Node>,
    delivered: Arc<AtomicU64>,
}

impl World {
    /// A node to which nobody is connected.
    pub(crate) fn new() -> Self {
        let metrics = Metrics::register(&Registry::new()).unwrap();
        let policy = Policy {
            client_events: ClientEvents::Allowed,
            ..Policy::new(KeyRing::new(vec![credential()]).unwrap())
        };
        let app = AppSpec::new(APP_ID.into(), policy);
        let config = NodeConfig {
            id: NodeId::from_random(1),
            apps: Apps::new(vec![app], &metrics).unwrap(),
            seed: HashSeed::new(1, 2),
            queue_limits: QueueLimits::default(),
            protocol_rule: ProtocolRule::Required,
            max_connections: 1_000,
            patience: Patience {
                suspect_after: Duration::from_secs(5),
                ask_again_after: Duration::from_secs(2),
            },
            offline_delay: Duration::ZERO,
            started: UnixSeconds(0),
            metrics,
        };
        Self {
            node: Arc::new(Node::new(config, Arc::new(Shell))),
            delivered: Arc::default(),
        }
    }

    /// The node.
    pub(crate) fn node(&self) -> &Arc<Node> {
        &self.node
    }

    /// Messages that all clients together have got until now.
    pub(crate) fn delivered(&self) -> u64 {
        self.delivered.load(Ordering::Relaxed)
    }

    /// A new connection; `number` becomes the socket id.
    pub(crate) fn connect(&self, number: u64) -> Connection {
        let handshake = Handshake {
            key: Some(KEY),
            protocol: Some("7"),
            client: Some("js"),
            origin: None,
            encryption: Encryption::Plain,
            transport: Transport::WebSocket,
        };
        let admission = self.node.admit(&handshake).unwrap();
        let mailbox = Arc::new(Tally(Arc::clone(&self.delivered)));
        let node = Arc::clone(&self.node);
        Connection::open(node, admission, mailbox, number, Moment::default())
    }

    /// A new connection that is subscribed to `channel`, as the user `number` where that matters.
    pub(crate) fn subscriber(&self, number: u64, channel: &str) -> Connection {
        let mut connection = self.connect(number);
        say(
            &mut connection,
            &subscription(number, channel),
            Moment::default(),
        );
        connection
    }
}

/// What the connection `number` says to subscribe to `channel`, as the user `number` where that
/// matters.
pub(crate) fn subscription(number: u64, channel: &str) -> String {
    let user = json!({ "user_id": format!("user-{number}"), "user_info": { "name": "Somebody" } });
    let user = channel.starts_with("presence-").then(|| user.to_string());
    let socket = SocketId::from_random(number);
    let auth = sign_channel(&credential(), socket, channel, user.as_deref());
    let data = json!({ "channel": channel, "auth": auth, "channel_data": user });
    json!({ "event": "pusher:subscribe", "data": data }).to_string()
}

/// Has a client say something that the server has no reason to close for.
pub(crate) fn say(connection: &mut Connection, message: &str, now: Moment) {
    assert_eq!(connection.on_text(message, now), None);
}

/// The app's credential.
pub(crate) fn credential() -> Credential {
    Credential {
        key: AppKey::parse(KEY).unwrap(),
        secret: Secret::parse(SECRET).unwrap(),
    }
}

struct Tally(Arc<AtomicU64>);

impl Mailbox for Tally {
    fn deliver(&self, frames: &[Frame]) -> Delivery {
        self.0.fetch_add(frames.len() as u64, Ordering::Relaxed);
        Delivery::Accepted
    }

    fn put(&self, frame: &Frame) -> Delivery {
        self.deliver(std::slice::from_ref(frame))
    }

    fn flush(&self) {}

    fn ask_to_close(&self, _: &Close) {}
}

/// The shell of a node that has no peers: it finishes deliveries.
struct Shell;

impl Emit for Shell {
    fn emit(&self, effect: Effect) {
        match effect {
            Effect::Drain(mut drain) => while drain.run(64) == Progress::More {},
            other => unreachable!("{other:?}"),
        }
    }

    fn clustering(&self) -> Clustering {
        Clustering::Alone
    }
}
