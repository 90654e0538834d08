//! A session: the connection of a client that has no socket of its own.
//!
//! Requests of one session may be anywhere: one receives, others send, each on a socket and in a
//! task of its own. What they share is here. Who sends takes the session's turn and carries out the
//! protocol's step itself; what receives is handed to the session's task, its keeper.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use foghorn_channels::Mailbox as _;
use foghorn_node::{Action, Connection};
use foghorn_protocol::{Close, CloseCode, Moment};
use parking_lot::{Mutex, MutexGuard};

use super::line::Line;
use super::receiver::Receiver;
use crate::outbox::Outbox;
use crate::wire::Wire;

/// Bytes of messages that other nodes may have passed on and that wait for the keeper.
const WAITING_SENT: usize = 256 * 1_024;

/// Bytes that a request costs there beside them.
const OVERHEAD: usize = 64;

/// What all requests of a session share.
pub(crate) struct Session<R, W> {
    /// Until the session closes. The lock is the session's turn: held for one step of the
    /// protocol, and taken before any other lock.
    connection: Mutex<Option<Connection>>,
    outbox: Arc<Outbox<Line<W>>>,
    desk: Mutex<Desk<R, W>>,
}

/// What was left for the keeper.
struct Desk<R, W> {
    receiver: Option<Box<Receiver<R, W>>>,
    /// Empty messages.
    empties: u32,
    /// What was sent to another node, oldest first.
    sent: VecDeque<Vec<String>>,
    /// What that costs, in bytes.
    sent_bytes: usize,
    closed: Option<Close>,
    keeper: Presence,
    waker: Option<Waker>,
}

/// Whether somebody looks at what is left.
enum Presence {
    Here,
    Gone,
}

/// Something that was left for the keeper.
pub(super) enum Note<R, W> {
    /// Another request receives.
    Receiver(Box<Receiver<R, W>>),
    /// The client has sent an empty message.
    Empty,
    /// The client has sent these to another node.
    Sent(Vec<String>),
    /// The session has closed.
    Closed(Close),
}

/// What became of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Posted {
    /// The session has heard them.
    Heard,
    /// The session has closed.
    Closed,
}

impl<R, W: Wire> Session<R, W> {
    /// The session of `connection`, whose messages are in `outbox`.
    pub(super) fn new(connection: Connection, outbox: Arc<Outbox<Line<W>>>) -> Self {
        Self {
            connection: Mutex::new(Some(connection)),
            outbox,
            desk: Mutex::new(Desk {
                receiver: None,
                empties: 0,
                sent: VecDeque::new(),
                sent_bytes: 0,
                closed: None,
                keeper: Presence::Here,
                waker: None,
            }),
        }
    }

    pub(super) fn outbox(&self) -> &Outbox<Line<W>> {
        &self.outbox
    }

    /// Has `receiver` receive from now on; the newest wins.
    ///
    /// # Errors
    /// The session is over; gives the receiver back.
    pub(super) fn attach(&self, receiver: Receiver<R, W>) -> Result<(), Receiver<R, W>> {
        let before = self.leave(|desk| match desk.keeper {
            Presence::Gone => Err(receiver),
            Presence::Here => Ok(desk.receiver.replace(Box::new(receiver))),
        })?;
        // Its socket closes outside the lock.
        drop(before);
        Ok(())
    }

    /// The client has sent `texts`, each one message. An empty list is a sign of life.
    pub(crate) fn post(&self, texts: &[String], now: Moment) -> Posted {
        let mut connection = self.connection.lock();
        let Some(open) = &mut *connection else {
            return Posted::Closed;
        };
        if texts.is_empty() {
            open.on_activity(now);
            drop(connection);
            self.leave(|desk| desk.empties = desk.empties.saturating_add(1));
            return Posted::Heard;
        }
        for text in texts {
            if let Some(Action::Close(close)) = open.on_text(text, now) {
                self.close_behind(connection, close);
                break;
            }
        }
        Posted::Heard
    }

    /// Leaves what the client has sent to another node, for the keeper to carry out. What is too
    /// much closes the session: a message that goes missing would leave a client that believes it
    /// is subscribed, and is not.
    pub(super) fn leave_sent(&self, messages: Vec<String>) {
        let left = self.leave(|desk| {
            let waiting = desk.sent_bytes + cost(&messages);
            if waiting > WAITING_SENT && !desk.sent.is_empty() {
                return Err(waiting);
            }
            desk.sent_bytes = waiting;
            desk.sent.push_back(messages);
            Ok(())
        });
        let Err(waiting) = left else { return };
        let reason =
            format!("{waiting} bytes sent by way of other nodes wait, the limit is {WAITING_SENT}");
        self.outbox
            .ask_to_close(&Close::new(CloseCode::OverCapacity, reason));
    }

    /// The client is there.
    pub(super) fn on_activity(&self, now: Moment) {
        if let Some(connection) = &mut *self.connection.lock() {
            connection.on_activity(now);
        }
    }

    /// Time has passed: whether the client is to be asked if it is there.
    pub(super) fn on_timeout(&self, now: Moment) -> Question {
        let mut connection = self.connection.lock();
        match connection.as_mut().and_then(|open| open.on_timeout(now)) {
            None => Question::None,
            Some(Action::Ping) => Question::Due,
            Some(Action::Close(close)) => {
                self.close_behind(connection, close);
                Question::None
            }
        }
    }

    /// When [`Session::on_timeout`] wants to be called, if the session is open.
    pub(super) fn deadline(&self) -> Option<Moment> {
        let connection = self.connection.lock();
        connection.as_ref().map(Connection::deadline)
    }

    /// Closes for `close`, in the way of the client's protocol.
    pub(super) fn close(&self, close: Close) {
        let mut connection = self.connection.lock();
        let action = connection.as_mut().and_then(|open| open.close(close));
        if let Some(Action::Close(close)) = action {
            self.close_behind(connection, close);
        }
    }

    /// Ends the connection: others see the client leave now, not when it hears of it.
    pub(super) fn disconnect(&self) {
        let left = self.connection.lock().take();
        drop(left);
    }

    fn close_behind(&self, mut connection: MutexGuard<'_, Option<Connection>>, close: Close) {
        let left = connection.take();
        drop(connection);
        self.outbox.close(close.clone());
        drop(left);
        self.leave(|desk| desk.closed = Some(close));
    }

    /// Leaves something for the keeper, and wakes it outside the lock: it may run at once, on
    /// another core.
    fn leave<T>(&self, put: impl FnOnce(&mut Desk<R, W>) -> T) -> T {
        let mut desk = self.desk.lock();
        let put = put(&mut desk);
        let waker = desk.waker.take();
        drop(desk);
        if let Some(waker) = waker {
            waker.wake();
        }
        put
    }

    /// What was left for the keeper.
    pub(super) fn poll_note(&self, cx: &mut Context<'_>) -> Poll<Note<R, W>> {
        let mut desk = self.desk.lock();
        if desk.empties > 0 {
            desk.empties -= 1;
            return Poll::Ready(Note::Empty);
        }
        if let Some(receiver) = desk.receiver.take() {
            return Poll::Ready(Note::Receiver(receiver));
        }
        if let Some(sent) = desk.sent.pop_front() {
            desk.sent_bytes -= cost(&sent);
            return Poll::Ready(Note::Sent(sent));
        }
        if let Some(close) = desk.closed.take() {
            return Poll::Ready(Note::Closed(close));
        }
        match &mut desk.waker {
            Some(waker) => waker.clone_from(cx.waker()),
            None => desk.waker = Some(cx.waker().clone()),
        }
        Poll::Pending
    }

    /// Nobody looks at what is left any more. Gives the request that has come too late, if one has.
    pub(super) fn end(&self) -> Option<Box<Receiver<R, W>>> {
        let mut desk = self.desk.lock();
        desk.keeper = Presence::Gone;
        desk.receiver.take()
    }
}

/// Whether the client is to be asked if it is there.
#[derive(PartialEq, Eq)]
pub(super) enum Question {
    /// It is.
    Due,
    /// Not now.
    None,
}

/// What a request that waits for the keeper costs.
fn cost(messages: &[String]) -> usize {
    OVERHEAD + messages.iter().map(String::len).sum::<usize>()
}
