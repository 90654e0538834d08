//! The steps of a channel, as they wait in its queue.

use std::sync::Arc;

use foghorn_protocol::{Frame, SocketId};

use crate::mailbox::Mailbox;
use crate::request::Send;

/// One step of a channel, carried out in the order of the queue (INV-ORDER-1).
pub(crate) enum Op {
    /// Greets the subscriber and adds it to the delivery list.
    Join {
        socket: SocketId,
        mailbox: Arc<dyn Mailbox>,
        greeting: Frame,
    },
    /// Takes the subscriber off the delivery list.
    Leave(SocketId),
    /// Delivers to everyone on the list.
    Send(Sending),
}

/// A send on its way through the delivery list.
pub(crate) struct Sending {
    pub(crate) send: Send,
    /// The position on the list from which it is still to be delivered.
    pub(crate) from: usize,
    pub(crate) matter: Matter,
}

/// What a send is about. Members coming and going do not push publishers back, or one of them could
/// silence a channel.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Matter {
    Event,
    Members,
}
