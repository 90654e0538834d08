//! The operation queue itself.

use std::collections::VecDeque;
use std::task::{Context, Poll};

use super::{Link, State};
use crate::batch;
use crate::members::Members;
use crate::op::{Change, Matter, Op, Sending, Step};
use crate::request::{QueueLimits, Send};

/// Queues of up to this many operations keep their memory while empty: there may be very many
/// channels, and each of them has had its burst.
const KEPT_CAPACITY: usize = 8;

impl State {
    /// Takes the delivery list if there is something to do and nobody else is doing it.
    pub(crate) fn take_baton(&mut self) -> Option<Box<Members>> {
        if self.link != Link::Joined || self.is_at_rest() {
            return None;
        }
        self.members.take()
    }

    pub(crate) fn return_baton(&mut self, mut members: Box<Members>) {
        debug_assert!(self.members.is_none(), "INV-BATON-1: one list, one drainer");
        members.batch().rest();
        self.members = Some(members);
    }

    /// What the drain with the delivery list does next. Sends that follow each other are gathered
    /// on the list.
    pub(crate) fn next_step(&mut self, members: &mut Members) -> Step {
        self.let_go(members);
        self.seat_arrivals(members);
        let step = match self.queue.pop_front() {
            None => Step::Nothing,
            Some(Op::Change(change)) => Step::Other(change),
            Some(Op::Send(first)) => {
                self.take_off(&first);
                members.batch().push(first);
                while let Some(sending) = self.next_send(members) {
                    self.take_off(&sending);
                    members.batch().push(sending);
                }
                // All of them: who still has to wait says so again, and who gave up is forgotten.
                members.eased(std::mem::take(&mut self.waiting));
                Step::Deliver
            }
        };
        if self.queue.is_empty() && self.queue.capacity() > KEPT_CAPACITY {
            self.queue = VecDeque::new();
        }
        step
    }

    /// The next operation, if it is a send that fits in. Those whose place is right before it hear
    /// the batch from there.
    fn next_send(&mut self, members: &mut Members) -> Option<Sending> {
        self.seat_arrivals(members);
        match self.queue.front()? {
            Op::Send(next) if members.batch().has_room(next.send.frame.wire_len()) => {}
            Op::Send(_) | Op::Change(_) => return None,
        }
        match self.queue.pop_front()? {
            Op::Send(sending) => Some(sending),
            Op::Change(_) => None,
        }
    }

    /// Whether nothing waits and nobody is delivering.
    pub(super) fn is_at_rest(&self) -> bool {
        let members = self.members.as_ref();
        self.queue.is_empty()
            && self.arrivals.is_empty()
            && self.leaving.is_empty()
            && members.is_some_and(|members| !members.is_delivering())
    }

    pub(crate) fn is_busy(&self, limits: QueueLimits) -> bool {
        self.queued_sends >= limits.sends || self.queued_bytes >= limits.bytes
    }

    /// Whether publishers should wait before they go on: there is enough for the next batch.
    pub(crate) fn is_pressed(&self) -> bool {
        self.queued_sends >= batch::SENDS
    }

    /// Whether publishers may go on, or has them woken when they may.
    pub(crate) fn poll_eased(&mut self, cx: &Context<'_>) -> Poll<()> {
        if !self.is_pressed() {
            return Poll::Ready(());
        }
        if !self.waiting.iter().any(|waker| waker.will_wake(cx.waker())) {
            self.waiting.push(cx.waker().clone());
        }
        Poll::Pending
    }

    pub(super) fn append_send(&mut self, send: Send, matter: Matter) {
        if matter == Matter::Event {
            self.queued_sends += 1;
            self.queued_bytes += send.frame.wire_len();
        }
        self.append(Op::Send(Sending { send, matter }));
    }

    pub(super) fn append_change(&mut self, change: Change) {
        self.append(Op::Change(change));
    }

    fn append(&mut self, op: Op) {
        self.appended += 1;
        self.queue.push_back(op);
    }

    fn take_off(&mut self, sending: &Sending) {
        if sending.matter == Matter::Event {
            self.queued_sends -= 1;
            self.queued_bytes -= sending.send.frame.wire_len();
        }
    }
}
