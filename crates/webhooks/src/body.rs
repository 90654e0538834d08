//! The body of a request (webhooks.md §1 and §2).

use serde::Serialize;

use crate::{Event, UnixMillis};

/// The bytes to sign and to send.
pub(crate) fn body(created: UnixMillis, events: &[&Event]) -> Vec<u8> {
    let body = Body {
        time_ms: created.0,
        events: events.iter().map(|event| Entry::of(event)).collect(),
    };
    let mut bytes = Vec::new();
    // Neither can texts and numbers fail to be JSON, nor can a vector fail to take bytes.
    _ = serde_json::to_writer(&mut bytes, &body);
    bytes
}

#[derive(Serialize)]
struct Body<'a> {
    time_ms: u64,
    events: Vec<Entry<'a>>,
}

/// Every member but the last is a string: SDKs with types read them into strings and refuse the
/// whole webhook for one that is not.
#[derive(Default, Serialize)]
struct Entry<'a> {
    name: &'static str,
    channel: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    socket_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subscription_count: Option<u64>,
}

impl<'a> Entry<'a> {
    fn of(event: &'a Event) -> Self {
        let named = Self {
            name: event.kind().name(),
            channel: event.channel().as_str(),
            ..Self::default()
        };
        match event {
            Event::ChannelOccupied { .. }
            | Event::ChannelVacated { .. }
            | Event::CacheMiss { .. } => named,
            Event::MemberAdded { user_id, .. } | Event::MemberRemoved { user_id, .. } => Self {
                user_id: Some(user_id.as_str()),
                ..named
            },
            Event::ClientEvent {
                event,
                data,
                socket_id,
                user_id,
                ..
            } => Self {
                event: Some(event),
                data: Some(data),
                socket_id: Some(socket_id.to_string()),
                user_id: user_id.as_ref().map(|user| user.as_str()),
                ..named
            },
            Event::SubscriptionCount { count, .. } => Self {
                subscription_count: Some(*count),
                ..named
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use foghorn_protocol::{ChannelName, SocketId, UserId};

    #[track_caller]
    fn check(event: &Event, expect: &str) {
        let bytes = body(UnixMillis(7), &[event]);
        let expect = format!(r#"{{"time_ms":7,"events":[{expect}]}}"#);
        assert_eq!(String::from_utf8(bytes).unwrap(), expect);
    }

    fn channel(name: &str) -> ChannelName {
        ChannelName::parse(name, 200).unwrap()
    }

    /// webhooks.md §2.
    #[test]
    fn shapes_of_all_events() {
        let user_id = UserId::parse("u-17", 128).unwrap();
        let lobby = channel("presence-lobby");
        let client_event = |channel: &ChannelName, user_id: Option<&UserId>| Event::ClientEvent {
            channel: channel.clone(),
            event: "client-typing".into(),
            data: r#"{"on":true}"#.into(),
            socket_id: SocketId::parse("52107.884321").unwrap().unwrap(),
            user_id: user_id.cloned(),
        };
        check(
            &Event::ChannelOccupied {
                channel: channel("private-orders"),
            },
            r#"{"name":"channel_occupied","channel":"private-orders"}"#,
        );
        check(
            &Event::ChannelVacated {
                channel: channel("private-orders"),
            },
            r#"{"name":"channel_vacated","channel":"private-orders"}"#,
        );
        check(
            &Event::MemberAdded {
                channel: lobby.clone(),
                user_id: user_id.clone(),
            },
            r#"{"name":"member_added","channel":"presence-lobby","user_id":"u-17"}"#,
        );
        check(
            &Event::MemberRemoved {
                channel: lobby.clone(),
                user_id: user_id.clone(),
            },
            r#"{"name":"member_removed","channel":"presence-lobby","user_id":"u-17"}"#,
        );
        check(
            &client_event(&lobby, Some(&user_id)),
            r#"{"name":"client_event","channel":"presence-lobby","event":"client-typing","data":"{\"on\":true}","socket_id":"52107.884321","user_id":"u-17"}"#,
        );
        check(
            &client_event(&channel("private-a"), None),
            r#"{"name":"client_event","channel":"private-a","event":"client-typing","data":"{\"on\":true}","socket_id":"52107.884321"}"#,
        );
        check(
            &Event::CacheMiss {
                channel: channel("cache-car-7"),
            },
            r#"{"name":"cache_miss","channel":"cache-car-7"}"#,
        );
        check(
            &Event::SubscriptionCount {
                channel: channel("news"),
                count: 3,
            },
            r#"{"name":"subscription_count","channel":"news","subscription_count":3}"#,
        );
    }
}
