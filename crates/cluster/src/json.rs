//! The words of the protocol as JSON, for `#[serde(with = …)]`.
//!
//! Lengths are limited by the app and were checked by the node where a word came in, so there are
//! no limits here.

use std::fmt::Display;

use foghorn_protocol::fallback::SessionName;
use foghorn_protocol::{ChannelName, Limits, Recipient, SocketId, UserId};

use crate::{AppId, NodeId};

/// What is a string in JSON and `Display`s as that string.
pub(crate) trait Word: Display + Sized {
    /// What the string means, if anything.
    fn parse_word(text: &str) -> Option<Self>;
}

impl Word for AppId {
    fn parse_word(text: &str) -> Option<Self> {
        Some(text.into())
    }
}

impl Word for ChannelName {
    fn parse_word(text: &str) -> Option<Self> {
        Self::parse(text, usize::MAX).ok()
    }
}

impl Word for Recipient {
    fn parse_word(text: &str) -> Option<Self> {
        let unlimited = Limits {
            max_channel_name_length: usize::MAX,
            max_user_id_length: usize::MAX,
            ..Limits::default()
        };
        Self::parse(text, &unlimited).ok()
    }
}

impl Word for UserId {
    fn parse_word(text: &str) -> Option<Self> {
        Self::parse(text, usize::MAX).ok()
    }
}

impl Word for SocketId {
    /// No node has handed out an id that is not canonical.
    fn parse_word(text: &str) -> Option<Self> {
        Self::parse(text).ok().flatten()
    }
}

impl Word for SessionName {
    fn parse_word(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl Word for NodeId {
    fn parse_word(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

/// A word.
pub(crate) mod word {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    use super::Word;

    pub(crate) fn serialize<S: Serializer>(word: &impl Word, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(word)
    }

    pub(crate) fn deserialize<'de, D, W>(from: D) -> Result<W, D::Error>
    where
        D: Deserializer<'de>,
        W: Word,
    {
        let text = String::deserialize(from)?;
        W::parse_word(&text).ok_or_else(|| D::Error::custom("not a name or id of its kind"))
    }
}

/// A member: `user_info` is passed on as it was written.
pub(crate) mod member {
    use foghorn_protocol::{Member, UserId};
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
    use serde_json::value::RawValue;

    #[derive(Deserialize, Serialize)]
    struct Json<'a> {
        #[serde(with = "super::word")]
        user_id: UserId,
        #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
        user_info: Option<&'a RawValue>,
    }

    pub(crate) fn serialize<S: Serializer>(member: &Member, to: S) -> Result<S::Ok, S::Error> {
        let user_id = member.user_id.clone();
        let user_info = member.user_info.as_deref().and_then(object);
        Json { user_id, user_info }.serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Member, D::Error> {
        let Json { user_id, user_info } = Json::<'de>::deserialize(from)?;
        if user_info.is_some_and(|raw| !is_object(raw)) {
            return Err(D::Error::custom("user_info must be an object"));
        }
        let user_info = user_info.map(|raw| raw.get().into());
        Ok(Member { user_id, user_info })
    }

    /// A `Member` promises an object; anything else would make the whole message unreadable.
    fn object(text: &str) -> Option<&RawValue> {
        let raw: &RawValue = serde_json::from_str(text).ok()?;
        is_object(raw).then_some(raw)
    }

    fn is_object(raw: &RawValue) -> bool {
        raw.get().starts_with('{')
    }
}

/// A span of time, as a whole number of milliseconds.
pub(crate) mod millis {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(span: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(u64::try_from(span.as_millis()).unwrap_or(u64::MAX))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        u64::deserialize(from).map(Duration::from_millis)
    }
}

/// A client's message, as text.
pub(crate) mod frame {
    use foghorn_protocol::Frame;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(frame: &Frame, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&String::from_utf8_lossy(frame.text()))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Frame, D::Error> {
        let text = String::deserialize(from)?;
        Ok(Frame::from_text(text.as_bytes()))
    }
}
