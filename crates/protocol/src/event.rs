//! Event names.

use std::sync::Arc;

/// The name of an application event: 1 to `max_event_name` characters, any Unicode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventName(Arc<str>);

/// Why a text is not an event name that may be published.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEventName {
    /// The name has no characters.
    #[error("event name is empty")]
    Empty,
    /// The name is longer than the app allows.
    #[error("event name is {length} characters long, the limit is {limit}")]
    TooLong {
        /// Characters observed.
        length: usize,
        /// Characters allowed.
        limit: usize,
    },
    /// The name belongs to the protocol itself.
    #[error("event names beginning with {0:?} are reserved for the protocol")]
    Reserved(&'static str),
}

impl EventName {
    /// Checks `text` against `limit` characters and the protocol's own name spaces.
    ///
    /// # Errors
    /// The first rule that `text` breaks.
    pub fn parse(text: &str, limit: usize) -> Result<Self, InvalidEventName> {
        if text.is_empty() {
            return Err(InvalidEventName::Empty);
        }
        for reserved in ["pusher:", "pusher_internal:"] {
            if text.starts_with(reserved) {
                return Err(InvalidEventName::Reserved(reserved));
            }
        }
        // Counting characters is needed only where bytes could be over the limit.
        if text.len() > limit {
            let length = text.chars().count();
            if length > limit {
                return Err(InvalidEventName::TooLong { length, limit });
            }
        }
        Ok(Self(text.into()))
    }

    /// The name as sent on the wire.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_counts_characters_and_reserved_names_are_refused() {
        assert!(EventName::parse(&"ä".repeat(200), 200).is_ok());
        assert_eq!(
            EventName::parse(&"ä".repeat(201), 200),
            Err(InvalidEventName::TooLong {
                length: 201,
                limit: 200
            })
        );
        assert_eq!(EventName::parse("", 200), Err(InvalidEventName::Empty));
        assert!(matches!(
            EventName::parse("pusher:error", 200),
            Err(InvalidEventName::Reserved("pusher:"))
        ));
        assert!(matches!(
            EventName::parse("pusher_internal:member_added", 200),
            Err(InvalidEventName::Reserved(_))
        ));
        assert!(EventName::parse("client-typing", 200).is_ok());
        assert!(EventName::parse("pusher", 200).is_ok());
    }
}
