//! How much of everything an app may use.

use std::time::Duration;

/// A rate per second, with a burst of the same size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rate {
    /// At most this many per second.
    PerSecond(u32),
    /// No limit.
    Unlimited,
}

/// A number that may not be passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ceiling {
    /// At most this many.
    AtMost(u32),
    /// No limit.
    Unlimited,
}

/// One app's limits. KB means 1,024 bytes of UTF-8; characters are Unicode scalar values.
///
/// Defaults are Pusher's documented limits, except where the official SDKs allow more: channel
/// names of 200 instead of 164 characters, member objects of 2 KB instead of 1 KB. Pusher documents
/// no limit of channels per connection; ours is far above what a client needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Characters of a channel name, prefix included.
    pub max_channel_name_length: usize,
    /// Characters of an event name.
    pub max_event_name_length: usize,
    /// Bytes of an event's data, from the HTTP API and from clients alike.
    pub max_event_data_bytes: usize,
    /// Channels of one `events` request.
    pub max_channels_per_event: usize,
    /// Events of one `batch_events` request.
    pub max_batch_size: usize,
    /// Distinct users of one presence channel.
    pub max_presence_members: usize,
    /// Bytes of a member's `channel_data`.
    pub max_presence_member_bytes: usize,
    /// Characters of a user id.
    pub max_user_id_length: usize,
    /// Subscriptions of one connection.
    pub max_channels_per_connection: usize,
    /// User ids of one watchlist; those beyond it are left out.
    pub max_watchlist: usize,
    /// Connections of the app, on all nodes together.
    pub max_connections: Ceiling,
    /// How long a cache channel remembers its last event.
    pub cache_ttl: Duration,
    /// Client events per second and connection.
    pub client_events_per_second: Rate,
    /// Events per second from the HTTP API, counted once per channel, on each node.
    pub api_events_per_second: Rate,
    /// Requests per second that ask the HTTP API something, on each node.
    pub api_reads_per_second: Rate,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_channel_name_length: 200,
            max_event_name_length: 200,
            max_event_data_bytes: 10 * 1024,
            max_channels_per_event: 100,
            max_batch_size: 10,
            max_presence_members: 100,
            max_presence_member_bytes: 2 * 1024,
            max_user_id_length: 128,
            max_channels_per_connection: 10_000,
            max_watchlist: 100,
            max_connections: Ceiling::Unlimited,
            cache_ttl: Duration::from_secs(30 * 60),
            client_events_per_second: Rate::PerSecond(10),
            api_events_per_second: Rate::Unlimited,
            api_reads_per_second: Rate::Unlimited,
        }
    }
}
