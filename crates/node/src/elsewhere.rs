//! Messages of clients whose session is on another node: over the HTTP transports each message is
//! a request of its own, and a load balancer may take it anywhere.

use foghorn_cluster::{AppId, Message, Topic};
use foghorn_protocol::fallback::SessionName;
use foghorn_protocol::{Bucket, Moment, Rate};
use parking_lot::Mutex;

use crate::app::App;
use crate::effect::{Clustering, Effect};
use crate::node::Node;

/// Bytes that a node passes on for one app in a second. Who knows an app's key can make up
/// sessions, each of whose messages goes to every other node.
const BYTES_PER_SECOND: u32 = 4 << 20;

/// Bytes that messages cost beside their text, however short they are.
const OVERHEAD: usize = 256;

/// What became of messages for a session that this node does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Elsewhere {
    /// The other nodes are told. Whether one of them holds the session, nobody knows.
    Told,
    /// There are no other nodes, so there is no such session.
    Nowhere,
    /// They are dropped and counted: so much has been passed on in this second.
    TooMuch,
}

/// How much may still be passed on.
#[derive(Debug)]
pub(crate) struct PassingOn(Mutex<Bucket>);

impl PassingOn {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Bucket::full(Moment::default())))
    }

    /// Whether `messages` may. One that is larger than a second's worth may if nothing else was.
    fn allows(&self, messages: &[String], now: Moment) -> bool {
        let bytes = OVERHEAD + messages.iter().map(String::len).sum::<usize>();
        let cost = u32::try_from(bytes).unwrap_or(u32::MAX);
        let rate = Rate::PerSecond(BYTES_PER_SECOND);
        let cost = cost.min(BYTES_PER_SECOND);
        self.0.lock().take(rate, cost, now).is_ok()
    }
}

impl Node {
    /// Whether other nodes may hold sessions that this node does not.
    #[must_use]
    pub fn is_linked(&self) -> bool {
        self.clustering() != Clustering::Alone
    }

    /// Passes on what a client sent for a session that this node does not hold, for the node that
    /// does. `messages` are bounded by the caller, each and together, as for a session that is
    /// here; an empty list is a sign of life, which is passed on too.
    pub fn send_elsewhere(
        &self,
        app: &App,
        session: SessionName,
        messages: Vec<String>,
        now: Moment,
    ) -> Elsewhere {
        if !self.is_linked() {
            return Elsewhere::Nowhere;
        }
        if !app.passing_on().allows(&messages, now) {
            self.metrics().link_overflows().inc();
            return Elsewhere::TooMuch;
        }
        let message = Message::Sent {
            app: app.id().clone(),
            session,
            messages,
        };
        self.tell(Topic::Control, message);
        Elsewhere::Told
    }

    /// What another node has passed on. It goes no further, whoever holds the session.
    pub(crate) fn sent_here(&self, app: &AppId, session: SessionName, messages: Vec<String>) {
        if let Some(app) = self.apps().with_id(app) {
            self.emit(Effect::Sent {
                app: app.id().clone(),
                session,
                messages,
            });
        }
    }
}
