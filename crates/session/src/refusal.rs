//! How refusals are worded and told. The connection stays open after each of them.

use foghorn_protocol::{Access, ChannelName, RefusalKind, ServerMessage};

use crate::host::Host;
use crate::policy::SubscriptionErrors;

/// Names that clients made up are cut to this many characters before they come back in a message.
const ECHO_LIMIT: usize = 200;

/// Tells the connection of an error.
pub(crate) fn tell_error(host: &mut dyn Host, code: Option<u16>, message: &str) {
    host.send(ServerMessage::Error { code, message }.encode());
}

/// Tells that there is a subscription already.
pub(crate) fn tell_existing(host: &mut dyn Host, channel: &str) {
    let message = format!("Existing subscription to channel {channel}");
    tell_error(host, None, &message);
}

/// Tells that there is no subscription to end.
pub(crate) fn tell_none(host: &mut dyn Host, channel: &str) {
    let message =
        format!("No current subscription to channel {channel}, or subscription in progress");
    tell_error(host, None, &message);
}

/// Why a subscription is refused.
pub(crate) struct Refusal {
    kind: RefusalKind,
    status: u16,
    message: String,
}

impl Refusal {
    /// The papers are not in order.
    pub(crate) fn auth(message: impl Into<String>) -> Self {
        Self {
            kind: RefusalKind::AuthError,
            status: 401,
            message: message.into(),
        }
    }

    /// There is no room: soketi's users look for status 4100.
    pub(crate) fn no_room(message: impl Into<String>) -> Self {
        Self {
            kind: RefusalKind::LimitReached,
            status: 4100,
            message: message.into(),
        }
    }

    /// The member's data is too large: soketi's users look for status 4301.
    pub(crate) fn too_large(message: impl Into<String>) -> Self {
        Self {
            kind: RefusalKind::LimitReached,
            status: 4301,
            message: message.into(),
        }
    }

    /// Tells the connection and, if wanted, the channel. Never the channel of an encrypted
    /// subscription: the Java client would try to decrypt the message.
    pub(crate) fn tell(self, channel: &ChannelName, to: SubscriptionErrors, host: &mut dyn Host) {
        let Self {
            kind,
            status,
            message,
        } = self;
        tell_error(host, None, &message);
        let encrypted = channel.kind().access == Access::Encrypted;
        if to == SubscriptionErrors::ToConnectionAndChannel && !encrypted {
            let error = &message;
            host.send(
                ServerMessage::SubscriptionError {
                    channel,
                    kind,
                    error,
                    status,
                }
                .encode(),
            );
        }
    }
}

/// `name` as it may come back in a message.
pub(crate) fn echo(name: &str) -> &str {
    let end = name
        .char_indices()
        .nth(ECHO_LIMIT)
        .map_or(name.len(), |(at, _)| at);
    name.get(..end).unwrap_or_default()
}
