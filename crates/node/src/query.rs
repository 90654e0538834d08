//! Asking who is where. Answers come from memory, for the whole cluster.

use std::time::Duration;

use foghorn_channels::Occupancy;
use foghorn_protocol::{ChannelName, Member, Moment, event_data};

use crate::app::App;
use crate::node::Node;

/// What a cache channel remembers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CachedEvent {
    /// The event's payload.
    pub data: String,
    /// How much longer it lives.
    pub ttl: Duration,
}

impl Node {
    /// How many are on a channel. A channel that nobody ever used is simply empty.
    #[must_use]
    pub fn occupancy(&self, app: &App, channel: &ChannelName) -> Occupancy {
        self.hub().occupancy(&app.channel_key(channel))
    }

    /// The distinct users on a presence channel, in the order of their ids.
    #[must_use]
    pub fn members(&self, app: &App, channel: &ChannelName) -> Vec<Member> {
        self.hub().members(&app.channel_key(channel))
    }

    /// The event that a cache channel remembers.
    #[must_use]
    pub fn cached(&self, app: &App, channel: &ChannelName, now: Moment) -> Option<CachedEvent> {
        let cached = self.hub().cached(&app.channel_key(channel), now)?;
        Some(CachedEvent {
            data: event_data(cached.frame.text())?,
            ttl: cached.until.since(now),
        })
    }

    /// The occupied channels whose names begin with `prefix`, sorted by name.
    #[must_use]
    pub fn occupied(&self, app: &App, prefix: &str) -> Vec<(ChannelName, Occupancy)> {
        self.hub().occupied(app.number(), prefix)
    }
}
