//! Channel names and what their prefixes mean.

use std::fmt;
use std::sync::Arc;

/// A syntactically valid channel name. Cloning shares the text.
///
/// Allowed are `A–Z a–z 0–9 _ - = @ , . ;` (Pusher's documentation, "Channel naming conventions").
/// `#` is reserved for pseudo channels and never part of a `ChannelName`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChannelName(Arc<str>);

/// Why a text is not a channel name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidChannelName {
    /// The name has no characters.
    #[error("channel name is empty")]
    Empty,
    /// The name is longer than the app allows.
    #[error("channel name is {length} characters long, the limit is {limit}")]
    TooLong {
        /// Characters observed.
        length: usize,
        /// Characters allowed.
        limit: usize,
    },
    /// The name holds a character outside the alphabet.
    #[error("channel name contains {0:?}; allowed are letters, digits and _ - = @ , . ;")]
    Character(char),
}

/// What a channel's prefix asks for before a client may subscribe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anybody may subscribe.
    Public,
    /// A signature over socket id and channel.
    Private,
    /// As private; payloads are encrypted end to end and never looked into.
    Encrypted,
    /// A signature that also covers who the member is.
    Presence,
}

/// The meaning of a channel name, decided by its anchored prefix, longest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelKind {
    /// What a subscription needs.
    pub access: Access,
    /// Whether the channel remembers its last event.
    pub cache: bool,
}

impl ChannelName {
    /// Checks `text` against the alphabet and `limit` characters, prefix included.
    ///
    /// # Errors
    /// The first rule that `text` breaks.
    pub fn parse(text: &str, limit: usize) -> Result<Self, InvalidChannelName> {
        if text.is_empty() {
            return Err(InvalidChannelName::Empty);
        }
        if let Some(bad) = text.chars().find(|&c| !is_name_character(c)) {
            return Err(InvalidChannelName::Character(bad));
        }
        if text.len() > limit {
            return Err(InvalidChannelName::TooLong {
                length: text.len(),
                limit,
            });
        }
        Ok(Self(text.into()))
    }

    /// The name as sent on the wire.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What the prefix says.
    #[must_use]
    pub fn kind(&self) -> ChannelKind {
        ChannelKind::of(&self.0)
    }
}

/// Whether names of channels, and of users who sign in, may hold it.
pub(crate) fn is_name_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '=' | '@' | ',' | '.' | ';')
}

impl ChannelKind {
    fn of(name: &str) -> Self {
        let (access, rest) = if let Some(rest) = name.strip_prefix("private-encrypted-") {
            (Access::Encrypted, rest)
        } else if let Some(rest) = name.strip_prefix("private-") {
            (Access::Private, rest)
        } else if let Some(rest) = name.strip_prefix("presence-") {
            (Access::Presence, rest)
        } else {
            (Access::Public, name)
        };
        Self {
            access,
            cache: rest.starts_with("cache-"),
        }
    }

    /// Whether a subscription must carry a signature.
    #[must_use]
    pub fn is_authenticated(self) -> bool {
        self.access != Access::Public
    }

    /// Whether the channel has members.
    #[must_use]
    pub fn is_presence(self) -> bool {
        self.access == Access::Presence
    }
}

impl fmt::Display for ChannelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ChannelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(name: &str) -> (Access, bool) {
        let kind = ChannelName::parse(name, 200).unwrap().kind();
        (kind.access, kind.cache)
    }

    #[test]
    fn prefixes_are_anchored_and_longest_first() {
        for (name, expect) in [
            ("news", (Access::Public, false)),
            ("cache-news", (Access::Public, true)),
            ("private-orders", (Access::Private, false)),
            ("private-cache-orders", (Access::Private, true)),
            ("private-encrypted-vault", (Access::Encrypted, false)),
            ("private-encrypted-cache-vault", (Access::Encrypted, true)),
            ("presence-lobby", (Access::Presence, false)),
            ("presence-cache-lobby", (Access::Presence, true)),
            ("presence-cache-", (Access::Presence, true)),
            // Look-alikes: a prefix counts only at the start and with its dash.
            ("privateer", (Access::Public, false)),
            ("my-private-thing", (Access::Public, false)),
            ("x-cache-y", (Access::Public, false)),
            ("cache", (Access::Public, false)),
            ("presence", (Access::Public, false)),
            ("private-encrypted", (Access::Private, false)),
            ("private-encryptedcache-x", (Access::Private, false)),
            ("Private-x", (Access::Public, false)),
        ] {
            assert_eq!(kind(name), expect, "{name}");
        }
    }

    #[test]
    fn alphabet_and_length_are_enforced() {
        assert!(ChannelName::parse("aZ09_-=@,.;", 200).is_ok());
        assert_eq!(ChannelName::parse("", 200), Err(InvalidChannelName::Empty));
        for bad in [
            "a b",
            "a#b",
            "#server-to-user-1",
            "a:b",
            "a/b",
            "ä",
            "a\n",
            "a\0",
        ] {
            assert!(
                matches!(
                    ChannelName::parse(bad, 200),
                    Err(InvalidChannelName::Character(_))
                ),
                "{bad:?}"
            );
        }
        assert!(ChannelName::parse(&"x".repeat(200), 200).is_ok());
        assert_eq!(
            ChannelName::parse(&"x".repeat(201), 200),
            Err(InvalidChannelName::TooLong {
                length: 201,
                limit: 200
            })
        );
    }
}
