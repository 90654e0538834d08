//! Where a connection's messages are put.

use foghorn_protocol::{Close, Frame};

/// The way to one connection. Nothing here blocks or waits.
pub trait Mailbox: Send + Sync {
    /// Puts `frames`, at least one, at the end of the connection's queue and sends on what it can
    /// at once.
    ///
    /// A mailbox that is full marks its own connection for closing (4100): the protocol has no
    /// replay, so a gap would be invisible to the client.
    fn deliver(&self, frames: &[Frame]) -> Delivery;

    /// As [`Mailbox::deliver`], but sends nothing on before [`Mailbox::flush`] or the next
    /// delivery: for who holds a lock, or has more to say.
    fn put(&self, frame: &Frame) -> Delivery;

    /// Sends on what waits, as far as that is possible at once.
    fn flush(&self);

    /// Has the connection close. Only the first who asks is heard.
    fn ask_to_close(&self, close: &Close);
}

/// What became of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// It is queued, or sent already.
    Accepted,
    /// The queue is over its limit; the connection is being closed.
    Full,
    /// The connection has ended.
    Gone,
}
