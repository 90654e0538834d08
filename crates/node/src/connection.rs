//! A connected client: its session, at home in a node.

use std::sync::Arc;

use foghorn_channels::{Delivery, Mailbox, RosterFull, Send, Subscribe, SubscribeError};
use foghorn_protocol::{ChannelName, Close, Frame, Member, Moment, SocketId, UserId};
use foghorn_session::{Busy, Host, Session, SubscribeRefused};

use crate::admission::{Admission, Place};
use crate::app::App;
use crate::node::Node;

/// A connected client. Transports feed it and carry out the [`Action`] that comes back; messages to
/// the client go through its mailbox. Dropping it is disconnecting: it leaves every channel.
pub struct Connection {
    node: Arc<Node>,
    app: Arc<App>,
    mailbox: Arc<dyn Mailbox>,
    session: Session,
    _place: Place,
}

/// What the transport has to do beside emptying the mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Action {
    /// Ask the client whether it is there, in the transport's own way.
    Ping,
    /// Send what is queued, then close.
    Close(Close),
}

impl Connection {
    /// Connects an admitted client: it is greeted through `mailbox`. `random` becomes its socket
    /// id.
    #[must_use]
    pub fn open(
        node: Arc<Node>,
        admission: Admission,
        mailbox: Arc<dyn Mailbox>,
        random: u64,
        now: Moment,
    ) -> Self {
        let Admission {
            app,
            protocol,
            place,
        } = admission;
        let socket = SocketId::from_random(random);
        let mut host = At {
            node: &node,
            app: &app,
            mailbox: &mailbox,
            socket,
            action: None,
        };
        let policy = Arc::clone(app.policy());
        let session = Session::open(socket, protocol, policy, now, &mut host);
        app.meters().connected();
        Self {
            node,
            app,
            mailbox,
            session,
            _place: place,
        }
    }

    /// The client sent a text message.
    pub fn on_text(&mut self, text: &str, now: Moment) -> Option<Action> {
        self.app.meters().received(text.len());
        self.with_session(|session, host| session.on_text(text, now, host))
    }

    /// The client gave a sign of life that needs no answer.
    pub fn on_activity(&mut self, now: Moment) {
        self.session.on_activity(now);
    }

    /// Time has passed.
    pub fn on_timeout(&mut self, now: Moment) -> Option<Action> {
        self.with_session(|session, host| session.on_timeout(now, host))
    }

    /// When [`Connection::on_timeout`] wants to be called; may be later by then.
    #[must_use]
    pub fn deadline(&self) -> Moment {
        self.session.deadline()
    }

    /// The transport or the node wants to end the connection.
    pub fn close(&mut self, close: Close) -> Option<Action> {
        self.with_session(|session, host| session.close(close, host))
    }

    /// The connection's public name.
    #[must_use]
    pub fn socket(&self) -> SocketId {
        self.session.socket()
    }

    /// The connection's app.
    #[must_use]
    pub fn app(&self) -> &Arc<App> {
        &self.app
    }

    fn with_session(&mut self, step: impl FnOnce(&mut Session, &mut dyn Host)) -> Option<Action> {
        let mut host = At {
            node: &self.node,
            app: &self.app,
            mailbox: &self.mailbox,
            socket: self.session.socket(),
            action: None,
        };
        step(&mut self.session, &mut host);
        host.action
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let ended = self.with_session(|session, host| session.end(host));
        debug_assert!(ended.is_none(), "a session that has ended wants nothing");
        self.app.meters().disconnected();
    }
}

/// A session's surroundings during one call.
struct At<'a> {
    node: &'a Arc<Node>,
    app: &'a Arc<App>,
    mailbox: &'a Arc<dyn Mailbox>,
    socket: SocketId,
    action: Option<Action>,
}

impl Host for At<'_> {
    fn send(&mut self, frame: Frame) {
        match self.mailbox.deliver(&frame) {
            // A full mailbox has told the transport to close.
            Delivery::Accepted | Delivery::Full | Delivery::Gone => {}
        }
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
            member,
            max_members: self.app.limits().max_presence_members,
        };
        let drain = self
            .node
            .hub()
            .subscribe(&self.app.key(channel), subscribe)
            .map_err(|error| match error {
                SubscribeError::Full(RosterFull { limit }) => SubscribeRefused::Full { limit },
                SubscribeError::Busy => SubscribeRefused::Busy,
            })?;
        self.app.meters().subscribed();
        self.node.start_drain(drain);
        Ok(())
    }

    fn unsubscribe(&mut self, channel: &ChannelName, user: Option<&UserId>) {
        let drain = self
            .node
            .hub()
            .unsubscribe(&self.app.key(channel), self.socket, user);
        self.app.meters().unsubscribed();
        self.node.start_drain(drain);
    }

    fn publish(&mut self, channel: &ChannelName, frame: Frame) -> Result<(), Busy> {
        let key = self.app.key(channel);
        if self.node.hub().is_busy(&key) {
            self.node.metrics().audience_overflow();
            return Err(Busy);
        }
        self.app.meters().client_event();
        let send = Send {
            frame,
            except: Some(self.socket),
        };
        self.node.start_drain(self.node.hub().publish(&key, send));
        Ok(())
    }
}
