//! What a node alone knows.

use std::time::Duration;

use foghorn_protocol::{ChannelName, Frame, Member, Recipient, UserId};
use serde::{Deserialize, Serialize};

use crate::{AppId, json};

/// Something that only the announcing node knows: who is connected there, and what was published
/// there.
///
/// Each fact but [`Fact::Cached`] states one row of the announcing node in full and replaces what
/// it said of that row before. Cached events belong to no node: each keeps the latest that it has
/// heard of, and a node that goes takes none along. A new kind of fact needs a new wire version,
/// because a node that cannot read one fact cannot number those after it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Fact {
    /// How many connections the app has on that node.
    Connected {
        /// The app.
        #[serde(with = "json::word")]
        app: AppId,
        /// Connections; 0 withdraws the row.
        count: u32,
    },
    /// How many of that node's connections subscribe to the channel, or are signed in as the user.
    Occupied {
        /// The app.
        #[serde(with = "json::word")]
        app: AppId,
        /// The channel or the user.
        #[serde(rename = "channel", with = "json::word")]
        recipient: Recipient,
        /// Connections; 0 withdraws the row.
        count: u32,
    },
    /// The node has a connection of the user on the presence channel.
    Joined {
        /// The app.
        #[serde(with = "json::word")]
        app: AppId,
        /// The presence channel.
        #[serde(with = "json::word")]
        channel: ChannelName,
        /// The user; said again, it replaces `user_info`.
        #[serde(with = "json::member")]
        member: Member,
    },
    /// The node no longer has any connection of the user on the presence channel.
    Left {
        /// The app.
        #[serde(with = "json::word")]
        app: AppId,
        /// The presence channel.
        #[serde(with = "json::word")]
        channel: ChannelName,
        /// The user.
        #[serde(with = "json::word")]
        user_id: UserId,
    },
    /// A cache channel remembers this event.
    Cached(Cached),
}

/// The last event of a cache channel, as far as the announcing node knows.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Cached {
    /// The app.
    #[serde(with = "json::word")]
    pub app: AppId,
    /// The channel.
    #[serde(with = "json::word")]
    pub channel: ChannelName,
    /// The higher is the later.
    pub version: u64,
    /// How long it lives from now on.
    #[serde(rename = "ttl_ms", with = "json::millis")]
    pub ttl: Duration,
    /// What subscribers get.
    #[serde(with = "json::frame")]
    pub frame: Frame,
}
