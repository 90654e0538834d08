//! Letting clients in, over whichever transport.

use std::sync::Arc;

use foghorn_auth::Query;
use foghorn_channels::Mailbox as _;
use foghorn_node::{Admission, Connection, Handshake, Refusal, Transport};
use foghorn_protocol::{CloseCode, Exhausted, ProtocolVersion};

use crate::apps::Name;
use crate::clock::Clock;
use crate::connections::{Entry, Registered};
use crate::http1::Head;
use crate::newcomers::Source;
use crate::outbox::{Line, Outbox};
use crate::peer::Peer;
use crate::shared::Shared;

/// Why a client is to come back later whose app the database may have.
const UNSURE: &str = "The app cannot be looked up at the moment";

/// A client that has been let in and greeted.
pub(crate) struct Arrival<L: Line> {
    /// Its connection.
    pub(crate) connection: Connection,
    /// Where its messages are.
    pub(crate) outbox: Arc<Outbox<L>>,
    /// Its entry among the open connections.
    pub(crate) registered: Registered,
}

impl Shared {
    /// Whether the client that asks with `head` may come in over `transport`. `key` is the one of
    /// its path, decoded; `None` for a path that is none of the protocol's.
    ///
    /// # Errors
    /// It may not, and why.
    pub(crate) fn admit(
        &self,
        head: &Head<'_, '_>,
        peer: Peer,
        key: Option<&str>,
        transport: Transport,
    ) -> Result<Admission, Refusal> {
        let query = Query::parse(head.query);
        let source = Source::from(peer.client_address(head, &self.trusted_proxies));
        let turned_away = match self.newcomers.count(source, self.rules.clock.now()) {
            Err(exhausted) => Some(too_many(source, exhausted)),
            Ok(()) => self.is_unsure_of(key).then(|| UNSURE.to_owned()),
        };
        if let Some(reason) = turned_away {
            let protocol = query.get("protocol").map(ProtocolVersion::parse);
            let protocol = protocol.and_then(Result::ok);
            let protocol = protocol.unwrap_or(ProtocolVersion::LATEST);
            let refusal = Refusal::new(protocol, CloseCode::OverCapacity, reason);
            return Err(self.node.refused(refusal, transport));
        }
        self.node.admit(&Handshake {
            key,
            protocol: query.get("protocol"),
            client: query.get("client"),
            // What is no text is no origin that anybody allows.
            origin: head
                .value("origin")
                .map(|origin| str::from_utf8(origin).unwrap_or("invalid")),
            encryption: peer.client_encryption(head, &self.trusted_proxies),
            transport,
        })
    }

    /// Whether nobody can say now if there is an app with this key.
    fn is_unsure_of(&self, key: Option<&str>) -> bool {
        key.is_some_and(|key| self.apps.is_unsure_of(Name::Key(key.into())))
    }

    /// Lets a client in. `None` if the system has no randomness for a socket id, which is logged.
    pub(crate) fn let_in<L: Line + 'static>(&self, admission: Admission) -> Option<Arrival<L>> {
        let meters = Arc::clone(admission.app.meters());
        let transport = admission.transport;
        let outbox = Arc::new(Outbox::new(self.rules.send_queue, meters));
        let random = self.lots.next();
        let random = random
            .inspect_err(|error| tracing::error!(%error, "no randomness for a socket id"))
            .ok()?;
        let node = Arc::clone(&self.node);
        let now = self.rules.clock.now();
        let connection = Connection::open(node, admission, outbox.clone(), random, now);
        let socket = connection.socket();
        tracing::debug!(app = %connection.app().id(), %socket, "connected");
        let entry = Entry {
            app: Arc::clone(connection.app()),
            transport,
            since: Clock::unix_seconds(),
            mailbox: outbox.clone(),
        };
        let registered = self.connections.register(socket, entry);
        // Who is let in just before others are looked up to be sent away.
        let regrets = match self.node.is_draining() {
            true => Some(crate::drain::reconnect()),
            false => self.node.regrets(connection.app()),
        };
        if let Some(close) = regrets {
            outbox.ask_to_close(&close);
        }
        Some(Arrival {
            connection,
            outbox,
            registered,
        })
    }
}

/// Why a client is refused whose address has brought too many. It shows the address as well: a
/// proxy's, where one should be listed and is not.
fn too_many(source: Source, exhausted: Exhausted) -> String {
    let Exhausted {
        limit, remaining, ..
    } = exhausted;
    format!(
        "Too many connections from {source}: 1 asked for, {remaining} left of {limit} per second"
    )
}
