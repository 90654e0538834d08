//! A node that is alone, its API, and clients that listen.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use foghorn_api::{Api, Head, Options};
use foghorn_auth::{
    AppKey, Credential, KeyRing, Secret, UnsignedRequest, sign_channel, sign_request, sign_user,
};
use foghorn_channels::{Delivery, HashSeed, Mailbox, QueueLimits};
use foghorn_cluster::{NodeId, Patience};
use foghorn_node::{
    AppSpec, AppStatus, Apps, Clustering, Connection, Effect, Emit, Encryption, Handshake, Metrics,
    Node, NodeConfig, ProtocolRule, Quota, SubscriptionCount, Transport,
};
use foghorn_protocol::{Close, Frame, Limits, Moment, UnixSeconds};
use foghorn_session::Policy;
use http::{HeaderMap, Request};
use prometheus::Registry;
use serde_json::{Value, json};

/// The time at which requests are signed and answered, unless said otherwise.
pub(crate) const NOW: u64 = 1_760_000_000;

/// One app as tests know it.
pub(crate) struct Account {
    pub(crate) id: &'static str,
    pub(crate) key: &'static str,
    pub(crate) secret: &'static str,
}

/// The app of the vectors in http-api.md §14; its subscription counts are hidden.
pub(crate) const HIDDEN: Account = Account {
    id: "4242",
    key: "k7f3d0c1b2a39485",
    secret: "s3cr3t-9f8e7d6c5b4a",
};
/// An app that shares its subscription counts.
pub(crate) const SHARED: Account = Account {
    id: "shared-app",
    key: "shared-key",
    secret: "shared-secret",
};
pub(crate) const DISABLED: Account = Account {
    id: "disabled-app",
    key: "disabled-key",
    secret: "disabled-secret",
};
/// The app of the vector that Pusher published.
pub(crate) const PUBLISHED: Account = Account {
    id: "3",
    key: "278d425bdf160c739803",
    secret: "7ad3773142a6692b25b8",
};

const ACCOUNTS: [Account; 4] = [HIDDEN, SHARED, DISABLED, PUBLISHED];

impl Account {
    pub(crate) fn credential(&self) -> Credential {
        Credential {
            key: AppKey::parse(self.key).unwrap(),
            secret: Secret::parse(self.secret).unwrap(),
        }
    }

    /// `path` under this app.
    pub(crate) fn path(&self, path: &str) -> String {
        format!("/apps/{}/{path}", self.id)
    }

    /// The query string that signs a request as the reference client does.
    pub(crate) fn sign(
        &self,
        method: &str,
        path: &str,
        params: &[(&str, &str)],
        body: &[u8],
    ) -> String {
        let request = UnsignedRequest {
            method,
            path,
            params,
            body,
        };
        sign_request(&self.credential(), &request, NOW)
    }

    fn spec(&self, setup: &Setup) -> AppSpec {
        let mut policy = Policy::new(KeyRing::new(vec![self.credential()]).unwrap());
        policy.limits = setup.limits.clone();
        let mut spec = AppSpec::new(self.id.into(), policy);
        spec.quota = setup.quota;
        match self.id {
            "disabled-app" => spec.status = AppStatus::Disabled,
            "shared-app" => spec.subscription_count = SubscriptionCount::Shared,
            _ => {}
        }
        spec
    }
}

/// Nothing is too large for the inline part here, so nothing is left to be done.
struct Nothing;

impl Emit for Nothing {
    fn emit(&self, effect: Effect) {
        unreachable!("{effect:?}");
    }

    fn clustering(&self) -> Clustering {
        Clustering::Alone
    }
}

pub(crate) struct World {
    api: Api,
    node: Arc<Node>,
    registry: Registry,
    sockets: AtomicU64,
    millis: AtomicU64,
}

/// What differs between the worlds of different tests.
#[derive(Default)]
pub(crate) struct Setup {
    pub(crate) options: Options,
    pub(crate) queue_limits: QueueLimits,
    /// Of every app.
    pub(crate) limits: Limits,
    /// The same.
    pub(crate) quota: Quota,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(Setup::default())
    }

    pub(crate) fn mounted(prefix: &str) -> Self {
        Self::answering(Options {
            mount_prefix: prefix.to_owned(),
            ..Options::default()
        })
    }

    /// A world whose answers look like this.
    pub(crate) fn answering(options: Options) -> Self {
        Self::with(Setup {
            options,
            ..Setup::default()
        })
    }

    /// A world in which every app has these limits.
    pub(crate) fn limited(limits: Limits) -> Self {
        Self::with(Setup {
            limits,
            ..Setup::default()
        })
    }

    /// A world in which every channel with a subscriber is over capacity.
    pub(crate) fn over_capacity() -> Self {
        let queue_limits = QueueLimits {
            sends: 0,
            bytes: 0,
            operations: usize::MAX,
            ..QueueLimits::default()
        };
        Self::with(Setup {
            queue_limits,
            ..Setup::default()
        })
    }

    pub(crate) fn with(setup: Setup) -> Self {
        let registry = Registry::new();
        let metrics = Metrics::register(&registry).unwrap();
        let specs = ACCOUNTS.iter().map(|account| account.spec(&setup));
        let config = NodeConfig {
            id: NodeId::from_random(1),
            apps: Apps::new(specs.collect(), &metrics).unwrap(),
            seed: HashSeed::new(1, 2),
            queue_limits: setup.queue_limits,
            protocol_rule: ProtocolRule::Assumed,
            max_connections: 1_000,
            patience: Patience {
                suspect_after: Duration::from_secs(5),
                ask_again_after: Duration::from_secs(2),
            },
            offline_delay: Duration::ZERO,
            started: UnixSeconds(0),
            metrics,
        };
        let node = Arc::new(Node::new(config, Arc::new(Nothing)));
        Self {
            api: Api::new(Arc::clone(&node), setup.options),
            node,
            registry,
            sockets: AtomicU64::new(0),
            millis: AtomicU64::new(0),
        }
    }

    /// The time that passes; that of signatures stands still.
    fn now(&self) -> Moment {
        Moment::from_start(Duration::from_millis(self.millis.load(Ordering::Relaxed)))
    }

    /// Time passes.
    pub(crate) fn wait(&self, span: Duration) {
        let millis = u64::try_from(span.as_millis()).unwrap();
        self.millis.fetch_add(millis, Ordering::Relaxed);
    }

    /// A listener of the app, subscribed to `channels`; `presence-` ones as `user`.
    pub(crate) fn listener(&self, account: &Account, user: &str, channels: &[&str]) -> Listener {
        let mut listener = self.connect(account);
        for channel in channels {
            let channel_data = json!({ "user_id": user }).to_string();
            let channel_data = channel.starts_with("presence-").then_some(&*channel_data);
            let socket = listener.connection.socket();
            let auth = sign_channel(&account.credential(), socket, channel, channel_data);
            let data = json!({ "channel": channel, "auth": auth, "channel_data": channel_data });
            listener.say(
                &json!({ "event": "pusher:subscribe", "data": data }),
                self.now(),
            );
        }
        let heard = listener.heard();
        let acknowledged = heard
            .iter()
            .filter(|text| text.contains("subscription_succeeded"));
        assert_eq!(acknowledged.count(), channels.len(), "{heard:?}");
        listener
    }

    /// A member of the channel `presence-lobby`.
    pub(crate) fn member(
        &self,
        account: &Account,
        user: &str,
        user_info: Option<&str>,
    ) -> Listener {
        let mut listener = self.connect(account);
        let user_info = user_info.map(|info| format!(r#","user_info":{info}"#));
        let channel_data = format!(r#"{{"user_id":"{user}"{}}}"#, user_info.unwrap_or_default());
        let (channel, socket) = ("presence-lobby", listener.connection.socket());
        let auth = sign_channel(&account.credential(), socket, channel, Some(&channel_data));
        let data = json!({ "channel": channel, "auth": auth, "channel_data": channel_data });
        listener.say(
            &json!({ "event": "pusher:subscribe", "data": data }),
            self.now(),
        );
        listener
    }

    /// A connection of the app that is signed in as `user`.
    pub(crate) fn signed_in(&self, account: &Account, user: &str) -> Listener {
        let mut listener = self.connect(account);
        let user_data = json!({ "id": user }).to_string();
        let socket = listener.connection.socket();
        let auth = sign_user(&account.credential(), socket, &user_data);
        let data = json!({ "auth": auth, "user_data": user_data });
        listener.say(
            &json!({ "event": "pusher:signin", "data": data }),
            self.now(),
        );
        assert!(listener.heard()[0].contains("signin_success"));
        listener
    }

    /// A connection of the app that has read its greeting.
    fn connect(&self, account: &Account) -> Listener {
        let handshake = Handshake {
            key: Some(account.key),
            protocol: Some("7"),
            client: None,
            origin: None,
            encryption: Encryption::Plain,
            transport: Transport::WebSocket,
        };
        let admission = self.node.admit(&handshake).unwrap();
        let letters = Arc::new(Letters::default());
        let mailbox: Arc<dyn Mailbox> = Arc::<Letters>::clone(&letters);
        let random = self.sockets.fetch_add(1, Ordering::Relaxed);
        let node = Arc::clone(&self.node);
        let connection = Connection::open(node, admission, mailbox, random, self.now());
        let listener = Listener {
            connection,
            letters,
        };
        assert_eq!(listener.heard().len(), 1);
        listener
    }

    /// Sends a request exactly as given at `now`.
    pub(crate) fn send(&self, head: &Request<()>, body: &[u8], now: u64) -> Answer {
        let answer = match self.api.begin(&read_head(head), UnixSeconds(now)) {
            Ok(call) => self.api.finish(&call, body, self.now()).answer,
            Err(refusal) => *refusal,
        };
        Answer::read(answer)
    }

    pub(crate) fn api(&self) -> &Api {
        &self.api
    }

    /// Sends a request for `uri`, signed or not as it stands there.
    pub(crate) fn raw(&self, method: &str, uri: &str, body: &[u8]) -> Answer {
        self.send(&head(method, uri), body, NOW)
    }

    /// Gets `path` of the app, signed.
    pub(crate) fn get(&self, account: &Account, path: &str, params: &[(&str, &str)]) -> Answer {
        let path = account.path(path);
        let query = account.sign("GET", &path, params, b"");
        self.raw("GET", &format!("{path}?{query}"), b"")
    }

    /// Posts `body` to `path` of the app, signed.
    pub(crate) fn post(&self, account: &Account, path: &str, body: &str) -> Answer {
        self.post_with(account, path, &[], body.as_bytes())
    }

    /// Posts `body` to `path` of the app with parameters, signed.
    pub(crate) fn post_with(
        &self,
        account: &Account,
        path: &str,
        params: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        let path = account.path(path);
        let query = account.sign("POST", &path, params, body);
        self.raw("POST", &format!("{path}?{query}"), body)
    }

    /// Posts to `events` of [`HIDDEN`].
    pub(crate) fn trigger(&self, body: &Value) -> Answer {
        self.post(&HIDDEN, "events", &body.to_string())
    }

    /// A counter, summed over the labels that are not named.
    pub(crate) fn counter(&self, name: &str, labels: &[(&str, &str)]) -> u64 {
        let families = self.registry.gather();
        let family = families.iter().find(|family| family.name() == name);
        let metrics = family.map(|family| family.get_metric()).unwrap_or_default();
        let wanted = metrics.iter().filter(|metric| {
            labels.iter().all(|(name, value)| {
                let mut pairs = metric.get_label().iter();
                pairs.any(|pair| (pair.name(), pair.value()) == (*name, *value))
            })
        });
        wanted
            .map(|metric| metric.get_counter().get_value() as u64)
            .sum()
    }
}

/// The head of a request for `uri`.
pub(crate) fn head(method: &str, uri: &str) -> Request<()> {
    Request::builder().method(method).uri(uri).body(()).unwrap()
}

/// What the API needs of a head.
pub(crate) fn read_head(request: &Request<()>) -> Head<'_> {
    let encoding = request.headers().get("content-encoding");
    Head {
        method: request.method().as_str(),
        path: request.uri().path(),
        query: request.uri().query().unwrap_or_default(),
        content_encoding: encoding.map(|value| value.as_bytes()),
    }
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    /// Reads an answer, which must be what every SDK can read.
    pub(crate) fn read(answer: foghorn_api::Answer) -> Self {
        assert_eq!(answer.media_type, "application/json");
        let answer = Self {
            status: answer.status.as_u16(),
            headers: answer.headers.into_iter().collect(),
            body: String::from_utf8(answer.body.to_vec()).unwrap(),
        };
        let json: Value = serde_json::from_str(&answer.body).unwrap();
        let object = json.as_object().unwrap();
        if !(200..300).contains(&answer.status) {
            assert_eq!(object.keys().collect::<Vec<_>>(), ["code", "error"]);
            assert_eq!(object["code"], answer.status);
            assert!(!object["error"].as_str().unwrap().is_empty());
        }
        for account in &ACCOUNTS {
            assert!(!answer.body.contains(account.secret), "{}", answer.body);
        }
        answer
    }

    #[track_caller]
    pub(crate) fn is(&self, body: &str) {
        self.is_with(200, body);
    }

    /// A success with another status.
    #[track_caller]
    pub(crate) fn is_with(&self, status: u16, body: &str) {
        assert_eq!((self.status, &*self.body), (status, body));
    }

    /// An error with exactly this text.
    #[track_caller]
    pub(crate) fn is_refusal(&self, status: u16, error: &str) {
        let body = format!(r#"{{"error":{},"code":{status}}}"#, json!(error));
        assert_eq!((self.status, &self.body), (status, &body));
    }
}

#[derive(Default)]
struct Letters {
    frames: Mutex<Vec<Frame>>,
    asked_to_close: OnceLock<Close>,
}

impl Mailbox for Letters {
    fn deliver(&self, frames: &[Frame]) -> Delivery {
        self.frames.lock().unwrap().extend_from_slice(frames);
        Delivery::Accepted
    }

    fn put(&self, frame: &Frame) -> Delivery {
        self.deliver(std::slice::from_ref(frame))
    }

    fn flush(&self) {}

    fn ask_to_close(&self, close: &Close) {
        self.asked_to_close.get_or_init(|| close.clone());
    }
}

pub(crate) struct Listener {
    connection: Connection,
    letters: Arc<Letters>,
}

impl Listener {
    pub(crate) fn socket_id(&self) -> String {
        self.connection.socket().to_string()
    }

    fn say(&mut self, message: &Value, now: Moment) {
        assert_eq!(self.connection.on_text(&message.to_string(), now), None);
    }

    /// The code and reason with which the node wants this connection closed.
    pub(crate) fn asked_to_close(&self) -> Option<(u16, &str)> {
        let close = self.letters.asked_to_close.get()?;
        Some((close.code().number(), close.reason()))
    }

    /// Takes the messages that have arrived.
    pub(crate) fn heard(&self) -> Vec<String> {
        let frames = std::mem::take(&mut *self.letters.frames.lock().unwrap());
        let texts = frames.iter().map(|frame| frame.text().to_vec());
        texts.map(|text| String::from_utf8(text).unwrap()).collect()
    }

    /// Takes the messages that have arrived; their data alone.
    pub(crate) fn heard_data(&self) -> Vec<String> {
        let data = |text: &String| {
            let json: Value = serde_json::from_str(text).unwrap();
            json["data"].as_str().unwrap().to_owned()
        };
        self.heard().iter().map(data).collect()
    }
}
