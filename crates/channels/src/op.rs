//! The steps of a channel, as they wait in its queue.

use std::sync::Arc;

use foghorn_protocol::{Close, Frame, Moment, SocketId};

use crate::mailbox::Mailbox;
use crate::request::{Cached, Hearing, Send};

/// One step of a channel, carried out in the order of the queue (INV-ORDER-1).
pub(crate) enum Op {
    /// Greets the subscriber and adds it to the delivery list.
    Join(Box<Join>),
    /// Takes the subscriber off the delivery list.
    Leave(SocketId),
    /// Changes what the subscriber gets, and tells it so.
    Hear {
        socket: SocketId,
        hearing: Hearing,
        notice: Option<Frame>,
    },
    /// Delivers to everyone on the list.
    Send(Sending),
    /// Replaces the cached event with one that the subscribers have heard or cannot hear.
    Remember(Cached),
    /// Has every connection on the list close.
    Close(Close),
}

/// A newcomer.
pub(crate) struct Join {
    pub(crate) socket: SocketId,
    pub(crate) mailbox: Arc<dyn Mailbox>,
    pub(crate) hearing: Hearing,
    /// The acknowledgement, where there is one.
    pub(crate) ack: Option<Frame>,
    pub(crate) cached: CachedPart,
}

/// What a newcomer hears of the cache.
pub(crate) enum CachedPart {
    /// Nothing: it is no cache channel.
    None,
    /// What is cached when its turn in the queue comes, if that still lives at this time.
    Asked(Moment),
    /// The cached event, or that there is none.
    Answer(Frame),
}

/// A send on its way through the delivery list.
pub(crate) struct Sending {
    pub(crate) send: Send,
    /// The position on the list from which it is still to be delivered.
    pub(crate) from: usize,
    pub(crate) matter: Matter,
    /// What the channel remembers from here on, if it is a cache channel.
    pub(crate) cached: Option<Cached>,
}

/// What a send is about. Only events push publishers back: members who come and go could silence a
/// channel otherwise.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Matter {
    Event,
    Members,
    Count,
}
