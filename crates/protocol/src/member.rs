//! Who somebody is on a presence channel.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::Limits;
use crate::channel::is_name_character;
use crate::json::{object, object_text};

/// A user id as text. Numbers arrive as their own digits: `10` and `"10"` are one user.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserId(Arc<str>);

/// Why a text is not a user id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUserId {
    /// The id has no characters.
    #[error("user_id is empty")]
    Empty,
    /// The id is too long.
    #[error("user_id is {length} characters long, the limit is {limit}")]
    TooLong {
        /// Characters observed.
        length: usize,
        /// Characters allowed.
        limit: usize,
    },
    /// The id of a user who signs in holds a character outside the alphabet of channel names.
    #[error("user_id contains {0:?}; allowed are letters, digits and _ - = @ , . ;")]
    Character(char),
}

/// A user and what the application says of them, as signed in `channel_data`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The user.
    pub user_id: UserId,
    /// `user_info`: the JSON text of an object, or absent.
    pub user_info: Option<Arc<str>>,
}

/// Why `channel_data` does not describe a member.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMember {
    /// Larger than the app allows.
    #[error("channel_data is {length} bytes long, the limit is {limit}")]
    TooLarge {
        /// Bytes observed.
        length: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// Not a JSON object.
    #[error("channel_data must be a JSON object with a user_id")]
    NotAnObject,
    /// There is no `user_id`.
    #[error("channel_data has no user_id")]
    NoUserId,
    /// `user_id` is neither a string nor a number.
    #[error("user_id must be a string or a number")]
    UserIdType,
    /// `user_id` is not usable.
    #[error(transparent)]
    UserId(#[from] InvalidUserId),
    /// `user_info` is something else than an object.
    #[error("user_info must be an object")]
    UserInfoType,
}

impl UserId {
    /// Checks `text` against `limit` characters.
    ///
    /// # Errors
    /// Empty or too long.
    pub fn parse(text: &str, limit: usize) -> Result<Self, InvalidUserId> {
        if text.is_empty() {
            return Err(InvalidUserId::Empty);
        }
        let length = text.chars().count();
        if length > limit {
            return Err(InvalidUserId::TooLong { length, limit });
        }
        Ok(Self(text.into()))
    }

    /// Checks the id of a user who signs in: it becomes part of a channel's name, so it has the
    /// alphabet of channel names (Pusher's documentation of user authentication).
    ///
    /// # Errors
    /// The first rule that `text` breaks.
    pub fn parse_plain(text: &str, limit: usize) -> Result<Self, InvalidUserId> {
        let id = Self::parse(text, limit)?;
        match text.chars().find(|&c| !is_name_character(c)) {
            Some(bad) => Err(InvalidUserId::Character(bad)),
            None => Ok(id),
        }
    }

    /// The id as sent on the wire.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Member {
    /// Reads `channel_data`: `{"user_id": string or number, "user_info": object or null}`, other
    /// members ignored.
    ///
    /// # Errors
    /// The first rule that `channel_data` breaks.
    pub fn parse(channel_data: &str, limits: &Limits) -> Result<Self, InvalidMember> {
        #[derive(Deserialize)]
        struct Raw<'a> {
            #[serde(borrow)]
            user_id: Option<&'a RawValue>,
            #[serde(borrow)]
            user_info: Option<&'a RawValue>,
        }
        let limit = limits.max_presence_member_bytes;
        if channel_data.len() > limit {
            return Err(InvalidMember::TooLarge {
                length: channel_data.len(),
                limit,
            });
        }
        let raw: Raw<'_> = object(channel_data).ok_or(InvalidMember::NotAnObject)?;
        let user_id = user_id_text(raw.user_id.ok_or(InvalidMember::NoUserId)?)?;
        let user_info = object_text(raw.user_info).ok_or(InvalidMember::UserInfoType)?;
        Ok(Self {
            user_id: UserId::parse(&user_id, limits.max_user_id_length)?,
            user_info,
        })
    }
}

/// The digits of a number are kept as they stand, so that ids beyond 2^53 do not run into each
/// other.
fn user_id_text(value: &RawValue) -> Result<String, InvalidMember> {
    let text = value.get();
    match text.as_bytes().first() {
        Some(b'"') => serde_json::from_str(text).map_err(|_| InvalidMember::UserIdType),
        Some(b'-' | b'0'..=b'9') => Ok(text.to_owned()),
        _ => Err(InvalidMember::UserIdType),
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl Serialize for UserId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<(String, Option<String>), InvalidMember> {
        Member::parse(text, &Limits::default())
            .map(|m| (m.user_id.to_string(), m.user_info.map(|i| i.to_string())))
    }

    #[test]
    fn ids_are_text_and_info_is_kept_as_written() {
        let ok = |id: &str, info: Option<&str>| Ok((id.to_owned(), info.map(str::to_owned)));
        assert_eq!(parse(r#"{"user_id":"u-17"}"#), ok("u-17", None));
        assert_eq!(parse(r#"{"user_id":10,"user_info":null}"#), ok("10", None));
        assert_eq!(parse(r#"{"user_id":-1.5e3}"#), ok("-1.5e3", None));
        assert_eq!(
            parse(r#"{"user_id":123456789012345678901}"#),
            ok("123456789012345678901", None)
        );
        assert_eq!(parse(r#" {"user_id":"Zo\u00eb","x":[1]}"#), ok("Zoë", None));
        assert_eq!(
            parse(r#"{"user_info": {"b":1, "a":2},"user_id":"u"}"#),
            ok("u", Some(r#"{"b":1, "a":2}"#))
        );
    }

    #[test]
    fn everything_else_names_its_fault() {
        for (text, expect) in [
            ("", InvalidMember::NotAnObject),
            ("[]", InvalidMember::NotAnObject),
            (r#"["u",{}]"#, InvalidMember::NotAnObject),
            ("{\"user_id\":", InvalidMember::NotAnObject),
            ("{}", InvalidMember::NoUserId),
            (r#"{"user_id":null}"#, InvalidMember::NoUserId),
            (r#"{"user_id":true}"#, InvalidMember::UserIdType),
            (r#"{"user_id":{}}"#, InvalidMember::UserIdType),
            (
                r#"{"user_id":""}"#,
                InvalidMember::UserId(InvalidUserId::Empty),
            ),
            (
                r#"{"user_id":"u","user_info":"x"}"#,
                InvalidMember::UserInfoType,
            ),
            (
                r#"{"user_id":"u","user_info":[]}"#,
                InvalidMember::UserInfoType,
            ),
        ] {
            assert_eq!(parse(text), Err(expect), "{text}");
        }
    }

    #[test]
    fn sizes_are_limited() {
        let id = |n: usize| format!(r#"{{"user_id":"{}"}}"#, "ä".repeat(n));
        assert!(parse(&id(128)).is_ok());
        assert_eq!(
            parse(&id(129)),
            Err(InvalidMember::UserId(InvalidUserId::TooLong {
                length: 129,
                limit: 128
            }))
        );
        let data = |n: usize| {
            let frame = r#"{"user_id":"u","user_info":{"x":""}}"#.len();
            format!(
                r#"{{"user_id":"u","user_info":{{"x":"{}"}}}}"#,
                "x".repeat(n - frame)
            )
        };
        assert!(parse(&data(2048)).is_ok());
        assert_eq!(
            parse(&data(2049)),
            Err(InvalidMember::TooLarge {
                length: 2049,
                limit: 2048
            })
        );
    }
}
