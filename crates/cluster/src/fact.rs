//! What a node alone knows.

use foghorn_protocol::{ChannelName, Member, UserId};
use serde::{Deserialize, Serialize};

use crate::{AppId, json};

/// Something that only the announcing node knows: who is connected there.
///
/// Each fact states one row of the announcing node in full and replaces what it said of that row
/// before. A new kind of fact needs a new wire version, because a node that cannot read one fact
/// cannot number those after it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Fact {
    /// How many of that node's connections subscribe to the channel.
    Occupied {
        /// The app.
        #[serde(with = "json::word")]
        app: AppId,
        /// The channel.
        #[serde(with = "json::word")]
        channel: ChannelName,
        /// Subscriptions on that node; 0 withdraws the row.
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
}
