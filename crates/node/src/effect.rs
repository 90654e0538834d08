//! What a node wants done outside of itself.

use std::sync::Arc;

use foghorn_channels::Drain;
use foghorn_cluster::{AppId, Joining, Message, Topic};
use foghorn_protocol::Close;
use foghorn_protocol::fallback::SessionName;

use crate::app::App;

/// One thing for the shell to do. Effects of one channel are emitted in the channel's order.
#[derive(Debug)]
pub enum Effect {
    /// Carry out the rest of an audience's queue with [`Drain::run`], giving others a
    /// turn between slices.
    Drain(Drain),
    /// Listen to the topic, if [`crate::Node::wants`] it when its turn comes.
    Join(Topic),
    /// Stop listening to the topic, unless [`crate::Node::wants`] it when its turn comes.
    Leave(Topic),
    /// Hand the message to the other nodes.
    Publish(Topic, Message),
    /// Facts wait: call [`crate::Node::flush_facts`] within some milliseconds.
    FactsWaiting,
    /// Users may have come online or gone: call [`crate::Node::look_at_users`] soon.
    UsersWaiting,
    /// Every connection is to be closed that was let in before an app changed: those whose rules
    /// are [no later than](crate::App::is_no_later_than) these.
    CloseApp {
        /// The app as it was.
        app: Arc<App>,
        /// What its clients are told.
        close: Close,
    },
    /// Something may have to be told to webhooks: call [`crate::Node::due_webhooks`] soon.
    WebhooksWaiting,
    /// A client sent messages by way of another node. They are for the session of this name, if it
    /// is here; else they are for some other node, and dropped.
    Sent {
        /// The app.
        app: AppId,
        /// The session, one of the app's.
        session: SessionName,
        /// The JSON texts of the messages; an empty list is a sign of life.
        messages: Vec<String>,
    },
}

/// Where effects go. Called with locks held: implementations hand over and return, they neither
/// wait nor call the node.
pub trait Emit: Send + Sync {
    /// Hands over `effect`.
    fn emit(&self, effect: Effect);

    /// How the node is linked to others; the same answer always.
    fn clustering(&self) -> Clustering;
}

/// How a node is linked to others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clustering {
    /// Not at all, for good: nothing is announced.
    Alone,
    /// By a driver whose joins complete like this.
    Linked(Joining),
}
