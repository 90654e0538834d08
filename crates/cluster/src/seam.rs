//! The seam: what a driver for a broker must do, and nothing else.

use std::future::Future;

use bytes::Bytes;

use crate::Topic;

/// The way out to the other nodes.
pub trait Bus: Send + Sync {
    /// Hands `message` to every other node that joined `topic`. The sender may get it back.
    ///
    /// What one node publishes on one topic arrives in the order of the calls. A message may be
    /// lost while a link is down; only the node whose link it is learns of it.
    ///
    /// # Errors
    /// The driver could not take the message. It reached nobody.
    fn publish(
        &self,
        topic: &Topic,
        message: Bytes,
    ) -> impl Future<Output = Result<(), BusError>> + Send;

    /// Starts listening to `topic`. Joining twice is joining once. See [`Bus::joining`].
    ///
    /// # Errors
    /// The driver could not take the request.
    fn join(&self, topic: &Topic) -> impl Future<Output = Result<(), BusError>> + Send;

    /// Stops listening to `topic`, also if it was never joined. Its messages may still arrive, and
    /// whoever left ignores them.
    ///
    /// # Errors
    /// The driver could not take the request.
    fn leave(&self, topic: &Topic) -> impl Future<Output = Result<(), BusError>> + Send;

    /// Whether anybody can hear this node now.
    fn reach(&self) -> Reach;

    /// When a join is complete; the same answer always.
    fn joining(&self) -> Joining;
}

/// The way in from the other nodes.
pub trait Inbox: Send {
    /// The next arrival, strictly in order. Waits as long as it takes and never ends; dropping the
    /// future loses nothing.
    fn next(&mut self) -> impl Future<Output = Inbound> + Send;
}

/// What comes in over the link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inbound {
    /// A message on a topic, possibly this node's own.
    Message {
        /// Where it was published.
        topic: Topic,
        /// What was published, see [`crate::Message::decode`].
        bytes: Bytes,
    },
    /// From here on every message on the topic arrives. Only if joining is [`Joining::Later`].
    Joined(Topic),
    /// Messages may be missing from here on. May be said twice.
    LinkDown,
    /// Messages arrive again, on all topics that are joined.
    LinkUp,
}

/// Who can hear a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Nobody; callers need not even encode.
    Alone,
    /// Other nodes, perhaps.
    Peers,
}

/// When a join is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Joining {
    /// When the call returns; [`Inbound::Joined`] is never said.
    AtOnce,
    /// When [`Inbound::Joined`] says so.
    Later,
}

/// Why the bus did not take something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BusError {
    /// There is no connection to the other nodes.
    #[error("the link to the cluster is down")]
    LinkDown,
    /// Too much waits to be sent already.
    #[error("the queue to the cluster is full")]
    QueueFull,
}
