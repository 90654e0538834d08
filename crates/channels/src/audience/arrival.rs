//! Newcomers: greeted at once, on the delivery list when their place in the queue is reached.
//!
//! A newcomer's place is behind the operation that was appended last. It must not hear that one nor
//! any before it, and it must hear all that follow; but its greeting need not wait until a large
//! channel has heard what is before it.

use std::sync::Arc;

use foghorn_protocol::{Frame, Moment, SocketId};

use super::{Link, State};
use crate::mailbox::Mailbox;
use crate::members::{Members, Seat};
use crate::request::Cached;

/// A newcomer on the way to the delivery list.
pub(super) struct Arrival {
    /// The number of the last operation that is not for it.
    after: u64,
    seat: Seat,
    /// What it is still to be greeted with.
    greeting: Option<Greeting>,
}

/// What is owed to a newcomer that is gone again before it could be greeted. The cache is none of
/// its business any more.
pub(super) struct Owed {
    ack: Frame,
    mailbox: Arc<dyn Mailbox>,
}

/// What a newcomer hears first.
pub(super) struct Greeting {
    /// The acknowledgement, where there is one.
    pub(super) ack: Option<Frame>,
    /// On a cache channel: the cached event, or that there is none.
    pub(super) cached: Option<CachedPart>,
}

pub(super) struct CachedPart {
    pub(super) frame: Frame,
    /// When the newcomer came: an event whose time was over by then is no answer.
    pub(super) asked: Moment,
}

impl Greeting {
    /// INV-ACK-1: called under the audience's lock, so nothing of the channel can come before.
    fn give(self, mailbox: &dyn Mailbox) {
        let cached = self.cached.map(|part| part.frame);
        for frame in self.ack.iter().chain(&cached) {
            // A mailbox that takes no greeting has ended; its leave is on the way.
            let _ = mailbox.put(frame);
        }
    }
}

impl Owed {
    /// Gives the acknowledgement; the mailbox, to be flushed.
    fn give(self) -> Arc<dyn Mailbox> {
        // As with a greeting: a mailbox that takes nothing has ended.
        let _ = self.mailbox.put(&self.ack);
        self.mailbox
    }
}

impl State {
    /// Gives a newcomer its place. It is greeted now, unless events of other nodes could still be
    /// missed, or it has yet to be taken off the list and could hear something of before.
    /// Whoever calls flushes its mailbox.
    pub(super) fn arrive(&mut self, seat: Seat, greeting: Greeting) {
        let greeting = if self.link == Link::Awaited || self.is_leaving(seat.socket) {
            Some(greeting)
        } else {
            greeting.give(&*seat.mailbox);
            None
        };
        let at_rest = self.link != Link::Awaited && self.is_at_rest();
        match &mut self.members {
            Some(members) if at_rest => members.add(seat),
            _ => self.arrivals.push_back(Arrival {
                after: self.appended,
                seat,
                greeting,
            }),
        }
    }

    /// Takes a subscriber off the list, or has the drain do it. It hears nothing more, whatever is
    /// on its way: it is no subscriber any longer.
    pub(super) fn depart(&mut self, socket: SocketId) {
        let place = self.arrivals.iter().rposition(|a| a.seat.socket == socket);
        if let Some(arrival) = place.and_then(|at| self.arrivals.remove(at)) {
            self.take_back(arrival);
        } else if let Some(members) = &mut self.members {
            members.leave(socket);
        } else {
            self.leaving.insert(socket);
        }
    }

    /// A newcomer is gone again: it is acknowledged now if it has yet to be, or as soon as nothing
    /// of before can reach it. Nothing of the channel is for it any more, so it need not wait for
    /// the topic.
    fn take_back(&mut self, arrival: Arrival) {
        let Arrival { seat, greeting, .. } = arrival;
        let Some(ack) = greeting.and_then(|greeting| greeting.ack) else {
            return;
        };
        let owed = Owed {
            ack,
            mailbox: seat.mailbox,
        };
        if self.is_leaving(seat.socket) {
            self.owed.push(owed);
        } else {
            owed.give();
        }
    }

    /// Takes those off the list who have left. Whoever of them came back is greeted: nothing of
    /// before can reach it any more.
    pub(crate) fn let_go(&mut self, members: &mut Members) {
        if self.leaving.is_empty() {
            return;
        }
        for socket in std::mem::take(&mut self.leaving) {
            members.leave(socket);
        }
        for owed in std::mem::take(&mut self.owed) {
            members.greeted(Some(owed.give()));
        }
        for arrival in &mut self.arrivals {
            members.greeted(arrival.greet());
        }
    }

    fn is_leaving(&self, socket: SocketId) -> bool {
        self.leaving.contains(&socket)
    }

    /// The topic is joined, or the link is down and nobody else can be heard anyway: those who
    /// waited for it are greeted. Their mailboxes, to be flushed.
    pub(crate) fn link_joined(&mut self) -> Vec<Arc<dyn Mailbox>> {
        if self.link != Link::Awaited {
            return Vec::new();
        }
        self.link = Link::Joined;
        self.arrivals
            .iter_mut()
            .filter_map(Arrival::greet)
            .collect()
    }

    /// Those who wait for the topic get what other nodes remember: the event itself may have gone
    /// by before.
    pub(super) fn tell_waiting(&mut self, cached: &Cached) {
        if self.link != Link::Awaited {
            return;
        }
        let greetings = self.arrivals.iter_mut().filter_map(|a| a.greeting.as_mut());
        for part in greetings.filter_map(|greeting| greeting.cached.as_mut()) {
            if cached.until > part.asked {
                part.frame = cached.frame.clone();
            }
        }
    }

    /// Puts those on the list whose place is before the first operation of the queue.
    pub(super) fn seat_arrivals(&mut self, members: &mut Members) {
        while self.is_expecting()
            && let Some(mut arrival) = self.arrivals.pop_front()
        {
            members.greeted(arrival.greet());
            members.add(arrival.seat);
        }
    }

    /// Whether somebody's place is right before the first operation of the queue.
    fn is_expecting(&self) -> bool {
        let next = self.next_number();
        self.arrivals.front().is_some_and(|a| a.after < next)
    }

    /// The number of the first operation of the queue, or of the next to come.
    fn next_number(&self) -> u64 {
        self.appended + 1 - self.queue.len() as u64
    }
}

impl Arrival {
    /// Gives the greeting if it has yet to be given; the mailbox, to be flushed.
    fn greet(&mut self) -> Option<Arc<dyn Mailbox>> {
        self.greeting.take()?.give(&*self.seat.mailbox);
        Some(Arc::clone(&self.seat.mailbox))
    }
}
