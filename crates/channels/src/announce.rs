//! What the rest of the cluster gets to hear.

use std::sync::Arc;
use std::time::Duration;

use foghorn_protocol::{Member, UserId};

use crate::key::Key;
use crate::request::Send;
use crate::tally::Tally;

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
    /// A local publisher sends this; other nodes' subscribers are to get it too, and all nodes are
    /// to remember it if it has a stamp.
    fn relay(&self, key: &Key, send: &Send, stamp: Option<Stamp>);
    /// Whether the subscribers of `key` are told how many they are. Asked when the audience begins;
    /// the answer holds until its end.
    fn counting(&self, key: &Key) -> Counting;
    /// Where messages are counted that subscribers of `key` on this node take: events, members who
    /// come and go, counts; not what they are greeted with. The same answer always.
    fn tally(&self, key: &Key) -> Arc<Tally>;
    /// So many subscribe that their number is told now and then only: call
    /// [`crate::Hub::tell_count`] when it is time.
    fn count_waits(&self, key: &Key);
    /// Something has changed for all nodes together.
    fn happened(&self, key: &Key, news: News<'_>);
    /// A cached event was forgotten before its time, because there are too many.
    fn evicted(&self);
}

/// What has changed for all nodes together. Of one channel, `Occupied` comes before the first
/// `Added`, and the last `Removed` before `Vacated`, if all of it happens here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News<'a> {
    /// Somebody is there, and nobody was.
    Occupied,
    /// Nobody is there any more.
    Vacated,
    /// A member's first connection is there.
    Added(&'a UserId),
    /// A member's last connection has gone.
    Removed(&'a UserId),
    /// So many subscribe by now; only where they are told so.
    Counted(u64),
    /// A newcomer was told that nothing is cached.
    CacheMissed,
    /// Something is cached where nothing was, or where somebody missed it since.
    CacheFilled,
}

/// What other nodes need to remember an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// See [`crate::Cached::version`].
    pub version: u64,
    /// How long it lives.
    pub ttl: Duration,
}

/// Whether subscribers are told how many they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counting {
    /// They are not.
    Silent,
    /// At every change; for a crowd, now and then.
    Told,
}

/// Whether a topic is joined yet, so that nothing published elsewhere can be missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Joining {
    /// It is joined: subscribers may be greeted.
    Done,
    /// The answer comes later through [`crate::Hub::joined`]; until then newcomers wait.
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
