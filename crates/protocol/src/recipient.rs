//! Whom an event can be for.

use std::borrow::Cow;
use std::fmt;

use crate::{ChannelName, InvalidChannelName, InvalidUserId, Limits, UserId};

/// What precedes the user id in the pseudo channel of a user's own events (protocol.md §9.2).
const USER_PREFIX: &str = "#server-to-user-";

/// Whom an event can be for: who subscribes to a channel, or who is signed in as a user.
///
/// Its text form is the channel's name or `#server-to-user-ID`. The two never meet, because no
/// channel name holds a `#`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Recipient {
    /// The subscribers of a channel.
    Channel(ChannelName),
    /// The connections that are signed in as a user, subscribed to anything or not.
    User(UserId),
}

/// Why a text names no recipient.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRecipient {
    /// It is no channel name.
    #[error(transparent)]
    Channel(#[from] InvalidChannelName),
    /// It begins like the pseudo channel of a user but does not go on with a user's id.
    #[error(transparent)]
    User(#[from] InvalidUserId),
}

impl Recipient {
    /// Reads a channel name or `#server-to-user-ID`.
    ///
    /// # Errors
    /// The first rule that `text` breaks.
    pub fn parse(text: &str, limits: &Limits) -> Result<Self, InvalidRecipient> {
        match Self::user_part(text) {
            Some(id) => Ok(Self::User(UserId::parse_plain(
                id,
                limits.max_user_id_length,
            )?)),
            None => {
                let channel = ChannelName::parse(text, limits.max_channel_name_length)?;
                Ok(Self::Channel(channel))
            }
        }
    }

    /// What stands behind `#server-to-user-`, unchecked; `None` if `text` begins otherwise.
    #[must_use]
    pub fn user_part(text: &str) -> Option<&str> {
        text.strip_prefix(USER_PREFIX)
    }

    /// The text form.
    #[must_use]
    pub fn name(&self) -> Cow<'_, str> {
        match self {
            Self::Channel(channel) => Cow::Borrowed(channel.as_str()),
            Self::User(user) => Cow::Owned(format!("{USER_PREFIX}{user}")),
        }
    }

    /// The channel, if it is one.
    #[must_use]
    pub fn channel(&self) -> Option<&ChannelName> {
        match self {
            Self::Channel(channel) => Some(channel),
            Self::User(_) => None,
        }
    }
}

impl From<ChannelName> for Recipient {
    fn from(channel: ChannelName) -> Self {
        Self::Channel(channel)
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.name(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> Result<Recipient, InvalidRecipient> {
        Recipient::parse(text, &Limits::default())
    }

    #[test]
    fn channels_and_users() {
        assert!(matches!(parse("news"), Ok(Recipient::Channel(name)) if name.as_str() == "news"));
        assert!(
            matches!(parse("#server-to-user-u-17"), Ok(Recipient::User(id)) if id.as_str() == "u-17")
        );
        assert_eq!(parse("#server-to-user-"), Err(InvalidUserId::Empty.into()));
        assert_eq!(
            parse("#server-to-user-a b"),
            Err(InvalidUserId::Character(' ').into())
        );
        for reserved in [
            "#",
            "#server-to-user",
            "#Server-to-user-1",
            "x#server-to-user-1",
        ] {
            let expect = Err(InvalidChannelName::Character('#').into());
            assert_eq!(parse(reserved), expect, "{reserved}");
        }
        let longest = format!("{USER_PREFIX}{}", "u".repeat(128));
        assert!(parse(&longest).is_ok());
        assert!(parse(&format!("{longest}u")).is_err());
    }

    proptest! {
        #[test]
        fn name_and_parse_are_inverse(recipient in crate::strategies::recipient()) {
            prop_assert_eq!(parse(&recipient.name()), Ok(recipient));
        }
    }
}
