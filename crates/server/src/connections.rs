//! The connections that are open now, for closing them.

use std::collections::BTreeMap;
use std::sync::Arc;

use foghorn_channels::Mailbox;
use foghorn_protocol::SocketId;
use parking_lot::Mutex;

use crate::gate::{Gate, Pass};

/// Every open connection's mailbox.
#[derive(Clone, Default)]
pub(crate) struct Connections {
    open: Arc<Mutex<BTreeMap<SocketId, Arc<dyn Mailbox>>>>,
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
    pub(crate) fn register(&self, socket: SocketId, mailbox: Arc<dyn Mailbox>) -> Registered {
        self.open.lock().insert(socket, mailbox);
        Registered {
            connections: self.clone(),
            socket,
            _pass: self.gate.enter(),
        }
    }

    /// Everybody who is here now.
    pub(crate) fn all(&self) -> Vec<Arc<dyn Mailbox>> {
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
