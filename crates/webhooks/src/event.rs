//! What webhooks tell (webhooks.md §2).

use std::sync::Arc;

use foghorn_protocol::{ChannelName, SocketId, UserId};

/// One thing that happened on a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The first subscriber anywhere came.
    ChannelOccupied {
        /// The channel.
        channel: ChannelName,
    },
    /// The last subscriber anywhere has been gone for the delay.
    ChannelVacated {
        /// The channel.
        channel: ChannelName,
    },
    /// The first connection of a user came.
    MemberAdded {
        /// A presence channel.
        channel: ChannelName,
        /// The user.
        user_id: UserId,
    },
    /// The last connection of a user has been gone for the delay.
    MemberRemoved {
        /// A presence channel.
        channel: ChannelName,
        /// The user.
        user_id: UserId,
    },
    /// A client event was accepted.
    ClientEvent {
        /// The channel.
        channel: ChannelName,
        /// The event's name.
        event: Arc<str>,
        /// The payload as text: JSON, unless the client sent a string.
        data: Arc<str>,
        /// Who sent it.
        socket_id: SocketId,
        /// The member who sent it; on presence channels only.
        user_id: Option<UserId>,
    },
    /// Somebody subscribed to a cache channel that remembers nothing.
    CacheMiss {
        /// The channel.
        channel: ChannelName,
    },
    /// The number of subscriptions changed.
    SubscriptionCount {
        /// No presence channel.
        channel: ChannelName,
        /// Subscribed connections on all nodes.
        count: u64,
    },
}

/// The kinds of [`Event`], by which webhooks choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// See [`Event::ChannelOccupied`].
    ChannelOccupied,
    /// See [`Event::ChannelVacated`].
    ChannelVacated,
    /// See [`Event::MemberAdded`].
    MemberAdded,
    /// See [`Event::MemberRemoved`].
    MemberRemoved,
    /// See [`Event::ClientEvent`].
    ClientEvent,
    /// See [`Event::CacheMiss`].
    CacheMiss,
    /// See [`Event::SubscriptionCount`].
    SubscriptionCount,
}
