//! A node that is alone, with one app, and clients that keep what they hear.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use foghorn_auth::{AppKey, Credential, KeyRing, Secret, sign_channel};
use foghorn_channels::{Delivery, HashSeed, Mailbox, QueueLimits};
use foghorn_cluster::{NodeId, Patience};
use foghorn_node::{
    AppSpec, Apps, Clustering, Connection, Effect, Emit, Encryption, Handshake, Metrics, Node,
    NodeConfig, ProtocolRule, SubscriptionCount, Transport,
};
use foghorn_protocol::{Close, Frame, Moment, UnixSeconds};
use foghorn_session::{ClientEvents, Policy, Watchlists};
use prometheus::Registry;
use serde_json::{Value, json};

/// The app's id.
pub(crate) const APP_ID: &str = "4242";
/// The app's key.
pub(crate) const KEY: &str = "k7f3d0c1b2a39485";
const SECRET: &str = "s3cr3t-9f8e7d6c5b4a";

/// The app's credential.
pub(crate) fn credential() -> Credential {
    Credential {
        key: AppKey::parse(KEY).unwrap(),
        secret: Secret::parse(SECRET).unwrap(),
    }
}

/// The credentials of the app: the one above, and another.
pub(crate) fn ring() -> KeyRing {
    let spare = Credential {
        key: AppKey::parse("spare").unwrap(),
        secret: Secret::parse("spare-secret").unwrap(),
    };
    KeyRing::new(vec![spare, credential()]).unwrap()
}

/// A new node without connections.
pub(crate) fn node() -> Arc<Node> {
    let metrics = Metrics::register(&Registry::new()).unwrap();
    let policy = Policy {
        client_events: ClientEvents::Allowed,
        watchlists: Watchlists::Served,
        ..Policy::new(ring())
    };
    let app = AppSpec {
        subscription_count: SubscriptionCount::Shared,
        ..AppSpec::new(APP_ID.into(), policy)
    };
    let config = NodeConfig {
        id: NodeId::from_random(1),
        apps: Apps::new(vec![app], &metrics).unwrap(),
        seed: HashSeed::new(1, 2),
        queue_limits: QueueLimits::default(),
        protocol_rule: ProtocolRule::Assumed,
        max_connections: 10,
        patience: Patience {
            suspect_after: Duration::from_secs(5),
            ask_again_after: Duration::from_secs(2),
        },
        offline_delay: Duration::ZERO,
        started: UnixSeconds(0),
        metrics,
    };
    Arc::new(Node::new(config, Arc::new(Nothing)))
}

/// Two clients are never too many to be served at once, so nothing is left to be done but to look
/// at the users, which is the caller's.
struct Nothing;

impl Emit for Nothing {
    fn emit(&self, effect: Effect) {
        assert!(matches!(effect, Effect::UsersWaiting), "{effect:?}");
    }

    fn clustering(&self) -> Clustering {
        Clustering::Alone
    }
}

/// A connected client.
pub(crate) struct Client {
    /// Its connection; dropping it is disconnecting.
    pub(crate) connection: Connection,
    letters: Arc<Letters>,
}

#[derive(Default)]
struct Letters(Mutex<Vec<Frame>>);

impl Mailbox for Letters {
    fn deliver(&self, frames: &[Frame]) -> Delivery {
        let mut letters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        letters.extend_from_slice(frames);
        Delivery::Accepted
    }

    fn put(&self, frame: &Frame) -> Delivery {
        self.deliver(std::slice::from_ref(frame))
    }

    fn flush(&self) {}

    fn ask_to_close(&self, _: &Close) {}
}

impl Client {
    /// Connects to the app; `number` becomes the socket id. The greeting is taken off.
    pub(crate) fn connect(node: &Arc<Node>, number: u64) -> Self {
        let handshake = Handshake {
            key: Some(KEY),
            protocol: Some("7"),
            client: None,
            origin: None,
            encryption: Encryption::Plain,
            transport: Transport::WebSocket,
        };
        let admission = node.admit(&handshake).unwrap();
        let letters = Arc::new(Letters::default());
        let mailbox: Arc<dyn Mailbox> = Arc::<Letters>::clone(&letters);
        let connection = Connection::open(
            Arc::clone(node),
            admission,
            mailbox,
            number,
            Moment::default(),
        );
        let client = Self {
            connection,
            letters,
        };
        assert_eq!(client.heard().len(), 1, "the greeting");
        client
    }

    /// Subscribes with valid papers, as the user `peer` where that matters. The acknowledgements
    /// are taken off.
    pub(crate) fn subscribe(&mut self, channels: &[&str]) {
        for channel in channels {
            let user = json!({ "user_id": "peer" }).to_string();
            let channel_data = channel.starts_with("presence-").then_some(&*user);
            let auth = sign_channel(
                &credential(),
                self.connection.socket(),
                channel,
                channel_data,
            );
            let data = json!({ "channel": channel, "auth": auth, "channel_data": channel_data });
            let message = json!({ "event": "pusher:subscribe", "data": data }).to_string();
            assert_eq!(self.connection.on_text(&message, Moment::default()), None);
        }
        let heard = self.heard();
        assert_eq!(heard.len(), channels.len(), "{heard:?}");
    }

    /// What came since the last time, but for the numbers of subscriptions. Every message is
    /// checked for its form.
    pub(crate) fn heard(&self) -> Vec<Value> {
        let mut letters = self
            .letters
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let messages = letters.drain(..).map(|frame| read(&frame));
        messages.filter(|message| !is_count(message)).collect()
    }
}

fn is_count(message: &Value) -> bool {
    message.get("event") == Some(&"pusher_internal:subscription_count".into())
}

/// What holds for every message of the server (protocol.md §2.1, §11).
fn read(frame: &Frame) -> Value {
    let message: Value = serde_json::from_slice(frame.text()).unwrap();
    let field = |name: &str| message.get(name).unwrap_or(&Value::Null);
    assert!(field("event").is_string(), "{message}");
    if field("event") == "pusher:error" {
        let code = field("data").get("code").unwrap_or(&Value::Null);
        assert!(code.is_null() || code.is_u64(), "{message}");
        let said = field("data").get("message").unwrap_or(&Value::Null);
        assert!(said.is_string(), "{message}");
    } else {
        assert!(field("data").is_string(), "{message}");
    }
    message
}
