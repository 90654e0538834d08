//! What the server says.

use std::borrow::Cow;

use serde::ser::{Error as _, SerializeMap as _};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::{ChannelName, Frame, Member, SocketId, UserId};

/// One message to clients.
///
/// `data` is a JSON *string* on the wire in everything but `pusher:error`, where it is an object,
/// and it is never left out: Swift drops object data and errors with string data, Java throws on
/// missing data. Empty payloads are the string `{}`.
#[derive(Clone, Debug)]
pub enum ServerMessage<'a> {
    /// The first message of every connection.
    ConnectionEstablished {
        /// The connection's id.
        socket_id: SocketId,
        /// Seconds of silence after which the client should ping; never zero, or pusher-js gives up
        /// for good.
        activity_timeout: u64,
    },
    /// Answer to `pusher:ping`.
    Pong,
    /// An error. Never has a channel.
    Error {
        /// Pusher's code where it has one; codes from 4000 to 4299 announce a close.
        code: Option<u16>,
        /// What went wrong, for a person.
        message: &'a str,
    },
    /// Acknowledges a sign-in.
    SignInSuccess {
        /// What was signed, byte for byte.
        user_data: &'a str,
    },
    /// Tells who of a watchlist is there and who is not; nothing is said of an empty side.
    WatchlistEvents {
        /// Users with a signed-in connection.
        online: &'a [UserId],
        /// Users without one.
        offline: &'a [UserId],
    },
    /// Acknowledges a subscription without members.
    SubscriptionSucceeded {
        /// The channel, or the pseudo channel of a user's own events.
        channel: &'a str,
    },
    /// Tells a new subscriber of a cache channel that nothing is cached.
    CacheMiss {
        /// The channel.
        channel: &'a ChannelName,
    },
    /// Tells how many connections subscribe to a channel without members.
    SubscriptionCount {
        /// The channel.
        channel: &'a ChannelName,
        /// Connections, on all nodes together.
        count: u64,
    },
    /// Acknowledges a presence subscription.
    PresenceSucceeded {
        /// The channel.
        channel: &'a ChannelName,
        /// Every distinct user, the new one included.
        members: &'a [(&'a UserId, Option<&'a str>)],
    },
    /// Tells the channel's own handlers (not only the connection's) of a refusal, as soketi does
    /// and Laravel Echo expects.
    SubscriptionError {
        /// The channel as the client named it.
        channel: &'a ChannelName,
        /// What kind of refusal.
        kind: RefusalKind,
        /// What went wrong, for a person.
        error: &'a str,
        /// A number in the place where soketi's users look for one.
        status: u16,
    },
    /// The first connection of a user came.
    MemberAdded {
        /// The channel.
        channel: &'a ChannelName,
        /// Who.
        member: &'a Member,
    },
    /// The last connection of a user left.
    MemberRemoved {
        /// The channel.
        channel: &'a ChannelName,
        /// Who.
        user_id: &'a UserId,
    },
    /// An application's event, from the HTTP API or from a client.
    Event {
        /// The event's name.
        event: &'a str,
        /// The channel, or the pseudo channel of a user's own events.
        channel: &'a str,
        /// The payload, passed on unchanged.
        data: &'a str,
        /// The sender, on presence channels, of client events only.
        user_id: Option<&'a UserId>,
    },
}

/// The `type` of a `pusher:subscription_error`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum RefusalKind {
    /// The signature or what it covers.
    AuthError,
    /// Too many or too much.
    LimitReached,
}

impl ServerMessage<'_> {
    /// Encodes the message, once for all who get it.
    #[must_use]
    pub fn encode(&self) -> Frame {
        let capacity = match self {
            // Names and braces, plus some room for escapes.
            Self::Event { event, data, .. } => 96 + event.len() + data.len() + data.len() / 8,
            Self::PresenceSucceeded { members, .. } => 160 + members.len() * 64,
            _ => 160,
        };
        Frame::encode(&Envelope(self), capacity)
    }

    fn name(&self) -> &str {
        match self {
            Self::ConnectionEstablished { .. } => "pusher:connection_established",
            Self::Pong => "pusher:pong",
            Self::Error { .. } => "pusher:error",
            Self::SubscriptionSucceeded { .. } | Self::PresenceSucceeded { .. } => {
                "pusher_internal:subscription_succeeded"
            }
            Self::SignInSuccess { .. } => "pusher:signin_success",
            Self::WatchlistEvents { .. } => "pusher_internal:watchlist_events",
            Self::CacheMiss { .. } => "pusher:cache_miss",
            Self::SubscriptionCount { .. } => "pusher_internal:subscription_count",
            Self::SubscriptionError { .. } => "pusher:subscription_error",
            Self::MemberAdded { .. } => "pusher_internal:member_added",
            Self::MemberRemoved { .. } => "pusher_internal:member_removed",
            Self::Event { event, .. } => event,
        }
    }

    fn channel(&self) -> Option<&str> {
        match self {
            Self::ConnectionEstablished { .. }
            | Self::Pong
            | Self::Error { .. }
            | Self::SignInSuccess { .. }
            | Self::WatchlistEvents { .. } => None,
            Self::SubscriptionSucceeded { channel } | Self::Event { channel, .. } => Some(channel),
            Self::PresenceSucceeded { channel, .. }
            | Self::CacheMiss { channel }
            | Self::SubscriptionCount { channel, .. }
            | Self::SubscriptionError { channel, .. }
            | Self::MemberAdded { channel, .. }
            | Self::MemberRemoved { channel, .. } => Some(channel.as_str()),
        }
    }

    /// The string in `data`; errors have none.
    fn data(&self) -> Result<Cow<'_, str>, serde_json::Error> {
        Ok(match self {
            Self::ConnectionEstablished {
                socket_id,
                activity_timeout,
            } => format!(r#"{{"socket_id":"{socket_id}","activity_timeout":{activity_timeout}}}"#)
                .into(),
            Self::Pong
            | Self::SubscriptionSucceeded { .. }
            | Self::CacheMiss { .. }
            | Self::Error { .. } => "{}".into(),
            Self::SignInSuccess { user_data } => {
                serde_json::to_string(&SignedIn { user_data })?.into()
            }
            Self::WatchlistEvents { online, offline } => {
                let all = [("online", *online), ("offline", *offline)];
                let some = all.into_iter().filter(|(_, user_ids)| !user_ids.is_empty());
                let events = some
                    .map(|(name, user_ids)| Watched { name, user_ids })
                    .collect();
                serde_json::to_string(&WatchlistEvents { events })?.into()
            }
            Self::SubscriptionCount { count, .. } => {
                format!(r#"{{"subscription_count":{count}}}"#).into()
            }
            Self::PresenceSucceeded { members, .. } => serde_json::to_string(&Roster {
                presence: Presence(members),
            })?
            .into(),
            Self::SubscriptionError {
                kind,
                error,
                status,
                ..
            } => serde_json::to_string(&Refusal {
                kind: *kind,
                error,
                status: *status,
            })?
            .into(),
            Self::MemberAdded { member, .. } => serde_json::to_string(&Added {
                user_id: &member.user_id,
                user_info: member.user_info.as_deref().map(raw).transpose()?,
            })?
            .into(),
            Self::MemberRemoved { user_id, .. } => {
                serde_json::to_string(&Removed { user_id })?.into()
            }
            Self::Event { data, .. } => Cow::Borrowed(*data),
        })
    }
}

struct Envelope<'a>(&'a ServerMessage<'a>);

impl Serialize for Envelope<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let message = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("event", message.name())?;
        if let Some(channel) = message.channel() {
            map.serialize_entry("channel", channel)?;
        }
        if let ServerMessage::Error { code, message } = message {
            map.serialize_entry(
                "data",
                &ErrorData {
                    code: *code,
                    message,
                },
            )?;
        } else {
            map.serialize_entry("data", &message.data().map_err(S::Error::custom)?)?;
        }
        if let ServerMessage::Event {
            user_id: Some(user_id),
            ..
        } = message
        {
            map.serialize_entry("user_id", user_id)?;
        }
        map.end()
    }
}

#[derive(Serialize)]
struct ErrorData<'a> {
    code: Option<u16>,
    message: &'a str,
}

#[derive(Serialize)]
struct SignedIn<'a> {
    user_data: &'a str,
}

#[derive(Serialize)]
struct WatchlistEvents<'a> {
    events: Vec<Watched<'a>>,
}

#[derive(Serialize)]
struct Watched<'a> {
    name: &'static str,
    user_ids: &'a [UserId],
}

#[derive(Serialize)]
struct Refusal<'a> {
    #[serde(rename = "type")]
    kind: RefusalKind,
    error: &'a str,
    status: u16,
}

#[derive(Serialize)]
struct Added<'a> {
    user_id: &'a UserId,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_info: Option<&'a RawValue>,
}

#[derive(Serialize)]
struct Removed<'a> {
    user_id: &'a UserId,
}

#[derive(Serialize)]
struct Roster<'a> {
    presence: Presence<'a>,
}

struct Presence<'a>(&'a [(&'a UserId, Option<&'a str>)]);

impl Serialize for Presence<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(3))?;
        map.serialize_entry("ids", &Ids(self.0))?;
        map.serialize_entry("hash", &Hash(self.0))?;
        map.serialize_entry("count", &self.0.len())?;
        map.end()
    }
}

struct Ids<'a>(&'a [(&'a UserId, Option<&'a str>)]);

impl Serialize for Ids<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|(id, _)| id))
    }
}

/// Every id has an entry, `null` where the application said nothing: .NET looks each id up.
struct Hash<'a>(&'a [(&'a UserId, Option<&'a str>)]);

impl Serialize for Hash<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (id, info) in self.0 {
            map.serialize_entry(id, &info.map(raw).transpose().map_err(S::Error::custom)?)?;
        }
        map.end()
    }
}

fn raw(json: &str) -> Result<&RawValue, serde_json::Error> {
    serde_json::from_str(json)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Limits;
    use proptest::prelude::*;

    fn channel(name: &str) -> ChannelName {
        ChannelName::parse(name, 200).unwrap()
    }

    fn check(message: &ServerMessage<'_>, expect: &str) {
        assert_eq!(
            std::str::from_utf8(message.encode().text()).unwrap(),
            expect
        );
    }

    #[test]
    fn every_message_byte_for_byte() {
        let lobby = channel("presence-lobby");
        check(
            &ServerMessage::ConnectionEstablished {
                socket_id: SocketId::from_random((52107 << 32) | 884_321),
                activity_timeout: 120,
            },
            r#"{"event":"pusher:connection_established","data":"{\"socket_id\":\"52107.884321\",\"activity_timeout\":120}"}"#,
        );
        check(
            &ServerMessage::Pong,
            r#"{"event":"pusher:pong","data":"{}"}"#,
        );
        check(
            &ServerMessage::Error {
                code: None,
                message: "a \"b\"",
            },
            r#"{"event":"pusher:error","data":{"code":null,"message":"a \"b\""}}"#,
        );
        check(
            &ServerMessage::Error {
                code: Some(4301),
                message: "m",
            },
            r#"{"event":"pusher:error","data":{"code":4301,"message":"m"}}"#,
        );
        check(
            &ServerMessage::SubscriptionSucceeded { channel: "news" },
            r#"{"event":"pusher_internal:subscription_succeeded","channel":"news","data":"{}"}"#,
        );
        check(
            &ServerMessage::SubscriptionError {
                channel: &lobby,
                kind: RefusalKind::LimitReached,
                error: "full",
                status: 4100,
            },
            r#"{"event":"pusher:subscription_error","channel":"presence-lobby","data":"{\"type\":\"LimitReached\",\"error\":\"full\",\"status\":4100}"}"#,
        );
    }

    #[test]
    fn every_message_about_users_and_counts_byte_for_byte() {
        let ids: Vec<_> = ["u-18", "u-19"]
            .map(|id| UserId::parse(id, 128).unwrap())
            .into();
        check(
            &ServerMessage::SignInSuccess {
                user_data: r#"{"id":"u-17"}"#,
            },
            r#"{"event":"pusher:signin_success","data":"{\"user_data\":\"{\\\"id\\\":\\\"u-17\\\"}\"}"}"#,
        );
        check(
            &ServerMessage::WatchlistEvents {
                online: &ids[..1],
                offline: &ids[1..],
            },
            r#"{"event":"pusher_internal:watchlist_events","data":"{\"events\":[{\"name\":\"online\",\"user_ids\":[\"u-18\"]},{\"name\":\"offline\",\"user_ids\":[\"u-19\"]}]}"}"#,
        );
        check(
            &ServerMessage::WatchlistEvents {
                online: &[],
                offline: &ids,
            },
            r#"{"event":"pusher_internal:watchlist_events","data":"{\"events\":[{\"name\":\"offline\",\"user_ids\":[\"u-18\",\"u-19\"]}]}"}"#,
        );
        let car = channel("cache-car-7");
        check(
            &ServerMessage::CacheMiss { channel: &car },
            r#"{"event":"pusher:cache_miss","channel":"cache-car-7","data":"{}"}"#,
        );
        check(
            &ServerMessage::SubscriptionCount {
                channel: &car,
                count: 3,
            },
            r#"{"event":"pusher_internal:subscription_count","channel":"cache-car-7","data":"{\"subscription_count\":3}"}"#,
        );
    }

    #[test]
    fn every_message_about_members_byte_for_byte() {
        let lobby = channel("presence-lobby");
        let limits = Limits::default();
        let zoe =
            Member::parse(r#"{"user_id":"u-17","user_info":{"nick":"Zoë"}}"#, &limits).unwrap();
        let ten = Member::parse(r#"{"user_id":10}"#, &limits).unwrap();
        check(
            &ServerMessage::PresenceSucceeded {
                channel: &lobby,
                members: &[
                    (&zoe.user_id, zoe.user_info.as_deref()),
                    (&ten.user_id, None),
                ],
            },
            r#"{"event":"pusher_internal:subscription_succeeded","channel":"presence-lobby","data":"{\"presence\":{\"ids\":[\"u-17\",\"10\"],\"hash\":{\"u-17\":{\"nick\":\"Zoë\"},\"10\":null},\"count\":2}}"}"#,
        );
        check(
            &ServerMessage::MemberAdded {
                channel: &lobby,
                member: &zoe,
            },
            r#"{"event":"pusher_internal:member_added","channel":"presence-lobby","data":"{\"user_id\":\"u-17\",\"user_info\":{\"nick\":\"Zoë\"}}"}"#,
        );
        check(
            &ServerMessage::MemberAdded {
                channel: &lobby,
                member: &ten,
            },
            r#"{"event":"pusher_internal:member_added","channel":"presence-lobby","data":"{\"user_id\":\"10\"}"}"#,
        );
        check(
            &ServerMessage::MemberRemoved {
                channel: &lobby,
                user_id: &zoe.user_id,
            },
            r#"{"event":"pusher_internal:member_removed","channel":"presence-lobby","data":"{\"user_id\":\"u-17\"}"}"#,
        );
        check(
            &ServerMessage::Event {
                event: "client-typing",
                channel: lobby.as_str(),
                data: r#"{"on":true}"#,
                user_id: Some(&zoe.user_id),
            },
            r#"{"event":"client-typing","channel":"presence-lobby","data":"{\"on\":true}","user_id":"u-17"}"#,
        );
    }

    proptest! {
        #[test]
        fn data_of_an_event_survives_unchanged(data: String, event: String) {
            let frame =
                ServerMessage::Event { event: &event, channel: "news", data: &data, user_id: None }
                    .encode();
            prop_assert_eq!(crate::event_data(frame.text()), Some(data.clone()));
            let value: serde_json::Value = serde_json::from_slice(frame.text()).unwrap();
            prop_assert_eq!(value["data"].as_str(), Some(&*data));
            prop_assert_eq!(value["event"].as_str(), Some(&*event));
        }

        #[test]
        fn any_member_round_trips(id in "\\PC{1,20}", nick: String) {
            let json = serde_json::json!({"user_id": id, "user_info": {"nick": nick}}).to_string();
            let member = Member::parse(&json, &Limits::default()).unwrap();
            let frame =
                ServerMessage::MemberAdded { channel: &channel("presence-a"), member: &member }
                    .encode();
            let value: serde_json::Value = serde_json::from_slice(frame.text()).unwrap();
            let inner: serde_json::Value =
                serde_json::from_str(value["data"].as_str().unwrap()).unwrap();
            prop_assert_eq!(inner, serde_json::from_str::<serde_json::Value>(&json).unwrap());
        }
    }
}
