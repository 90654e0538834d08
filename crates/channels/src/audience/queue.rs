//! The operation queue itself.

use std::collections::VecDeque;
use std::task::{Context, Poll, Waker};

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
            None => {
                members.eased(self.ease(usize::MAX));
                Step::Nothing
            }
            Some(Op::Change(change)) => Step::Other(change),
            Some(Op::Send(first)) => {
                self.take_off(&first);
                members.batch().push(first);
                while let Some(sending) = self.next_send(members) {
                    self.take_off(&sending);
                    members.batch().push(sending);
                }
                members.eased(self.ease(batch::SENDS.saturating_sub(self.queued_sends)));
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

    /// Whether a publisher may go on, or has it woken when it may. It gets a ticket if it waits.
    pub(crate) fn poll_eased(&mut self, slot: &mut Option<u64>, cx: &Context<'_>) -> Poll<()> {
        let Some(ticket) = *slot else {
            if !self.is_pressed() {
                return Poll::Ready(());
            }
            *slot = Some(self.next_ticket + self.waiting.len() as u64);
            self.waiting.push_back(Some(cx.waker().clone()));
            return Poll::Pending;
        };
        let Some(before) = ticket.checked_sub(self.next_ticket) else {
            return Poll::Ready(());
        };
        let place = usize::try_from(before).ok();
        if let Some(waker) = place.and_then(|place| self.waiting.get_mut(place)) {
            *waker = Some(cx.waker().clone());
        }
        Poll::Pending
    }

    /// Who has this ticket waits no longer.
    pub(crate) fn give_up(&mut self, ticket: u64) {
        let place = ticket.checked_sub(self.next_ticket);
        let place = place.and_then(|place| usize::try_from(place).ok());
        if let Some(waker) = place.and_then(|place| self.waiting.get_mut(place)) {
            *waker = None;
        }
        // Who came first gives up first, so nothing piles up.
        while let Some(None) = self.waiting.front() {
            self.waiting.pop_front();
            self.next_ticket += 1;
        }
    }

    /// Up to `most` publishers who may go on now: as many as there is room for. If all went on at
    /// once, most of them would be refused a moment later.
    fn ease(&mut self, most: usize) -> Vec<Waker> {
        let mut eased = Vec::new();
        while eased.len() < most
            && let Some(waiting) = self.waiting.pop_front()
        {
            self.next_ticket += 1;
            eased.extend(waiting);
        }
        eased
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
