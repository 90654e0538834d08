//! What a subscriber says and is told, besides events of publishers.

use foghorn_auth::sign_channel;
use foghorn_cli::Failure;
use memchr::memmem;

use super::{Crowd, Stage};
use crate::clock;
use crate::talk;
use crate::wire::Opcode;

impl Crowd {
    /// Takes in a message that is no event of a publisher.
    pub(super) fn message(&mut self, index: usize, message: &[u8]) -> Result<(), Failure> {
        let says = |what: &str| memmem::find(message, what.as_bytes()).is_some();
        if says("pusher:ping") {
            return self.send(index, Opcode::Text, talk::PONG);
        }
        let said = String::from_utf8_lossy(message);
        let refused = says("pusher:error") || says("subscription_error");
        match self.stage(index) {
            Some(Stage::Subscribed) if refused => {
                let counts = &mut self.ledger.counts;
                counts.errors += 1;
                counts.error.get_or_insert_with(|| said.into_owned());
                Ok(())
            }
            Some(Stage::Subscribed) => {
                self.ledger.counts.added += u64::from(says("member_added"));
                self.ledger.counts.removed += u64::from(says("member_removed"));
                Ok(())
            }
            None => Ok(()),
            Some(_) if refused => Err(self.failed(index, &said)),
            Some(_) if says("connection_established") => self.greeted(index, message),
            Some(_) if says("subscription_succeeded") => self.subscribed(index),
            Some(_) => Ok(()),
        }
    }

    /// Subscribes a connection that knows its socket id now.
    fn greeted(&mut self, index: usize, greeting: &[u8]) -> Result<(), Failure> {
        if self.credential.is_some()
            && let Some(subscriber) = self.subscribers.get_mut(index)
        {
            subscriber.socket_id = talk::socket_id(greeting).map(Box::from);
        }
        self.advance(index, Stage::Subscribing);
        let message = self.subscribe_message(index);
        self.send(index, Opcode::Text, message.as_bytes())
    }

    pub(super) fn subscribe_message(&self, index: usize) -> String {
        let channel = self.channel(index);
        let subscriber = self.subscribers.get(index);
        let socket_id = subscriber.and_then(|s| s.socket_id.as_deref());
        match (&self.credential, socket_id) {
            (Some(credential), Some(socket_id)) => {
                let member = talk::member(self.plan.first + index);
                let auth = sign_channel(credential, socket_id, &channel, Some(&member));
                talk::join(&channel, &auth, &member)
            }
            // Where a signature is needed, the server will say so.
            _ => talk::subscribe(&channel),
        }
    }

    /// The name of the channel that a connection is for.
    pub(super) fn channel(&self, index: usize) -> String {
        let channel = self.subscribers.get(index).map(|s| s.channel);
        format!("{}{}", self.plan.prefix, channel.unwrap_or_default())
    }

    fn subscribed(&mut self, index: usize) -> Result<(), Failure> {
        let Some(subscriber) = self.subscribers.get_mut(index) else {
            return Ok(());
        };
        subscriber.stage = Stage::Subscribed;
        self.opening -= 1;
        self.ledger.joined(subscriber.channel);
        if let Some(asked) = subscriber.asked.take() {
            let took = clock::now().saturating_sub(asked);
            self.ledger.rejoined(subscriber.channel, took);
        }
        self.visited(index)
    }
}
