//! Messages of clients whose session is on another node: over the HTTP transports each message is
//! a request of its own, and a load balancer may take it anywhere.

use foghorn_cluster::{AppId, Message, Topic};
use foghorn_protocol::Moment;
use foghorn_protocol::fallback::SessionName;

use crate::app::App;
use crate::effect::{Clustering, Effect};
use crate::node::Node;

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
        let bytes = OVERHEAD + messages.iter().map(String::len).sum::<usize>();
        if app.take_passed_on(bytes, now).is_err() {
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
