//! What all connections share, whatever their transport.

use std::time::Duration;

use crate::clock::Clock;

/// What all connections share.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    /// Bytes of a client's message.
    pub(crate) max_message: usize,
    /// Bytes that may wait for one connection.
    pub(crate) send_queue: usize,
    /// How long the socket may refuse to take anything.
    pub(crate) write_timeout: Duration,
    /// What time it is.
    pub(crate) clock: Clock,
}
