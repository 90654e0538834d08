//! The delivery list of an audience. Holding it is the right to deliver: it is the baton.

use std::collections::HashMap;
use std::sync::Arc;
use std::task::Waker;

use foghorn_protocol::{Close, SocketId};

use crate::batch::Batch;
use crate::hash::HashSeed;
use crate::mailbox::Mailbox;
use crate::op::Matter;
use crate::request::Hearing;

/// Lists up to this length are searched; longer ones carry an index.
const SEARCHED: usize = 32;

/// The local subscribers in delivery order. The order changes only by a leave, never during a send.
pub(crate) struct Members {
    seats: Vec<Seat>,
    index: Option<HashMap<SocketId, usize, HashSeed>>,
    seed: HashSeed,
    /// What is being delivered.
    batch: Batch,
    /// How many seats have got it.
    reached: usize,
    /// The seats at the end of the list that came while the batch was gathered: they hear it from
    /// these sends on.
    late: Vec<usize>,
    /// Who left while it is being delivered.
    left: Vec<SocketId>,
    /// What came up under the lock, which is no place to do it.
    afterwards: Afterwards,
}

/// What one go at delivering a batch came to.
#[derive(Clone, Copy)]
pub(crate) struct Reached {
    /// Subscribers who were visited.
    pub(crate) visited: usize,
    /// Frames that their mailboxes took, all together.
    pub(crate) taken: usize,
}

/// A local subscriber.
pub(crate) struct Seat {
    pub(crate) socket: SocketId,
    pub(crate) mailbox: Arc<dyn Mailbox>,
    pub(crate) hearing: Hearing,
}

/// What is to be done when the audience's lock is released.
#[derive(Default)]
pub(crate) struct Afterwards {
    /// Those who were greeted.
    greeted: Vec<Arc<dyn Mailbox>>,
    /// Publishers who may go on.
    eased: Vec<Waker>,
}

impl Afterwards {
    pub(crate) fn carry_out(self) {
        for mailbox in self.greeted {
            mailbox.flush();
        }
        for publisher in self.eased {
            publisher.wake();
        }
    }
}

impl Seat {
    pub(crate) fn hears_everything(&self) -> bool {
        self.hearing == Hearing::Everything
    }

    pub(crate) fn hears(&self, matter: Matter) -> bool {
        match self.hearing {
            Hearing::Everything => true,
            Hearing::AllButCounts => matter != Matter::Count,
            Hearing::Nothing => false,
        }
    }
}

impl Members {
    pub(crate) fn new(seed: HashSeed) -> Self {
        Self {
            seats: Vec::new(),
            index: None,
            seed,
            batch: Batch::default(),
            reached: 0,
            late: Vec::new(),
            left: Vec::new(),
            afterwards: Afterwards::default(),
        }
    }

    /// Remembers to flush a mailbox.
    pub(crate) fn greeted(&mut self, mailbox: Option<Arc<dyn Mailbox>>) {
        self.afterwards.greeted.extend(mailbox);
    }

    /// Remembers to wake publishers.
    pub(crate) fn eased(&mut self, publishers: Vec<Waker>) {
        self.afterwards.eased = publishers;
    }

    /// What is to be done when the lock is released.
    pub(crate) fn take_afterwards(&mut self) -> Afterwards {
        std::mem::take(&mut self.afterwards)
    }

    pub(crate) fn add(&mut self, seat: Seat) {
        debug_assert!(
            self.position(seat.socket).is_none(),
            "the session refuses duplicates"
        );
        debug_assert_eq!(
            self.reached, 0,
            "the list does not grow while it is gone through"
        );
        if self.is_delivering() {
            self.late.push(self.batch.len());
        }
        if let Some(index) = &mut self.index {
            index.insert(seat.socket, self.seats.len());
        }
        self.seats.push(seat);
        if self.index.is_none() && self.seats.len() > SEARCHED {
            let mut index = HashMap::with_capacity_and_hasher(2 * SEARCHED, self.seed);
            index.extend(
                self.seats
                    .iter()
                    .enumerate()
                    .map(|(at, seat)| (seat.socket, at)),
            );
            self.index = Some(index);
        }
    }

    /// Takes a subscriber off the list, who hears nothing more from now on. While a batch is being
    /// delivered, the list keeps its order: nobody must be left out for it, nor reached twice.
    pub(crate) fn leave(&mut self, socket: SocketId) {
        if !self.is_delivering() {
            self.remove(socket);
        } else if self.hear(socket, Hearing::Nothing).is_some() {
            self.left.push(socket);
        }
    }

    fn remove(&mut self, socket: SocketId) {
        let Some(at) = self.position(socket) else {
            return;
        };
        self.seats.swap_remove(at);
        if let Some(index) = &mut self.index {
            index.remove(&socket);
            if let Some(moved) = self.seats.get(at) {
                index.insert(moved.socket, at);
            }
        }
        self.give_back_memory();
    }

    /// Changes what a subscriber gets; the way to it, if it is on the list.
    pub(crate) fn hear(&mut self, socket: SocketId, hearing: Hearing) -> Option<&Arc<dyn Mailbox>> {
        let at = self.position(socket)?;
        let seat = self.seats.get_mut(at)?;
        seat.hearing = hearing;
        Some(&seat.mailbox)
    }

    /// Has every connection close; how many there are.
    pub(crate) fn close(&self, close: &Close) -> usize {
        for seat in &self.seats {
            seat.mailbox.ask_to_close(close);
        }
        self.seats.len()
    }

    /// What is to be delivered next.
    pub(crate) fn batch(&mut self) -> &mut Batch {
        &mut self.batch
    }

    /// Whether something has yet to be delivered to somebody.
    pub(crate) fn is_delivering(&self) -> bool {
        !self.batch.is_empty()
    }

    /// Delivers the batch to at most `budget` more subscribers.
    pub(crate) fn deliver(&mut self, budget: usize) -> Reached {
        let end = self.reached.saturating_add(budget).min(self.seats.len());
        let seats = self.seats.get(self.reached..end).unwrap_or_default();
        let in_time = self.seats.len() - self.late.len();
        for (at, seat) in (self.reached..end).zip(seats) {
            let late = at.checked_sub(in_time).and_then(|at| self.late.get(at));
            self.batch.deliver(seat, late.copied().unwrap_or_default());
        }
        let visited = seats.len();
        let late = self.reached.saturating_sub(in_time)..end.saturating_sub(in_time);
        let before_them: usize = self.late.get(late).unwrap_or_default().iter().sum();
        let taken = visited * self.batch.len() - before_them - self.batch.take_missed();
        self.reached = end;
        if end == self.seats.len() {
            self.finish_batch();
        }
        Reached { visited, taken }
    }

    fn finish_batch(&mut self) {
        self.batch.clear();
        self.reached = 0;
        self.late.clear();
        for socket in std::mem::take(&mut self.left) {
            self.remove(socket);
        }
    }

    fn position(&self, socket: SocketId) -> Option<usize> {
        match &self.index {
            Some(index) => index.get(&socket).copied(),
            None => self.seats.iter().position(|seat| seat.socket == socket),
        }
    }

    fn give_back_memory(&mut self) {
        if self.seats.len() < SEARCHED / 2 {
            self.index = None;
        }
        if self.seats.capacity() > 64 && self.seats.len() < self.seats.capacity() / 4 {
            self.seats.shrink_to(self.seats.len() * 2);
            if let Some(index) = &mut self.index {
                index.shrink_to(self.seats.len() * 2);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mailbox::Delivery;
    use crate::op::Sending;
    use crate::request::Send;
    use foghorn_protocol::Frame;
    use proptest::prelude::*;
    use std::collections::BTreeSet;
    use std::sync::Mutex;

    struct Log(SocketId, Arc<Mutex<Vec<SocketId>>>);
    impl Mailbox for Log {
        fn deliver(&self, frames: &[Frame]) -> Delivery {
            for frame in frames {
                let _ = self.put(frame);
            }
            Delivery::Accepted
        }
        fn put(&self, _: &Frame) -> Delivery {
            self.1.lock().unwrap().push(self.0);
            Delivery::Accepted
        }
        fn flush(&self) {}
        fn ask_to_close(&self, _: &Close) {}
    }

    proptest! {
        // Ids repeat, so the walk crosses the index threshold in both directions.
        #[test]
        fn the_list_is_the_set(steps in prop::collection::vec((any::<bool>(), 0u64..80), 0..400)) {
            let log = Arc::new(Mutex::new(Vec::new()));
            let (mut members, mut model) = (Members::new(HashSeed::new(1, 2)), BTreeSet::new());
            for (join, id) in steps {
                let socket = SocketId::from_random(id);
                if join && model.insert(socket) {
                    let mailbox = Arc::new(Log(socket, Arc::clone(&log)));
                    members.add(Seat { socket, mailbox, hearing: Hearing::Everything });
                } else if !join {
                    model.remove(&socket);
                    members.leave(socket);
                }
                prop_assert!(model.iter().all(|&s| members.position(s).is_some()));
            }
            let send = Send { frame: Frame::from_text(b"{}"), except: None };
            members.batch().push(Sending { send, matter: Matter::Event });
            while members.is_delivering() {
                members.deliver(7);
            }
            let mut heard = log.lock().unwrap().clone();
            heard.sort_unstable();
            prop_assert_eq!(heard, model.into_iter().collect::<Vec<_>>());
        }
    }
}
