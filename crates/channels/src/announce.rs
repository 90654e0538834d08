//! What the rest of the cluster gets to hear.

use foghorn_protocol::{Member, UserId};

use crate::key::Key;
use crate::request::Send;

/// What a hub has to say to the rest of the cluster. Called under the audience's lock, so that
/// others hear things in the order of the queue; implementations only hand over, they never wait.
pub trait Announce: std::marker::Send + Sync {
    /// The first local subscriber came: the channel's topic is wanted.
    fn interest(&self, key: &Key) -> Joining;
    /// The last local subscriber left. Ask [`crate::Hub::wants`] before leaving the topic: a new
    /// one may have come since.
    fn lost_interest(&self, key: &Key);
    /// A local fact changed.
    fn changed(&self, key: &Key, change: Change<'_>);
    /// A local publisher sends this; other nodes' subscribers are to get it too.
    fn relay(&self, key: &Key, send: &Send);
}

/// Whether a topic is joined yet, so that nothing published elsewhere can be missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Joining {
    /// It is joined: subscribers may be greeted.
    Done,
    /// The answer comes later through [`crate::Hub::joined`]; until then joins wait in the queue.
    Awaited,
}

/// Something that this node alone knows, for the others to hear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change<'a> {
    /// The number of local subscriptions is now this.
    Count(u32),
    /// The first local connection of a member, or newer `user_info`.
    Joined(&'a Member),
    /// The last local connection of a user has left.
    Left(&'a UserId),
}
