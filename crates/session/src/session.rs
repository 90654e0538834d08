//! The session itself: what comes in, what state it meets.

use std::collections::BTreeMap;
use std::sync::Arc;

use foghorn_protocol::{
    Bucket, ChannelName, ClientMessage, Close, CloseCode, Exhausted, Frame, Moment,
    ProtocolVersion, ServerMessage, SocketId, UserId,
};

use crate::authorization::Authorization;
use crate::client_event::ClientEvent;
use crate::host::Host;
use crate::liveness::{Liveness, Verdict};
use crate::policy::Policy;
use crate::refusal::{echo, tell_error};
use crate::sign_in::SignedIn;
use crate::subscribe::Papers;

/// One connected client.
#[derive(Debug)]
pub struct Session {
    socket: SocketId,
    protocol: ProtocolVersion,
    policy: Arc<Policy>,
    liveness: Liveness,
    client_events: Bucket,
    /// Channels with the user whom the client is there, on presence channels.
    pub(crate) subscriptions: BTreeMap<ChannelName, Option<UserId>>,
    pub(crate) user: Option<Box<SignedIn>>,
    authorization: Authorization,
}

impl Session {
    /// Greets a client that has been let in.
    pub fn open(
        socket: SocketId,
        protocol: ProtocolVersion,
        policy: Arc<Policy>,
        now: Moment,
        host: &mut dyn Host,
    ) -> Self {
        // Rounded up: zero would make pusher-js give up for good.
        let activity_timeout = policy
            .timing
            .activity_timeout
            .as_millis()
            .div_ceil(1_000)
            .max(1);
        let activity_timeout = u64::try_from(activity_timeout).unwrap_or(u64::MAX);
        let greeting = ServerMessage::ConnectionEstablished {
            socket_id: socket,
            activity_timeout,
        };
        host.send(greeting.encode());
        Self {
            socket,
            protocol,
            authorization: Authorization::new(policy.authorization, now),
            policy,
            liveness: Liveness::Heard(now),
            client_events: Bucket::full(now),
            subscriptions: BTreeMap::new(),
            user: None,
        }
    }

    /// Other rules hold from now on.
    pub fn obey(&mut self, policy: Arc<Policy>) {
        self.policy = policy;
    }

    /// The client sent a text message.
    pub fn on_text(&mut self, text: &str, now: Moment, host: &mut dyn Host) {
        self.on_activity(now);
        match ClientMessage::parse(text) {
            Ok(ClientMessage::Subscribe {
                channel,
                auth,
                channel_data,
            }) => {
                let papers = Papers {
                    auth: auth.as_deref(),
                    channel_data: channel_data.as_deref(),
                };
                self.subscribe(&channel, &papers, host);
            }
            Ok(ClientMessage::Unsubscribe { channel }) => self.unsubscribe(&channel, host),
            Ok(ClientMessage::SignIn { auth, user_data }) => self.sign_in(&auth, &user_data, host),
            Ok(ClientMessage::Ping) => host.send(ServerMessage::Pong.encode()),
            Ok(ClientMessage::Pong) => {}
            Ok(ClientMessage::ClientEvent {
                event,
                channel,
                data,
            }) => {
                let event = ClientEvent {
                    event: &event,
                    channel: channel.as_deref(),
                    data: data.as_deref(),
                };
                self.client_event(&event, now, host);
            }
            Ok(ClientMessage::Unsupported { event }) => {
                let event = echo(&event);
                let message = format!("Unsupported event received on socket: '{event}'");
                tell_error(host, None, &message);
            }
            Err(malformed) => tell_error(host, None, &malformed.to_string()),
        }
    }

    /// The client gave a sign of life that needs no answer.
    pub fn on_activity(&mut self, now: Moment) {
        self.liveness.heard(now);
    }

    /// When [`Session::on_timeout`] wants to be called. Moves later with each sign of life, so a
    /// timer that fires early may simply look again.
    #[must_use]
    pub fn deadline(&self) -> Moment {
        let silence = self.liveness.deadline(&self.policy.timing);
        self.authorization
            .deadline()
            .map_or(silence, |until| until.min(silence))
    }

    /// Time has passed.
    pub fn on_timeout(&mut self, now: Moment, host: &mut dyn Host) {
        if self.authorization.is_over(now) {
            self.authorization = Authorization::Settled;
            let reason = "Connection not authorized within timeout";
            return self.close(Close::new(CloseCode::Unauthorized, reason), host);
        }
        match self.liveness.check(&self.policy.timing, now) {
            Verdict::Wait => {}
            Verdict::Ask => host.ping(),
            Verdict::Lost => {
                let close = Close::new(CloseCode::PongNotReceived, "Pong reply not received");
                self.close(close, host);
            }
        }
    }

    /// Ends the connection for `close`, in the way of the client's protocol.
    pub fn close(&mut self, close: Close, host: &mut dyn Host) {
        if let Some(frame) = farewell(self.protocol, &close) {
            host.send(frame);
        }
        host.close(close);
    }

    /// The connection has ended: leave every channel, sign out. A session that has ended may be
    /// dropped.
    pub fn end(&mut self, host: &mut dyn Host) {
        self.sign_out(host);
        while let Some((channel, user)) = self.subscriptions.pop_first() {
            host.unsubscribe(&channel, user.as_ref());
        }
    }

    /// The connection's public name.
    #[must_use]
    pub fn socket(&self) -> SocketId {
        self.socket
    }

    /// Subscribed channels.
    #[must_use]
    pub fn subscriptions(&self) -> usize {
        self.subscriptions.len()
    }

    pub(crate) fn policy(&self) -> &Policy {
        &self.policy
    }

    pub(crate) fn take_client_event_token(&mut self, now: Moment) -> Result<(), Exhausted> {
        self.client_events
            .take(self.policy.limits.client_events_per_second, 1, now)
            .map(drop)
    }

    /// Somebody vouches for the client. Asked before anybody else hears of it: it may have to go
    /// all the same.
    pub(crate) fn vouch(&self, host: &mut dyn Host) -> Result<(), Close> {
        match self.authorization {
            Authorization::Settled => Ok(()),
            Authorization::Awaited(_) => host.authorized(),
        }
    }

    /// The client has used what somebody vouched for.
    pub(crate) fn settle(&mut self) {
        self.authorization = Authorization::Settled;
    }
}

/// What precedes the close frame: an error event for clients that look at nothing else (protocol 5
/// and older), for Pusher's own codes.
#[must_use]
pub fn farewell(protocol: ProtocolVersion, close: &Close) -> Option<Frame> {
    let code = close.code().number();
    let announced = protocol.wants_error_before_close() && (4000..4300).contains(&code);
    announced.then(|| {
        ServerMessage::Error {
            code: Some(code),
            message: close.reason(),
        }
        .encode()
    })
}
