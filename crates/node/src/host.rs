//! A session's surroundings in a node.

use std::sync::Arc;

use foghorn_channels::{
    Delivery, Drain, Hearing, Key, Mailbox, RosterFull, Send, Subscribe, SubscribeError,
};
use foghorn_protocol::{
    Access, ChannelName, Close, Frame, Member, Moment, Recipient, SocketId, UserId,
};
use foghorn_session::{Busy, ClientPublish, Host, Listening, SubscribeRefused};
use foghorn_webhooks::Wake;

use crate::app::App;
use crate::connection::Action;
use crate::node::{Inline, Node};
use crate::online::{Watch, watchers_of};
use crate::place::Place;

/// A session's surroundings during one call.
pub(crate) struct At<'a> {
    pub(crate) node: &'a Arc<Node>,
    pub(crate) app: &'a Arc<App>,
    pub(crate) mailbox: &'a Arc<dyn Mailbox>,
    pub(crate) socket: SocketId,
    pub(crate) now: Moment,
    pub(crate) on_encrypted: Hearing,
    pub(crate) app_place: &'a mut Option<Place>,
    pub(crate) action: Option<Action>,
    pub(crate) inline: Inline,
}

impl At<'_> {
    /// Puts the client into an audience that is no channel's: its connections do not count as
    /// subscriptions, and whoever asks for it acknowledges it.
    fn enter(&self, key: &Key, greeting: Option<Frame>) -> Result<Option<Drain>, SubscribeError> {
        let subscribe = Subscribe {
            socket: self.socket,
            mailbox: Arc::clone(self.mailbox),
            greeting,
            member: None,
            max_members: 0,
            hearing: Hearing::Everything,
            now: self.now,
        };
        self.node.hub().subscribe(key, subscribe)
    }

    /// Leaves a message for the client, to be sent on when the session has nothing more to say.
    fn put(&self, frame: &Frame) {
        match self.mailbox.put(frame) {
            // A full mailbox has told the transport to close.
            Delivery::Accepted | Delivery::Full | Delivery::Gone => {}
        }
    }

    fn user_key(&self, user: &UserId) -> Key {
        self.app.key(Recipient::User(user.clone()))
    }
}

impl Host for At<'_> {
    fn send(&mut self, frame: Frame) {
        self.put(&frame);
    }

    fn ping(&mut self) {
        self.action = Some(Action::Ping);
    }

    fn close(&mut self, close: Close) {
        self.action = Some(Action::Close(close));
    }

    fn subscribe(
        &mut self,
        channel: &ChannelName,
        member: Option<Member>,
    ) -> Result<(), SubscribeRefused> {
        let subscribe = Subscribe {
            socket: self.socket,
            mailbox: Arc::clone(self.mailbox),
            greeting: None,
            member,
            max_members: self.app.limits().max_presence_members,
            hearing: match channel.kind().access {
                Access::Encrypted => self.on_encrypted,
                _ => Hearing::Everything,
            },
            now: self.now,
        };
        let drain = self
            .node
            .hub()
            .subscribe(&self.app.channel_key(channel), subscribe)
            .map_err(|error| match error {
                SubscribeError::Full(RosterFull { members, limit }) => {
                    SubscribeRefused::Full { members, limit }
                }
                SubscribeError::Busy => SubscribeRefused::Busy,
            })?;
        self.app.meters().subscribed();
        // The acknowledgement leaves before the news of it.
        self.mailbox.flush();
        self.node.start_drain(drain, &mut self.inline);
        Ok(())
    }

    fn unsubscribe(&mut self, channel: &ChannelName, user: Option<&UserId>) {
        let drain = self
            .node
            .hub()
            .unsubscribe(&self.app.channel_key(channel), self.socket, user);
        self.app.meters().unsubscribed();
        self.node.start_drain(drain, &mut self.inline);
    }

    fn sign_in(&mut self, user: &UserId, greeting: Frame) -> Result<(), Busy> {
        let entered = self.enter(&self.user_key(user), Some(greeting));
        self.node
            .start_drain(entered.map_err(|_| Busy)?, &mut self.inline);
        Ok(())
    }

    fn sign_out(&mut self, user: &UserId) {
        let key = self.user_key(user);
        let drain = self.node.hub().unsubscribe(&key, self.socket, None);
        self.node.start_drain(drain, &mut self.inline);
    }

    fn listen(&mut self, user: &UserId, listening: Listening, notice: Option<Frame>) {
        let hearing = match listening {
            Listening::Yes => Hearing::Everything,
            Listening::No => Hearing::Nothing,
        };
        let key = self.user_key(user);
        let drain = self.node.hub().hear(&key, self.socket, hearing, notice);
        self.node.start_drain(drain, &mut self.inline);
    }

    fn watch(&mut self, watchlist: &[UserId]) {
        let watch = Watch {
            app: self.app.number(),
            watchlist,
            now: self.now,
        };
        let drains = self.node.online().watch(
            &watch,
            self.node.hub(),
            // Watchers are never refused.
            |key| self.enter(key, None).unwrap_or_default(),
            |snapshot| {
                self.put(&snapshot.encode());
            },
        );
        self.node.start_drains(drains);
    }

    fn unwatch(&mut self, watchlist: &[UserId]) {
        for user in watchlist {
            let key = watchers_of(self.app.number(), user);
            let drain = self.node.hub().unsubscribe(&key, self.socket, None);
            self.node.start_drain(drain, &mut self.inline);
        }
        self.node.online().unwatch(self.app.number(), watchlist);
    }

    fn authorized(&mut self) -> Result<(), Close> {
        if self.app_place.is_none() {
            *self.app_place = Some(self.app.take_place()?);
        }
        Ok(())
    }

    fn publish(&mut self, event: ClientPublish<'_>) -> Result<(), Busy> {
        let hub = self.node.hub();
        let to = hub.find(self.app.channel_key(event.channel));
        if hub.is_busy(&to) {
            self.node.metrics().audience_overflow();
            return Err(Busy);
        }
        self.app.meters().client_event();
        self.app.usage().count(1);
        if self.app.note_client_event(&event, self.socket) == Wake::Shell {
            self.node.wake_desk(self.app);
        }
        let send = Send {
            frame: event.frame,
            except: Some(self.socket),
        };
        self.node
            .start_drain(hub.publish(&to, send), &mut self.inline);
        Ok(())
    }
}
