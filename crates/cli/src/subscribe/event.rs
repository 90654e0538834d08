//! What a server says, and how it is printed.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use foghorn_protocol::wire_text;

use crate::output::Report;
use crate::paint::{Paint, visible};

/// A message from the server.
#[derive(Debug, Deserialize)]
pub(super) struct Message {
    pub(super) event: String,
    pub(super) channel: Option<String>,
    data: Option<Box<RawValue>>,
    user_id: Option<Box<RawValue>>,
}

/// A message as it is printed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Event {
    pub(super) event: String,
    pub(super) channel: Option<String>,
    /// Text, as on the wire, or what was decrypted.
    pub(super) data: Option<String>,
    /// Who sent a client event on a presence channel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) user_id: Option<String>,
    /// Why the data is still encrypted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<String>,
}

impl Message {
    /// Reads a text frame.
    pub(super) fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// `data`, which is a string that holds JSON, or, from some servers, that JSON itself.
    pub(super) fn data(&self) -> Option<String> {
        plain(self.data.as_deref())
    }

    pub(super) fn into_event(self) -> Event {
        Event {
            data: self.data(),
            user_id: plain(self.user_id.as_deref()),
            event: self.event,
            channel: self.channel,
            error: None,
        }
    }
}

fn plain(value: Option<&RawValue>) -> Option<String> {
    let value = value.filter(|value| value.get() != "null")?;
    wire_text(value).ok().map(std::borrow::Cow::into_owned)
}

/// The name without the protocol's prefix, if it has one.
pub(super) fn of_protocol(name: &str) -> Option<&str> {
    let internal = name.strip_prefix("pusher_internal:");
    internal.or_else(|| name.strip_prefix("pusher:"))
}

impl Report for Event {
    fn people(&self, paint: Paint) -> String {
        let channel = self.channel.as_deref().map(visible);
        let data = self
            .data
            .as_deref()
            .filter(|data| *data != "{}")
            .map(visible);
        let from = self.user_id.as_deref();
        let from = from.map(|user| format!("from {}", visible(user)));
        let error = self.error.as_deref().map(|error| format!("({error})"));
        if let Some(name) = of_protocol(&self.event) {
            let parts = [channel, Some(visible(name)), data];
            let parts: Vec<_> = parts.into_iter().flatten().collect();
            return paint.dim(&parts.join("  "));
        }
        let parts = [
            channel.map(|channel| paint.name(&channel)),
            Some(paint.good(&visible(&self.event))),
            data,
            from.map(|from| paint.dim(&from)),
            error.map(|error| paint.bad(&error)),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join("  ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(text: &str) -> Event {
        Message::parse(text).unwrap().into_event()
    }

    #[test]
    fn pipes_read_stable_fields() {
        for (text, expect) in [
            (
                r#"{"event":"e","channel":"c","data":"{\"a\":1}"}"#,
                r#"{"event":"e","channel":"c","data":"{\"a\":1}"}"#,
            ),
            (
                r#"{"event":"client-e","channel":"c","data":{"a": 1},"user_id":"u"}"#,
                r#"{"event":"client-e","channel":"c","data":"{\"a\": 1}","user_id":"u"}"#,
            ),
            (
                r#"{"event":"e","data":null,"user_id":7}"#,
                r#"{"event":"e","channel":null,"data":null,"user_id":"7"}"#,
            ),
        ] {
            assert_eq!(serde_json::to_string(&event(text)).unwrap(), expect);
        }
        assert!(Message::parse("[]").is_none() && Message::parse(r#"{"data":1}"#).is_none());
    }

    #[test]
    fn people_read_one_line() {
        for (text, expect) in [
            (
                r#"{"event":"e","channel":"c","data":"a\nb"}"#,
                r"c  e  a\nb",
            ),
            (
                r#"{"event":"client-e","channel":"c","data":"x","user_id":"u"}"#,
                "c  client-e  x  from u",
            ),
            (
                r#"{"event":"pusher_internal:subscription_succeeded","channel":"c","data":"{}"}"#,
                "c  subscription_succeeded",
            ),
        ] {
            assert_eq!(event(text).people(Paint::PLAIN), expect);
        }
    }
}
