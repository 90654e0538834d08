//! What an audience is found by.

use foghorn_protocol::ChannelName;

/// An app, by the number that its node gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AppNumber(pub u32);

/// What an audience listens to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// The app.
    pub app: AppNumber,
    /// The channel.
    pub channel: ChannelName,
}
