//! The connections that are open now, for closing them.

use std::collections::BTreeMap;
use std::sync::Arc;

use foghorn_protocol::SocketId;
use parking_lot::Mutex;

use crate::gate::{Gate, Pass};
use crate::outbox::Outbox;

/// Every open connection's queue.
#[derive(Clone, Default)]
pub(crate) struct Connections {
    open: Arc<Mutex<BTreeMap<SocketId, Arc<Outbox>>>>,
    gate: Gate,
}

/// A connection's entry. Dropping it is the connection's end.
pub(crate) struct Registered {
    connections: Connections,
    socket: SocketId,
    _pass: Pass,
}

impl Connections {
    /// Enters a connection.
    pub(crate) fn register(&self, socket: SocketId, outbox: Arc<Outbox>) -> Registered {
        self.open.lock().insert(socket, outbox);
        Registered {
            connections: self.clone(),
            socket,
            _pass: self.gate.enter(),
        }
    }

    /// Everybody who is here now.
    pub(crate) fn all(&self) -> Vec<Arc<Outbox>> {
        self.open.lock().values().cloned().collect()
    }

    /// Waits until the last connection has ended.
    pub(crate) async fn wait_empty(&self) {
        self.gate.wait_empty().await;
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.connections.open.lock().remove(&self.socket);
    }
}
