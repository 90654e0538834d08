//! The pseudo channel of a user's own events, `#server-to-user-ID` (protocol.md §9.2).
//!
//! Its events come from the sign-in on, whether or not the client subscribes; clients do, because
//! some of them bind their handlers only then.

use foghorn_protocol::{Recipient, ServerMessage};

use crate::host::{Host, Listening};
use crate::refusal::{echo, tell_error, tell_existing, tell_none};
use crate::session::Session;

/// What the client has asked for since it signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UserChannel {
    /// Nothing; the events come.
    Implied,
    /// To subscribe; the events come.
    Subscribed,
    /// To unsubscribe; they do not.
    Unsubscribed,
}

impl Session {
    /// Subscribes to the events of the user whose id `id` claims to be.
    pub(crate) fn subscribe_user(&mut self, id: &str, host: &mut dyn Host) {
        let Some(signed_in) = self.user.as_mut().filter(|user| user.id.as_str() == id) else {
            let message = format!(
                "Cannot subscribe to #server-to-user-{id}: the connection is not signed in as \
                 this user",
                id = echo(id)
            );
            return tell_error(host, None, &message);
        };
        let recipient = Recipient::User(signed_in.id.clone());
        let channel = &*recipient.name();
        let success = ServerMessage::SubscriptionSucceeded { channel }.encode();
        match signed_in.channel {
            UserChannel::Implied => host.send(success),
            UserChannel::Unsubscribed => host.listen(&signed_in.id, Listening::Yes, Some(success)),
            UserChannel::Subscribed => return tell_existing(host, channel),
        }
        signed_in.channel = UserChannel::Subscribed;
    }

    /// Unsubscribes from the events of the user whose id `id` claims to be.
    pub(crate) fn unsubscribe_user(&mut self, id: &str, host: &mut dyn Host) {
        let signed_in = self.user.as_mut().filter(|user| user.id.as_str() == id);
        match signed_in {
            Some(user) if user.channel != UserChannel::Unsubscribed => {
                user.channel = UserChannel::Unsubscribed;
                host.listen(&user.id, Listening::No, None);
            }
            _ => tell_none(host, &format!("#server-to-user-{}", echo(id))),
        }
    }
}
