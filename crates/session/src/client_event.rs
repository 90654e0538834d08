//! Events that clients send to each other (protocol.md §10).

use foghorn_protocol::{
    Access, ChannelName, EventName, Exhausted, Moment, ServerMessage, encrypted_envelope,
};

use crate::host::{Busy, ClientPublish, Host};
use crate::policy::ClientEvents;
use crate::refusal::{echo, tell_error};
use crate::session::Session;

/// A client event as it came in.
pub(crate) struct ClientEvent<'a> {
    pub(crate) event: &'a str,
    pub(crate) channel: Option<&'a str>,
    pub(crate) data: Option<&'a str>,
}

/// Why a client event is not passed on, with Pusher's code where it has one.
struct Refused {
    code: Option<u16>,
    message: String,
}

impl From<String> for Refused {
    fn from(message: String) -> Self {
        Self {
            code: None,
            message,
        }
    }
}

impl Session {
    pub(crate) fn client_event(
        &mut self,
        event: &ClientEvent<'_>,
        now: Moment,
        host: &mut dyn Host,
    ) {
        if let Err(Refused { code, message }) = self.pass_on(event, now, host) {
            tell_error(host, code, &message);
        }
    }

    fn pass_on(
        &mut self,
        event: &ClientEvent<'_>,
        now: Moment,
        host: &mut dyn Host,
    ) -> Result<(), Refused> {
        let (Some(channel), Some(data)) = (event.channel, event.data) else {
            return Err("Invalid client event (must contain channel and data)"
                .to_owned()
                .into());
        };
        if self.policy().client_events == ClientEvents::Refused {
            let message = "To send client events, you must enable this feature in the Settings of \
                           the app (client_events)";
            return Err(message.to_owned().into());
        }
        let limits = &self.policy().limits;
        let name = EventName::parse(event.event, limits.max_event_name_length)
            .map_err(|invalid| format!("Invalid client event: {invalid}"))?;
        let channel =
            ChannelName::parse(channel, limits.max_channel_name_length).map_err(|invalid| {
                format!("Invalid client event for '{}': {invalid}", echo(channel))
            })?;
        check_payload(&channel, data, limits.max_event_data_bytes)?;
        let Some(user_id) = self.subscriptions.get(&channel).cloned() else {
            return Err(format!("Client event rejected: not subscribed to {channel}").into());
        };
        self.take_client_event_token(now).map_err(|exhausted| {
            let Exhausted {
                limit,
                remaining,
                retry_after,
            } = exhausted;
            let millis = retry_after.as_millis();
            let message = format!(
                "The client event rate limit of {limit} per second has been exceeded: {remaining} \
                 left, the next in {millis} ms"
            );
            Refused {
                code: Some(4301),
                message,
            }
        })?;
        // The sender's identity comes from the subscription; what the message claims is ignored.
        let user_id = user_id.as_ref();
        let event = name.as_str();
        let frame = ServerMessage::Event {
            event,
            channel: channel.as_str(),
            data,
            user_id,
        }
        .encode();
        let publish = ClientPublish {
            channel: &channel,
            event,
            data,
            user_id,
            frame,
        };
        host.publish(publish).map_err(|Busy| {
            format!("Client event rejected: {channel} is over capacity, try again later").into()
        })
    }
}

fn check_payload(channel: &ChannelName, data: &str, limit: usize) -> Result<(), Refused> {
    match channel.kind().access {
        Access::Public => {
            let message = format!(
                "Client event rejected: {channel} is neither a private nor a presence channel"
            );
            Err(message.into())
        }
        _ if data.len() > limit => {
            let length = data.len();
            let message =
                format!("Client event rejected: data is {length} bytes long, the limit is {limit}");
            Err(message.into())
        }
        Access::Encrypted if !encrypted_envelope(data) => {
            let message =
                format!("Client event rejected: data on {channel} must hold nonce and ciphertext");
            Err(message.into())
        }
        _ => Ok(()),
    }
}
