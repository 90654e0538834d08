//! What an outbox holds under its lock.

use std::collections::VecDeque;
use std::task::{Context, Waker};

use foghorn_protocol::{Close, Frame};

use super::{Control, Line};

/// Queues up to this many frames keep their memory while idle; longer ones give it back.
const KEPT_CAPACITY: usize = 8;

pub(super) struct State<L> {
    /// What waits behind what the line has.
    pub(super) frames: VecDeque<Frame>,
    /// Bytes of `frames` and of what the line has.
    pub(super) bytes: usize,
    pub(super) status: Status,
    /// The line, while nobody writes.
    pub(super) line: Option<Box<L>>,
    pub(super) waker: Option<Waker>,
    wakes_on: WakesOn,
}

/// What the connection's task sleeps for, beside the end of the connection.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum WakesOn {
    /// Anything to write: it has the line.
    Frames,
    /// The line coming back with something left to do.
    Handover,
    /// The line coming back.
    Line,
    /// Nothing: there is more to write than the socket takes already.
    End,
}

pub(super) enum Status {
    Open,
    /// Somebody else wants the connection to close; its session has yet to say so to the client.
    Asked(Close),
    /// Close once what is queued is written.
    Closing(Close),
    /// The connection did not keep up: so many bytes were to wait. They are gone already.
    Overflowed(usize),
    /// The connection's task has ended.
    Gone,
}

impl<L: Line> State<L> {
    pub(super) fn new() -> Self {
        Self {
            frames: VecDeque::new(),
            bytes: 0,
            status: Status::Open,
            line: None,
            waker: None,
            wakes_on: WakesOn::End,
        }
    }

    /// The line, if it is here and has nothing of its own to do.
    pub(super) fn take_free_line(&mut self) -> Option<Box<L>> {
        self.line.take_if(|line| line.is_idle())
    }

    /// Whether the connection's task has something to do with the line.
    pub(super) fn has_work(&self, control: Control) -> bool {
        let idle = self.line.as_ref().is_none_or(|line| line.is_idle());
        let open = matches!(self.status, Status::Open | Status::Asked(_));
        control == Control::Waits || !self.frames.is_empty() || !idle || !open
    }

    /// Nothing more is delivered; what waits is dropped.
    pub(super) fn give_up(&mut self, status: Status) {
        self.status = status;
        self.frames = VecDeque::new();
    }

    /// Gives back the memory that a burst needed, when nothing waits.
    pub(super) fn rest(&mut self) {
        if self.frames.is_empty() && self.frames.capacity() > KEPT_CAPACITY {
            self.frames = VecDeque::new();
        }
        if let Some(line) = self.line.as_mut().filter(|line| line.is_idle()) {
            line.rest();
        }
    }

    pub(super) fn take_asked(&mut self) -> Option<Close> {
        match &self.status {
            Status::Asked(close) => {
                let close = close.clone();
                self.status = Status::Open;
                Some(close)
            }
            _ => None,
        }
    }

    pub(super) fn listen(&mut self, cx: &mut Context<'_>, wakes_on: WakesOn) {
        self.wakes_on = wakes_on;
        match &mut self.waker {
            Some(waker) => waker.clone_from(cx.waker()),
            None => self.waker = Some(cx.waker().clone()),
        }
    }

    /// Who is to be woken because the line has come back.
    pub(super) fn waker_for_line(&mut self) -> Option<Waker> {
        let wanted = match self.wakes_on {
            WakesOn::Line => true,
            WakesOn::Handover => self.has_work(Control::None),
            WakesOn::Frames | WakesOn::End => false,
        };
        self.waker.take_if(|_| wanted)
    }

    /// Who is to be woken if it sleeps for this.
    pub(super) fn waker_for(&mut self, news: WakesOn) -> Option<Waker> {
        self.waker.take_if(|_| self.wakes_on == news)
    }
}
