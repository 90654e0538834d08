//! Where a connection's messages are put.

use foghorn_protocol::Frame;

/// The way to one connection. Delivering never blocks and never waits.
pub trait Mailbox: Send + Sync {
    /// Puts `frame` at the end of the connection's queue.
    ///
    /// A mailbox that is full marks its own connection for closing (4100): the protocol has no
    /// replay, so a gap would be invisible to the client.
    fn deliver(&self, frame: &Frame) -> Delivery;
}

/// What became of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// It is queued.
    Accepted,
    /// The queue is over its limit; the connection is being closed.
    Full,
    /// The connection has ended.
    Gone,
}
