//! Asking who is where. Answers come from memory, for the whole cluster.

use foghorn_channels::Occupancy;
use foghorn_protocol::{ChannelName, UserId};

use crate::app::App;
use crate::node::Node;

impl Node {
    /// How many are on a channel. A channel that nobody ever used is simply empty.
    #[must_use]
    pub fn occupancy(&self, app: &App, channel: &ChannelName) -> Occupancy {
        self.hub().occupancy(&app.key(channel))
    }

    /// The distinct users on a presence channel, in the order of their ids.
    #[must_use]
    pub fn user_ids(&self, app: &App, channel: &ChannelName) -> Vec<UserId> {
        self.hub().user_ids(&app.key(channel))
    }

    /// The occupied channels whose names begin with `prefix`, sorted by name.
    #[must_use]
    pub fn occupied(&self, app: &App, prefix: &str) -> Vec<(ChannelName, Occupancy)> {
        self.hub().occupied(app.number(), prefix)
    }
}
