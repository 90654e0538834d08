//! The protocol from a client's side, without IO: messages in, steps out.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::event::{Event, Message, of_protocol};
use super::plan::Plan;
use crate::trigger::is_encrypted;

/// Error codes that say that less was done than was asked for, not that it was refused.
const MERE_WARNINGS: [i64; 2] = [4301, 4302];

/// Something to do.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Send this text.
    Send(String),
    /// Print this event.
    Print(Event),
    /// Print this event, and count it.
    Count(Event),
    /// Tell the person who watches.
    Progress(String),
    /// The connection is established; the server may be silent for so long.
    Agree(Duration),
    /// What was asked for is not given: end, and say so.
    Refuse(String),
}

/// One connection.
pub(super) struct Client<'p> {
    plan: &'p Plan,
    socket_id: String,
    /// What has been asked for and not been answered.
    pending: BTreeSet<Request>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Request {
    SignIn,
    Subscribe(String),
}

impl<'p> Client<'p> {
    /// A connection on which nothing has been said.
    pub(super) fn new(plan: &'p Plan) -> Self {
        Self {
            plan,
            socket_id: String::new(),
            pending: BTreeSet::new(),
        }
    }

    /// Takes a text frame.
    pub(super) fn receive(&mut self, text: &str) -> Vec<Step> {
        let Some(message) = Message::parse(text) else {
            return vec![Step::Progress(format!("the server says no JSON: {text}"))];
        };
        match message.event.as_str() {
            "pusher:connection_established" => self.established(&message),
            "pusher:ping" => vec![Step::Send(PONG.to_owned())],
            "pusher:pong" => Vec::new(),
            "pusher:error" => vec![self.error(&message)],
            "pusher:subscription_error" | "pusher_internal:subscription_error" => {
                vec![Step::Refuse(said(&message))]
            }
            "pusher:signin_success" => {
                self.pending.remove(&Request::SignIn);
                let mut steps = self.print(message);
                steps.extend(self.subscribe_all());
                steps
            }
            "pusher_internal:subscription_succeeded" => {
                if let Some(channel) = message.channel.clone() {
                    self.pending.remove(&Request::Subscribe(channel));
                }
                self.print(message)
            }
            _ => self.print(message),
        }
    }

    fn established(&mut self, message: &Message) -> Vec<Step> {
        #[derive(Deserialize)]
        struct Greeting {
            socket_id: String,
            #[serde(default)]
            activity_timeout: f64,
        }
        let data = message.data().unwrap_or_default();
        let Ok(greeting) = serde_json::from_str::<Greeting>(&data) else {
            return vec![Step::Refuse(
                "the server's greeting has no socket_id".to_owned(),
            )];
        };
        let agreed = Duration::try_from_secs_f64(greeting.activity_timeout);
        let mut steps = vec![
            Step::Agree(agreed.unwrap_or_default()),
            Step::Progress(format!("connected as {}", greeting.socket_id)),
        ];
        self.socket_id = greeting.socket_id;
        // A presence channel may take who the user is from the sign-in, so that comes first.
        match self.plan.sign_in(&self.socket_id) {
            Some(text) => {
                self.pending.insert(Request::SignIn);
                steps.push(Step::Send(text));
            }
            None => steps.extend(self.subscribe_all()),
        }
        steps
    }

    fn subscribe_all(&mut self) -> Vec<Step> {
        let mut steps = Vec::new();
        for channel in self.plan.wanted() {
            steps.push(Step::Send(self.plan.subscribe(&self.socket_id, &channel)));
            self.pending.insert(Request::Subscribe(channel));
        }
        steps
    }

    /// An error while something is asked for is the answer to it: it does not say to what.
    fn error(&self, message: &Message) -> Step {
        let data = message.data().unwrap_or_default();
        let code = serde_json::from_str::<Value>(&data).ok();
        let code = code.and_then(|data| data.get("code")?.as_i64());
        let warning = code.is_some_and(|code| MERE_WARNINGS.contains(&code));
        // What closes the connection is told by the close, with the same code.
        let closing = code.is_some_and(|code| (4000..4300).contains(&code));
        if self.pending.is_empty() || warning || closing {
            let code = code.map(|code| format!(" ({code})")).unwrap_or_default();
            Step::Progress(format!("the server says: {}{code}", said(message)))
        } else {
            Step::Refuse(said(message))
        }
    }

    fn print(&self, message: Message) -> Vec<Step> {
        let mut event = message.into_event();
        let wanted = &self.plan.events;
        let of_protocol = of_protocol(&event.event).is_some();
        if !wanted.is_empty() && !wanted.contains(&event.event) {
            return Vec::new();
        }
        if !of_protocol {
            self.decrypt(&mut event);
        }
        if of_protocol && wanted.is_empty() {
            vec![Step::Print(event)]
        } else {
            vec![Step::Count(event)]
        }
    }

    fn decrypt(&self, event: &mut Event) {
        let (Some(master_key), Some(channel)) = (&self.plan.master_key, &event.channel) else {
            return;
        };
        if is_encrypted(channel) {
            match master_key.decrypt(channel, event.data.as_deref().unwrap_or_default()) {
                Ok(plaintext) => event.data = Some(plaintext),
                Err(error) => event.error = Some(error.to_string()),
            }
        }
    }
}

const PONG: &str = r#"{"event":"pusher:pong","data":{}}"#;

/// Asks whether the server is there.
pub(super) const PING: &str = r#"{"event":"pusher:ping","data":{}}"#;

/// The text of an error, which is called differently in different errors.
fn said(message: &Message) -> String {
    let data = message.data().unwrap_or_default();
    let fields = serde_json::from_str::<Value>(&data).ok();
    let text = |name: &str| fields.as_ref()?.get(name)?.as_str().map(str::to_owned);
    let said = text("message").or_else(|| text("error")).unwrap_or(data);
    match &message.channel {
        Some(channel) => format!("{channel}: {said}"),
        None => said,
    }
}

#[cfg(test)]
mod tests;
