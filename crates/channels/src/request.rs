//! What can be asked of a channel, and what comes back.

use std::sync::Arc;
use std::time::Duration;

use foghorn_protocol::{Frame, Member, Moment, SocketId, UserId};

use crate::mailbox::Mailbox;
use crate::roster::RosterFull;

/// An event for everyone on a channel, but perhaps one.
#[derive(Clone, Debug)]
pub struct Send {
    /// The encoded event.
    pub frame: Frame,
    /// The connection that does not get it.
    pub except: Option<SocketId>,
}

/// How long a cache channel is to remember an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetime {
    /// When it is published.
    pub now: Moment,
    /// How long it lives from then on.
    pub ttl: Duration,
}

/// An event that a cache channel remembers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cached {
    /// The encoded event.
    pub frame: Frame,
    /// Until when.
    pub until: Moment,
    /// The higher is the later; nodes agree on it which event is the channel's last.
    pub version: u64,
}

/// What a subscriber gets of what is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hearing {
    /// Everything.
    Everything,
    /// Everything but the number of subscriptions.
    AllButCounts,
    /// Nothing, while it still counts.
    Nothing,
}

/// A local subscriber.
pub struct Subscribe {
    /// The connection.
    pub socket: SocketId,
    /// The way to it.
    pub mailbox: Arc<dyn Mailbox>,
    /// What greets it where the audience has no acknowledgement of its own, as channels do.
    pub greeting: Option<Frame>,
    /// Who it is, on a presence channel.
    pub member: Option<Member>,
    /// Distinct users that a presence channel may have.
    pub max_members: usize,
    /// What it gets.
    pub hearing: Hearing,
    /// When it comes.
    pub now: Moment,
}

/// What another node announced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remote {
    /// Its subscriptions of the channel changed.
    Count {
        /// How many it had.
        before: u32,
        /// How many it has.
        after: u32,
    },
    /// It has its first connection of a member.
    Joined(Member),
    /// It has newer info of a member whom it has already announced.
    Updated(Member),
    /// Its last connection of a user has left.
    Left(UserId),
}

/// Why a subscriber is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubscribeError {
    /// A presence channel has as many users as it may.
    #[error(transparent)]
    Full(#[from] RosterFull),
    /// Too many operations wait already.
    #[error("over capacity")]
    Busy,
}

/// How many are on a channel, over all nodes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Occupancy {
    /// Subscribed connections.
    pub subscriptions: u64,
    /// Distinct users; 0 on channels without members.
    pub users: usize,
}

/// How much may wait in one audience's queue before publishers are pushed back, and how much may be
/// remembered.
#[derive(Clone, Copy, Debug)]
pub struct QueueLimits {
    /// Events.
    pub sends: usize,
    /// Bytes of their frames.
    pub bytes: usize,
    /// Operations of any kind, newcomers who wait for their place, and acknowledgements owed to
    /// those who are gone again, before further newcomers are refused.
    pub operations: usize,
    /// Bytes of all cached events together; those that expire soonest are forgotten first.
    pub cached_bytes: usize,
}

impl Default for QueueLimits {
    fn default() -> Self {
        Self {
            sends: 1_024,
            bytes: 8 * 1024 * 1024,
            operations: 100_000,
            cached_bytes: 64 * 1024 * 1024,
        }
    }
}
