//! The operation queue itself.

use super::{Link, State};
use crate::audience::Outlet;
use crate::key::Key;
use crate::members::Members;
use crate::op::{Matter, Op, Sending};
use crate::request::{QueueLimits, Send};

impl State {
    /// Takes the delivery list if there is something to do and nobody else is doing it.
    pub(crate) fn take_baton(&mut self) -> Option<Box<Members>> {
        if self.link != Link::Joined || self.queue.is_empty() {
            return None;
        }
        self.members.take()
    }

    pub(crate) fn return_baton(&mut self, members: Box<Members>) {
        debug_assert!(self.members.is_none(), "INV-BATON-1: one list, one drainer");
        self.members = Some(members);
    }

    pub(crate) fn next_op(&mut self, key: &Key, outlet: &impl Outlet) -> Option<Op> {
        let mut op = self.queue.pop_front();
        match &mut op {
            Some(Op::Send(Sending {
                send,
                matter: Matter::Event,
                cached,
                ..
            })) => {
                self.queued_sends -= 1;
                self.queued_bytes -= send.frame.wire_len();
                if let Some(cached) = cached.take() {
                    self.cache(key, cached, outlet);
                }
            }
            Some(Op::Join(join)) => self.answer(&mut join.cached, key),
            Some(Op::Remember(cached)) => self.cache(key, cached.clone(), outlet),
            _ => {}
        }
        if self.queue.is_empty() && self.queue.capacity() > 64 {
            self.queue.shrink_to(0);
        }
        op
    }

    /// Puts back a send that was interrupted, so that nothing overtakes it.
    pub(crate) fn put_back(&mut self, sending: Sending) {
        self.count(&sending);
        self.queue.push_front(Op::Send(sending));
    }

    pub(crate) fn is_busy(&self, limits: QueueLimits) -> bool {
        self.queued_sends >= limits.sends || self.queued_bytes >= limits.bytes
    }

    pub(super) fn append(&mut self, send: Send, matter: Matter) {
        self.push(Sending {
            send,
            from: 0,
            matter,
            cached: None,
        });
    }

    pub(super) fn push(&mut self, sending: Sending) {
        self.count(&sending);
        self.queue.push_back(Op::Send(sending));
    }

    fn count(&mut self, sending: &Sending) {
        if sending.matter == Matter::Event {
            self.queued_sends += 1;
            self.queued_bytes += sending.send.frame.wire_len();
        }
    }
}
