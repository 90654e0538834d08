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
    empty: Left,
    /// What was sent to another node, oldest first.
    sent: VecDeque<Vec<String>>,
    /// What that costs, in bytes.
    sent_bytes: usize,
    closed: Option<Close>,
    keeper: Presence,
    waker: Option<Waker>,
}

/// Whether something was left.
#[derive(PartialEq, Eq)]
enum Left {
    Something,
    Nothing,
}

/// Whether somebody looks at what is left.
#[derive(PartialEq, Eq)]
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
                empty: Left::Nothing,
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
        let mut desk = self.desk.lock();
        if desk.keeper == Presence::Gone {
            return Err(receiver);
        }
        let before = desk.receiver.replace(Box::new(receiver));
        desk.wake();
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
            let mut desk = self.desk.lock();
            desk.empty = Left::Something;
            desk.wake();
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
        let mut desk = self.desk.lock();
        let cost = cost(&messages);
        if desk.sent_bytes + cost <= WAITING_SENT || desk.sent.is_empty() {
            desk.sent_bytes += cost;
            desk.sent.push_back(messages);
            return desk.wake();
        }
        drop(desk);
        let reason = "Too much was sent to other nodes";
        self.outbox
            .ask_to_close(&Close::new(CloseCode::OverCapacity, reason));
    }

    /// The client is there.
    pub(super) fn on_activity(&self, now: Moment) {
        if let Some(connection) = &mut *self.connection.lock() {
            connection.on_activity(now);
        }
    }

    /// Time has passed. Gives the heartbeat that the client is to be asked with, if it is.
    pub(super) fn on_timeout(&self, now: Moment) -> Option<Ask> {
        let mut connection = self.connection.lock();
        match connection.as_mut()?.on_timeout(now)? {
            Action::Ping => Some(Ask),
            Action::Close(close) => {
                self.close_behind(connection, close);
                None
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
    pub(super) fn leave(&self) {
        let left = self.connection.lock().take();
        drop(left);
    }

    fn close_behind(&self, mut connection: MutexGuard<'_, Option<Connection>>, close: Close) {
        let left = connection.take();
        drop(connection);
        self.outbox.close(close.clone());
        drop(left);
        let mut desk = self.desk.lock();
        desk.closed = Some(close);
        desk.wake();
    }

    /// What was left for the keeper.
    pub(super) fn poll_note(&self, cx: &mut Context<'_>) -> Poll<Note<R, W>> {
        let mut desk = self.desk.lock();
        // It may be the last word on the request that received before.
        if desk.empty == Left::Something {
            desk.empty = Left::Nothing;
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

/// The client is to be asked whether it is there.
pub(super) struct Ask;

/// What a request that waits for the keeper costs.
fn cost(messages: &[String]) -> usize {
    OVERHEAD + messages.iter().map(String::len).sum::<usize>()
}

impl<R, W> Desk<R, W> {
    fn wake(&self) {
        if let Some(waker) = &self.waker {
            waker.wake_by_ref();
        }
    }
}
