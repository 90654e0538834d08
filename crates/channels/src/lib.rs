//! The registry of channels: who listens where, in which order they hear what.
//!
//! An *audience* is the set of local subscribers of one channel (or of one user's own events, or of
//! one user's coming and going) with everything that must change together: the operation queue, the
//! member list, the counts, the presence roster and the cached event. All sends of a channel
//! go through its queue, in the order in which they were appended under one small lock, and a
//! newcomer has its place in it; delivering happens outside that lock (see [`Hub`] and
//! `docs/architecture.md`, INV-BATON-1, INV-ACK-1).
//!
//! This crate must not know: sessions, signatures, HTTP, sockets, other nodes' identities,
//! clocks.

mod announce;
mod audience;
mod batch;
mod drain;
mod eased;
mod hash;
mod hub;
mod key;
mod mailbox;
mod members;
mod memory;
mod op;
mod registry;
mod request;
mod roster;
mod shared;
mod sync;
mod tally;

pub use announce::{Announce, Change, Counting, Joining, News, Stamp};
pub use drain::{Drain, Progress};
pub use eased::Eased;
pub use hash::HashSeed;
pub use hub::{Destination, Hub};
pub use key::{AppNumber, Key, Target};
pub use mailbox::{Delivery, Mailbox};
pub use request::{
    Cached, Hearing, Lifetime, Occupancy, QueueLimits, Remote, Send, Subscribe, SubscribeError,
};
pub use roster::RosterFull;
pub use tally::Tally;
