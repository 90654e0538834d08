//! Generators of everything nodes say.

use std::time::Duration;

use foghorn_cluster::{Cached, Fact, Message, NodeId, Stamp};
use foghorn_protocol::fallback::SessionName;
use foghorn_protocol::strategies::{channel_name, recipient, socket_id};
use foghorn_protocol::{Frame, Member, UserId};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use crate::{connected, joined, left, occupied};

pub(crate) fn node_id() -> impl Strategy<Value = NodeId> {
    any::<u64>().prop_map(NodeId::from_random)
}

fn user_id() -> impl Strategy<Value = UserId> {
    "\\PC{1,8}|[\\x00-\\x7f]{1,4}".prop_map(|id| UserId::parse(&id, 128).unwrap())
}

fn session_name() -> impl Strategy<Value = SessionName> {
    "(0|[1-9][0-9]{0,2})/[0-9a-v]{8}".prop_map(|name| name.parse().unwrap())
}

fn stamp() -> impl Strategy<Value = Stamp> {
    (any::<u64>(), any::<u32>()).prop_map(|(version, millis)| Stamp {
        version,
        ttl: Duration::from_millis(millis.into()),
    })
}

fn user_info() -> impl Strategy<Value = Option<String>> {
    let object = ("[a-z]{0,3}", any::<i64>()).prop_map(|(key, n)| format!("{{\"{key}\" :\n{n}}}"));
    option::of(object)
}

/// Any fact.
pub(crate) fn fact() -> impl Strategy<Value = Fact> {
    let member = (user_id(), user_info()).prop_map(|(user_id, info)| Member {
        user_id,
        user_info: info.map(Into::into),
    });
    prop_oneof![
        (".{0,4}", any::<u32>()).prop_map(|(app, count)| Fact::Connected {
            app: app.into(),
            count
        }),
        (".{0,4}", recipient(), any::<u32>()).prop_map(|(app, recipient, count)| {
            Fact::Occupied {
                app: app.into(),
                recipient,
                count,
            }
        }),
        (".{0,4}", channel_name(), stamp(), ".{0,40}").prop_map(|(app, channel, stamp, text)| {
            Fact::Cached(Cached {
                app: app.into(),
                channel,
                version: stamp.version,
                ttl: stamp.ttl,
                frame: Frame::from_text(text.as_bytes()),
            })
        }),
        (".{0,4}", channel_name(), member).prop_map(|(app, channel, member)| Fact::Joined {
            app: app.into(),
            channel,
            member
        }),
        (".{0,4}", channel_name(), user_id()).prop_map(|(app, channel, user_id)| Fact::Left {
            app: app.into(),
            channel,
            user_id
        }),
    ]
}

/// A fact about one of a few rows, so that facts meet each other.
pub(crate) fn colliding_fact() -> impl Strategy<Value = Fact> {
    let name = prop::sample::select(vec!["presence-a", "presence-b"]);
    let user = prop::sample::select(vec!["u", "v"]);
    prop_oneof![
        (0..3u32).prop_map(connected),
        (name.clone(), 0..3u32).prop_map(|(name, count)| occupied(name, count)),
        (name.clone(), user.clone(), 0..2u8).prop_map(|(name, user, info)| {
            let data = format!(r#"{{"user_id":"{user}","user_info":{{"n":{info}}}}}"#);
            joined(name, &data)
        }),
        (name, user).prop_map(|(name, user)| left(name, user)),
    ]
}

/// Any message.
pub(crate) fn message() -> impl Strategy<Value = Message> {
    prop_oneof![
        (
            ".{0,4}",
            recipient(),
            option::of(socket_id()),
            option::of(stamp()),
            ".{0,40}"
        )
            .prop_map(|(app, recipient, except, stamp, text)| Message::Event {
                app: app.into(),
                recipient,
                except,
                stamp,
                frame: Frame::from_text(text.as_bytes()),
            }),
        (".{0,4}", user_id()).prop_map(|(app, user_id)| Message::Terminate {
            app: app.into(),
            user_id
        }),
        (".{0,4}", session_name(), vec(".{0,40}", 0..4)).prop_map(|(app, session, messages)| {
            Message::Sent {
                app: app.into(),
                session,
                messages,
            }
        }),
        (any::<u64>(), vec(fact(), 0..4))
            .prop_map(|(first, facts)| Message::Facts { first, facts }),
        any::<u64>().prop_map(|next| Message::Heartbeat { next }),
        Just(Message::SnapshotRequest),
        (any::<u64>(), vec(fact(), 0..4))
            .prop_map(|(next, facts)| Message::Snapshot { next, facts }),
        Just(Message::Leaving),
    ]
}
