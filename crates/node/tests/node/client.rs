//! One client and its mailbox.

use std::sync::{Arc, Mutex, OnceLock};

use foghorn_auth::{Credential, sign_channel, sign_user};
use foghorn_channels::{Delivery, Mailbox};
use foghorn_node::{Action, Connection, Publish};
use foghorn_protocol::{ChannelName, Close, EventName, Frame, Limits, Recipient, SocketId};
use serde_json::{Value, json};

use crate::site::Clock;

/// What the node put into one connection's mailbox.
#[derive(Default)]
pub(crate) struct Letters {
    frames: Mutex<Vec<Frame>>,
    asked_to_close: OnceLock<Close>,
}

impl Letters {
    pub(crate) fn is_empty(&self) -> bool {
        self.frames.lock().unwrap().is_empty()
    }

    /// Takes what is there.
    pub(crate) fn take(&self) -> Vec<Letter> {
        let frames = std::mem::take(&mut *self.frames.lock().unwrap());
        frames.iter().map(Letter::read).collect()
    }
}

impl Mailbox for Letters {
    fn deliver(&self, frames: &[Frame]) -> Delivery {
        self.frames.lock().unwrap().extend_from_slice(frames);
        Delivery::Accepted
    }

    fn put(&self, frame: &Frame) -> Delivery {
        self.deliver(std::slice::from_ref(frame))
    }

    fn flush(&self) {}

    fn ask_to_close(&self, close: &Close) {
        self.asked_to_close.get_or_init(|| close.clone());
    }
}

/// One message to a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Letter {
    pub(crate) event: String,
    pub(crate) channel: String,
    pub(crate) data: String,
    pub(crate) user_id: Option<String>,
}

impl Letter {
    fn read(frame: &Frame) -> Self {
        let json: Value = serde_json::from_slice(frame.text()).unwrap();
        let text = |name: &str| json[name].as_str().unwrap_or_default().to_owned();
        let data = match &json["data"] {
            Value::String(data) => data.clone(),
            object => object.to_string(),
        };
        Self {
            event: text("event"),
            channel: text("channel"),
            data,
            user_id: json["user_id"].as_str().map(str::to_owned),
        }
    }
}

pub(crate) struct Client {
    pub(crate) connection: Connection,
    pub(crate) credential: Credential,
    pub(crate) letters: Arc<Letters>,
    pub(crate) clock: Clock,
}

impl Client {
    pub(crate) fn say(&mut self, message: &Value) -> Option<Action> {
        self.connection
            .on_text(&message.to_string(), self.clock.now())
    }

    /// Subscribes, signed where that is needed.
    pub(crate) fn subscribe(&mut self, channel: &str) {
        let auth = sign_channel(&self.credential, self.socket(), channel, None);
        let data = json!({ "channel": channel, "auth": auth });
        let action = self.say(&json!({ "event": "pusher:subscribe", "data": data }));
        assert_eq!(action, None);
    }

    /// Subscribes to a presence channel.
    pub(crate) fn join(&mut self, channel: &str, channel_data: &str) {
        let socket = self.socket();
        let auth = sign_channel(&self.credential, socket, channel, Some(channel_data));
        let data = json!({ "channel": channel, "auth": auth, "channel_data": channel_data });
        let action = self.say(&json!({ "event": "pusher:subscribe", "data": data }));
        assert_eq!(action, None);
    }

    /// Signs in as the user of `user_data`; whether that is granted is in the mailbox.
    pub(crate) fn sign_in(&mut self, user_data: &str) -> Option<Action> {
        let auth = sign_user(&self.credential, self.socket(), user_data);
        let data = json!({ "auth": auth, "user_data": user_data });
        self.say(&json!({ "event": "pusher:signin", "data": data }))
    }

    pub(crate) fn unsubscribe(&mut self, channel: &str) {
        let data = json!({ "channel": channel });
        let action = self.say(&json!({ "event": "pusher:unsubscribe", "data": data }));
        assert_eq!(action, None);
    }

    pub(crate) fn socket(&self) -> SocketId {
        self.connection.socket()
    }

    /// What the node wants this connection closed with.
    pub(crate) fn asked_to_close(&self) -> Option<&Close> {
        self.letters.asked_to_close.get()
    }

    pub(crate) fn close(&mut self, close: Close) -> Option<Action> {
        self.connection.close(close)
    }

    /// Takes what is in the mailbox, byte for byte.
    pub(crate) fn texts(&self) -> Vec<String> {
        let frames = std::mem::take(&mut *self.letters.frames.lock().unwrap());
        let texts = frames.iter().map(|frame| frame.text().to_vec());
        texts.map(|text| String::from_utf8(text).unwrap()).collect()
    }

    /// Takes what is in the mailbox.
    pub(crate) fn letters(&self) -> Vec<Letter> {
        self.letters.take()
    }

    /// Takes the oldest message out of the mailbox.
    pub(crate) fn take_first(&self) -> Letter {
        Letter::read(&self.letters.frames.lock().unwrap().remove(0))
    }

    /// Takes what is in the mailbox, each message as `event channel data`.
    pub(crate) fn heard(&self) -> Vec<String> {
        let letters = self.letters().into_iter();
        letters
            .map(|letter| format!("{} {} {}", letter.event, letter.channel, letter.data))
            .collect()
    }

    /// Takes what is in the mailbox; the data alone.
    pub(crate) fn heard_data(&self) -> Vec<String> {
        let letters = self.letters().into_iter();
        letters.map(|letter| letter.data).collect()
    }

    /// Reads the snapshot of a presence channel, which must be the only message.
    pub(crate) fn heard_members(&self) -> Vec<String> {
        match &*self.letters() {
            [letter] => member_ids(letter),
            other => panic!("one snapshot expected: {other:?}"),
        }
    }
}

/// The ids in the acknowledgement of a presence subscription, sorted.
pub(crate) fn member_ids(letter: &Letter) -> Vec<String> {
    assert_eq!(letter.event, "pusher_internal:subscription_succeeded");
    let data: Value = serde_json::from_str(&letter.data).unwrap();
    let presence = &data["presence"];
    let texts = presence["ids"].as_array().unwrap().iter();
    let mut ids: Vec<String> = texts.map(|id| id.as_str().unwrap().to_owned()).collect();
    ids.sort_unstable();
    let hash = presence["hash"].as_object().unwrap();
    assert_eq!(hash.keys().cloned().collect::<Vec<_>>(), ids);
    assert_eq!(presence["count"], ids.len());
    ids
}

pub(crate) fn name(channel: &str) -> ChannelName {
    ChannelName::parse(channel, 200).unwrap()
}

/// A channel, or a user as `#server-to-user-ID`.
pub(crate) fn recipient(text: &str) -> Recipient {
    Recipient::parse(text, &Limits::default()).unwrap()
}

/// An event `e` for `channels`.
pub(crate) fn event(channels: &[&str], data: &str) -> Publish<'static> {
    Publish {
        recipients: channels.iter().map(|channel| recipient(channel)).collect(),
        event: EventName::parse("e", 200).unwrap(),
        data: data.to_owned().into(),
        except: None,
    }
}
