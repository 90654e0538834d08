//! The connections that are open now: for closing them, and for operators to see.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use foghorn_channels::Mailbox;
use foghorn_cluster::AppId;
use foghorn_node::{App, Transport};
use foghorn_protocol::{Close, SocketId, UnixSeconds};
use parking_lot::Mutex;

use crate::fallback::Sessions;
use crate::gate::{Gate, Pass};

/// By app, because that is how operators ask.
type Name = (AppId, SocketId);

/// An open connection.
#[derive(Clone)]
pub(crate) struct Entry {
    /// Its app, as it was when it was let in.
    pub(crate) app: Arc<App>,
    /// How its bytes travel.
    pub(crate) transport: Transport,
    /// When it was let in.
    pub(crate) since: UnixSeconds,
    /// The way to it.
    pub(crate) mailbox: Arc<dyn Mailbox>,
}

/// Every open connection.
#[derive(Clone, Default)]
pub(crate) struct Connections {
    open: Arc<Mutex<BTreeMap<Name, Entry>>>,
    gate: Gate,
}

/// Where clients of this node are found.
#[derive(Clone, Default)]
pub(crate) struct Clients {
    /// All of them.
    pub(crate) connections: Connections,
    /// Those that come over HTTP, by the names of their sessions.
    pub(crate) sessions: Sessions,
}

/// A connection's entry. Dropping it is the connection's end.
pub(crate) struct Registered {
    connections: Connections,
    name: Name,
    _pass: Pass,
}

impl Connections {
    /// Enters a connection.
    pub(crate) fn register(&self, socket: SocketId, entry: Entry) -> Registered {
        let name = (entry.app.id().clone(), socket);
        self.open.lock().insert(name.clone(), entry);
        Registered {
            connections: self.clone(),
            name,
            _pass: self.gate.enter(),
        }
    }

    /// Everybody who is here now.
    pub(crate) fn all(&self) -> Vec<Arc<dyn Mailbox>> {
        let open = self.open.lock();
        open.values()
            .map(|entry| Arc::clone(&entry.mailbox))
            .collect()
    }

    /// Up to `limit` connections of `app` in the order of their ids, those after `after` first.
    pub(crate) fn page(
        &self,
        app: &AppId,
        after: Option<SocketId>,
        limit: usize,
    ) -> Vec<(SocketId, Entry)> {
        let begin = match after {
            Some(after) => Bound::Excluded((app.clone(), after)),
            None => Bound::Included((app.clone(), SocketId::MIN)),
        };
        let open = self.open.lock();
        open.range((begin, Bound::Unbounded))
            .take_while(|((of, _), _)| of == app)
            .take(limit)
            .map(|((_, socket), entry)| (*socket, entry.clone()))
            .collect()
    }

    /// Has one connection of `app` close. Whether there is one of this id.
    pub(crate) fn close(&self, app: &AppId, socket: SocketId, close: &Close) -> bool {
        let name = (app.clone(), socket);
        let entry = self.open.lock().get(&name).cloned();
        if let Some(entry) = &entry {
            entry.mailbox.ask_to_close(close);
        }
        entry.is_some()
    }

    /// Has all connections close that were let in under the rules of `app` or earlier ones.
    pub(crate) fn close_all(&self, app: &App, close: &Close) {
        for (_, entry) in self.page(app.id(), None, usize::MAX) {
            if entry.app.is_no_later_than(app) {
                entry.mailbox.ask_to_close(close);
            }
        }
    }

    /// Waits until the last connection has ended.
    pub(crate) async fn wait_empty(&self) {
        self.gate.wait_empty().await;
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.connections.open.lock().remove(&self.name);
    }
}
