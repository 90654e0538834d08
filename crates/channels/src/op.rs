//! The steps of a channel, as they wait in its queue.

use foghorn_protocol::{Close, Frame, SocketId};

use crate::request::{Hearing, Send};

/// One step of a channel, carried out in the order of the queue (INV-ORDER-1).
pub(crate) enum Op {
    /// Delivers to everyone on the list.
    Send(Sending),
    /// Something else.
    Change(Change),
}

/// A step that is no send.
pub(crate) enum Change {
    /// Changes what the subscriber gets, and tells it so.
    Hear {
        socket: SocketId,
        hearing: Hearing,
        notice: Option<Frame>,
    },
    /// Has every connection on the list close.
    Close(Close),
}

/// What a drain does next.
pub(crate) enum Step {
    /// Deliver what has been gathered on the list.
    Deliver,
    /// Carry this out.
    Other(Change),
    /// The queue is empty.
    Nothing,
}

/// A send on its way.
pub(crate) struct Sending {
    pub(crate) send: Send,
    pub(crate) matter: Matter,
}

/// What a send is about. Only events push publishers back: members who come and go could silence a
/// channel otherwise.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Matter {
    Event,
    Members,
    Count,
}
