//! What clients say.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::json;

/// One message of a client, borrowed from its text where nothing was escaped.
///
/// Members that the protocol does not know are ignored. `data` may be an object or a string that
/// holds one: clients do both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientMessage<'a> {
    /// `pusher:subscribe`
    Subscribe {
        /// The channel, unchecked.
        channel: Cow<'a, str>,
        /// `KEY:SIGNATURE`; the empty string counts as absent.
        auth: Option<Cow<'a, str>>,
        /// The exact text that was signed; the empty string counts as absent.
        channel_data: Option<Cow<'a, str>>,
    },
    /// `pusher:unsubscribe`
    Unsubscribe {
        /// The channel, unchecked.
        channel: Cow<'a, str>,
    },
    /// `pusher:signin`
    SignIn {
        /// `KEY:SIGNATURE`
        auth: Cow<'a, str>,
        /// The exact text that was signed.
        user_data: Cow<'a, str>,
    },
    /// `pusher:ping`, with or without data
    Ping,
    /// `pusher:pong`
    Pong,
    /// `client-…`
    ClientEvent {
        /// The event's name, `client-` included.
        event: Cow<'a, str>,
        /// The channel, unchecked; absent when the client forgot it.
        channel: Option<Cow<'a, str>>,
        /// The payload as the text that receivers get; absent when the client forgot it.
        data: Option<Cow<'a, str>>,
    },
    /// Any other event.
    Unsupported {
        /// The event's name.
        event: Cow<'a, str>,
    },
}

/// The text is not a message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MalformedMessage {
    /// Not JSON, not an object, or without a string `event`.
    #[error("Invalid message: must be a JSON object with a string member \"event\"")]
    Envelope,
    /// The data of a protocol event does not have its form.
    #[error(
        "Invalid data in {event}: must be an object with a string \"channel\"; \"auth\" and \
         \"channel_data\", where needed, are strings too (channel_data: the JSON text as signed)"
    )]
    Data {
        /// The protocol event.
        event: &'static str,
    },
    /// The data of a sign-in does not have its form.
    #[error(
        "Invalid data in pusher:signin: must be an object with the strings \"auth\" and \
         \"user_data\" (the JSON text as signed)"
    )]
    SignIn,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    event: Cow<'a, str>,
    #[serde(borrow, default)]
    channel: Option<Cow<'a, str>>,
    // `null` is a payload like any other, so it must not read as "absent".
    #[serde(borrow, default, deserialize_with = "present")]
    data: Option<&'a RawValue>,
}

fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

#[derive(Deserialize)]
struct Subscription {
    channel: String,
    #[serde(default)]
    auth: Option<String>,
    #[serde(default)]
    channel_data: Option<String>,
}

#[derive(Deserialize)]
struct Unsubscription {
    channel: String,
}

#[derive(Deserialize)]
struct SignIn {
    auth: String,
    user_data: String,
}

impl<'a> ClientMessage<'a> {
    /// Reads one text message. Depth of nesting costs neither stack nor meaning: what is not needed
    /// is skipped, never built.
    ///
    /// # Errors
    /// The text is not a message of the protocol.
    pub fn parse(text: &'a str) -> Result<Self, MalformedMessage> {
        let envelope: Envelope<'a> = json::object(text).ok_or(MalformedMessage::Envelope)?;
        match &*envelope.event {
            "pusher:subscribe" => {
                let data: Subscription = read_data("pusher:subscribe", envelope.data)?;
                Ok(Self::Subscribe {
                    channel: data.channel.into(),
                    auth: non_empty(data.auth),
                    channel_data: non_empty(data.channel_data),
                })
            }
            "pusher:unsubscribe" => {
                let data: Unsubscription = read_data("pusher:unsubscribe", envelope.data)?;
                Ok(Self::Unsubscribe {
                    channel: data.channel.into(),
                })
            }
            "pusher:signin" => {
                let data: Option<SignIn> = read_data("pusher:signin", envelope.data).ok();
                let SignIn { auth, user_data } = data.ok_or(MalformedMessage::SignIn)?;
                Ok(Self::SignIn {
                    auth: auth.into(),
                    user_data: user_data.into(),
                })
            }
            "pusher:ping" => Ok(Self::Ping),
            "pusher:pong" => Ok(Self::Pong),
            event if event.starts_with("client-") => {
                let data = envelope.data.map(json::wire_text).transpose();
                let data = data.map_err(|_| MalformedMessage::Envelope)?;
                Ok(Self::ClientEvent {
                    event: envelope.event,
                    channel: envelope.channel,
                    data,
                })
            }
            _ => Ok(Self::Unsupported {
                event: envelope.event,
            }),
        }
    }
}

fn read_data<T: for<'de> Deserialize<'de>>(
    event: &'static str,
    data: Option<&RawValue>,
) -> Result<T, MalformedMessage> {
    let malformed = || MalformedMessage::Data { event };
    let text = json::wire_text(data.ok_or_else(malformed)?).map_err(|_| malformed())?;
    json::object(&text).ok_or_else(malformed)
}

/// pusher-js sends `"auth":""` for public channels.
fn non_empty(text: Option<String>) -> Option<Cow<'static, str>> {
    text.filter(|t| !t.is_empty()).map(Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> Result<ClientMessage<'_>, MalformedMessage> {
        ClientMessage::parse(text)
    }

    #[test]
    fn what_official_clients_send() {
        let subscribe = |channel: &'static str| ClientMessage::Subscribe {
            channel: channel.into(),
            auth: None,
            channel_data: None,
        };
        for (text, expect) in [
            (
                r#"{"event":"pusher:subscribe","data":{"auth":"","channel":"news"}}"#,
                subscribe("news"),
            ),
            (
                r#"{"event":"pusher:subscribe","data":{"channel":"news"}}"#,
                subscribe("news"),
            ),
            (
                r#"{"event":"pusher:subscribe","data":"{\"channel\":\"news\"}"}"#,
                subscribe("news"),
            ),
            (
                r#"{"event":"pusher:subscribe","data":{"auth":"k:s","channel_data":"{\"user_id\":1}","channel":"presence-a"},"channel":null}"#,
                ClientMessage::Subscribe {
                    channel: "presence-a".into(),
                    auth: Some("k:s".into()),
                    channel_data: Some("{\"user_id\":1}".into()),
                },
            ),
            (
                r#"{"event":"pusher:unsubscribe","data":{"channel":"news"}}"#,
                ClientMessage::Unsubscribe {
                    channel: "news".into(),
                },
            ),
            (r#"{"event":"pusher:ping","data":{}}"#, ClientMessage::Ping),
            (r#"{"event":"pusher:ping"}"#, ClientMessage::Ping),
            (
                r#"{"event":"pusher:signin","data":{"auth":"k:s","user_data":"{\"id\":\"u\"}"}}"#,
                ClientMessage::SignIn {
                    auth: "k:s".into(),
                    user_data: "{\"id\":\"u\"}".into(),
                },
            ),
            (
                r#"{"event":"pusher:pong","data":"{}"}"#,
                ClientMessage::Pong,
            ),
            (
                r#"{"event":"x"}"#,
                ClientMessage::Unsupported { event: "x".into() },
            ),
            (
                r#" {"event":"a","b":[[]]} "#,
                ClientMessage::Unsupported { event: "a".into() },
            ),
        ] {
            assert_eq!(parse(text), Ok(expect), "{text}");
        }
    }

    #[test]
    fn client_event_data_becomes_text() {
        for (data, expect) in [
            (r#","data":{"on": true}"#, Some(r#"{"on": true}"#)),
            (
                r#","data":"plain \"text\" \u00eb""#,
                Some("plain \"text\" ë"),
            ),
            (r#","data":[1,2]"#, Some("[1,2]")),
            (r#","data":null"#, Some("null")),
            ("", None),
        ] {
            let text =
                format!(r#"{{"event":"client-a","channel":"private-x"{data},"user_id":"me"}}"#);
            let expect = ClientMessage::ClientEvent {
                event: "client-a".into(),
                channel: Some("private-x".into()),
                data: expect.map(Cow::Borrowed),
            };
            assert_eq!(parse(&text), Ok(expect));
        }
    }

    #[test]
    fn malformed_messages_are_told_apart() {
        for text in [
            "",
            "null",
            "[]",
            "42",
            "\"x\"",
            "{",
            "{}",
            r#"{"event":7}"#,
            r#"{"event":null}"#,
            r#"["pusher:ping",null,{}]"#,
            r#"{"event":"pusher:ping"} x"#,
            r#"{"event":"client-a","channel":7,"data":1}"#,
        ] {
            assert_eq!(parse(text), Err(MalformedMessage::Envelope), "{text}");
        }
        for data in [
            "",
            ",\"data\":null",
            ",\"data\":{}",
            ",\"data\":{\"channel\":7}",
            ",\"data\":\"x\"",
            ",\"data\":[\"news\"]",
        ] {
            let text = format!(r#"{{"event":"pusher:subscribe"{data}}}"#);
            assert_eq!(
                parse(&text),
                Err(MalformedMessage::Data {
                    event: "pusher:subscribe"
                })
            );
        }
        for data in [
            "",
            ",\"data\":null",
            ",\"data\":{}",
            ",\"data\":{\"auth\":\"k:s\"}",
            ",\"data\":{\"auth\":\"k:s\",\"user_data\":{\"id\":\"u\"}}",
            ",\"data\":[\"k:s\",\"{}\"]",
        ] {
            let text = format!(r#"{{"event":"pusher:signin"{data}}}"#);
            assert_eq!(parse(&text), Err(MalformedMessage::SignIn), "{text}");
        }
    }

    #[test]
    fn deep_nesting_costs_no_stack() {
        let deep = format!("{}{}", "[".repeat(500_000), "]".repeat(500_000));
        let text = format!(r#"{{"event":"client-a","channel":"private-x","data":{deep}}}"#);
        assert!(matches!(
            parse(&text),
            Ok(ClientMessage::ClientEvent { .. })
        ));
        assert!(parse(&format!(r#"{{"event":"x","other":{deep}}}"#)).is_ok());
        assert!(parse(&"[".repeat(500_000)).is_err());
        assert!(parse(&r#"{"event":"#.repeat(100_000)).is_err());
        let inner = format!(r#"{{"channel":"a","x":{deep}}}"#);
        let text = format!(r#"{{"event":"pusher:subscribe","data":{inner}}}"#);
        assert!(matches!(parse(&text), Ok(ClientMessage::Subscribe { .. })));
    }

    proptest! {
        #[test]
        fn no_text_panics(text: String) {
            let _ = parse(&text);
        }

        #[test]
        fn no_perturbed_message_panics(at in 0usize..80, byte: u8) {
            let mut text = br#"{"event":"pusher:subscribe","data":{"auth":"k:s","channel":"private-x"}}"#.to_vec();
            if let Some(b) = text.get_mut(at) { *b = byte; }
            if let Ok(text) = std::str::from_utf8(&text) { let _ = parse(text); }
        }
    }
}
