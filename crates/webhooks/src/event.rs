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

impl Event {
    /// What it is called and chosen by.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::ChannelOccupied { .. } => Kind::ChannelOccupied,
            Self::ChannelVacated { .. } => Kind::ChannelVacated,
            Self::MemberAdded { .. } => Kind::MemberAdded,
            Self::MemberRemoved { .. } => Kind::MemberRemoved,
            Self::ClientEvent { .. } => Kind::ClientEvent,
            Self::CacheMiss { .. } => Kind::CacheMiss,
            Self::SubscriptionCount { .. } => Kind::SubscriptionCount,
        }
    }

    /// Where it happened.
    #[must_use]
    pub fn channel(&self) -> &ChannelName {
        match self {
            Self::ChannelOccupied { channel }
            | Self::ChannelVacated { channel }
            | Self::MemberAdded { channel, .. }
            | Self::MemberRemoved { channel, .. }
            | Self::ClientEvent { channel, .. }
            | Self::CacheMiss { channel }
            | Self::SubscriptionCount { channel, .. } => channel,
        }
    }
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

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 7] = [
        Self::ChannelOccupied,
        Self::ChannelVacated,
        Self::MemberAdded,
        Self::MemberRemoved,
        Self::ClientEvent,
        Self::CacheMiss,
        Self::SubscriptionCount,
    ];

    /// The `name` of its events, and what `event_types` lists.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ChannelOccupied => "channel_occupied",
            Self::ChannelVacated => "channel_vacated",
            Self::MemberAdded => "member_added",
            Self::MemberRemoved => "member_removed",
            Self::ClientEvent => "client_event",
            Self::CacheMiss => "cache_miss",
            Self::SubscriptionCount => "subscription_count",
        }
    }

    /// The kind that is called `name`.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// What takes it back, or what it takes back.
    #[must_use]
    pub fn opposite(self) -> Option<Self> {
        match self {
            Self::ChannelOccupied => Some(Self::ChannelVacated),
            Self::ChannelVacated => Some(Self::ChannelOccupied),
            Self::MemberAdded => Some(Self::MemberRemoved),
            Self::MemberRemoved => Some(Self::MemberAdded),
            Self::ClientEvent | Self::CacheMiss | Self::SubscriptionCount => None,
        }
    }
}

/// Some of the kinds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Kinds(u8);

impl Kinds {
    pub(crate) fn contains(self, kind: Kind) -> bool {
        self.0 & Self::bit(kind) != 0
    }

    fn bit(kind: Kind) -> u8 {
        1 << kind as u8
    }
}

impl FromIterator<Kind> for Kinds {
    fn from_iter<I: IntoIterator<Item = Kind>>(kinds: I) -> Self {
        Self(
            kinds
                .into_iter()
                .fold(0, |bits, kind| bits | Self::bit(kind)),
        )
    }
}
