//! A connected client: its session, at home in a node.

use std::sync::Arc;

use foghorn_channels::{Hearing, Mailbox};
use foghorn_protocol::{Close, Moment, SocketId};
use foghorn_session::{Host, Session};

use crate::admission::Admission;
use crate::app::App;
use crate::host::At;
use crate::node::{Inline, Node};
use crate::place::Place;
use crate::transport::Transport;

/// A connected client. Transports feed it and carry out the [`Action`] that comes back; messages to
/// the client go through its mailbox. Dropping it is disconnecting: it leaves every channel.
pub struct Connection {
    node: Arc<Node>,
    app: Arc<App>,
    mailbox: Arc<dyn Mailbox>,
    session: Session,
    on_encrypted: Hearing,
    transport: Transport,
    app_place: Option<Place>,
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
    /// Connects an admitted client. Its greeting is put into `mailbox`, for the transport to flush.
    /// `random` becomes its socket id.
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
            transport,
            place,
            mut app_place,
            on_encrypted,
        } = admission;
        let socket = SocketId::from_random(random);
        let mut host = At {
            node: &node,
            app: &app,
            mailbox: &mailbox,
            socket,
            now,
            on_encrypted,
            app_place: &mut app_place,
            action: None,
            inline: Inline::new(),
        };
        let policy = Arc::clone(app.policy());
        let session = Session::open(socket, protocol, policy, now, &mut host);
        app.meters().connected(transport);
        Self {
            node,
            app,
            mailbox,
            session,
            on_encrypted,
            transport,
            app_place,
            _place: place,
        }
    }

    /// The client sent a text message.
    pub fn on_text(&mut self, text: &str, now: Moment) -> Option<Action> {
        self.app.meters().received(text.len());
        self.with_session(now, |session, host| session.on_text(text, now, host))
    }

    /// The client gave a sign of life that needs no answer.
    pub fn on_activity(&mut self, now: Moment) {
        self.session.on_activity(now);
    }

    /// Time has passed.
    pub fn on_timeout(&mut self, now: Moment) -> Option<Action> {
        self.with_session(now, |session, host| session.on_timeout(now, host))
    }

    /// When [`Connection::on_timeout`] wants to be called; may be later by then.
    #[must_use]
    pub fn deadline(&self) -> Moment {
        self.session.deadline()
    }

    /// The transport or the node wants to end the connection.
    pub fn close(&mut self, close: Close) -> Option<Action> {
        self.with_session(Moment::default(), |session, host| {
            session.close(close, host);
        })
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

    /// What the operator changes holds for whoever is connected as well.
    fn keep_up(&mut self) {
        if !self.app.is_superseded() {
            return;
        }
        if let Some(app) = self.node.apps().with_number(self.app.number()) {
            self.session.obey(Arc::clone(app.policy()));
            self.app = app;
        }
    }

    fn with_session(
        &mut self,
        now: Moment,
        step: impl FnOnce(&mut Session, &mut dyn Host),
    ) -> Option<Action> {
        self.keep_up();
        let mut host = At {
            node: &self.node,
            app: &self.app,
            mailbox: &self.mailbox,
            socket: self.session.socket(),
            now,
            on_encrypted: self.on_encrypted,
            app_place: &mut self.app_place,
            action: None,
            inline: Inline::new(),
        };
        step(&mut self.session, &mut host);
        let action = host.action;
        self.mailbox.flush();
        action
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let ended = self.with_session(Moment::default(), |session, host| session.end(host));
        debug_assert!(ended.is_none(), "a session that has ended wants nothing");
        self.app.meters().disconnected(self.transport);
    }
}
