//! What an audience is found by.

use foghorn_protocol::{ChannelName, Recipient, UserId};

/// An app, by the number that its node gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AppNumber(pub u32);

/// What an audience listens to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// The app.
    pub app: AppNumber,
    /// Within the app.
    pub target: Target,
}

/// What an audience listens to, within its app.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// Something that events are published to, from any node.
    Recipient(Recipient),
    /// The coming and going of a user. Each node tells its own watchers.
    Watchers(UserId),
}

impl Key {
    /// The channel, if it is one that clients subscribe to.
    #[must_use]
    pub fn channel(&self) -> Option<&ChannelName> {
        self.recipient().and_then(Recipient::channel)
    }

    /// What events can be published to.
    #[must_use]
    pub fn recipient(&self) -> Option<&Recipient> {
        match &self.target {
            Target::Recipient(recipient) => Some(recipient),
            Target::Watchers(_) => None,
        }
    }
}
