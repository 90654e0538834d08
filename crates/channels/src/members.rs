//! The delivery list of an audience. Holding it is the right to deliver: it is the baton.

use std::collections::HashMap;
use std::sync::Arc;

use foghorn_protocol::{Close, SocketId};

use crate::hash::HashSeed;
use crate::mailbox::Mailbox;
use crate::op::Matter;
use crate::request::{Hearing, Send};

/// Lists up to this length are searched; longer ones carry an index.
const SEARCHED: usize = 32;

/// The local subscribers in delivery order. The order changes only by a leave, never during a send.
pub(crate) struct Members {
    seats: Vec<Seat>,
    index: Option<HashMap<SocketId, usize, HashSeed>>,
}

struct Seat {
    socket: SocketId,
    mailbox: Arc<dyn Mailbox>,
    hearing: Hearing,
}

impl Seat {
    fn hears(&self, matter: Matter) -> bool {
        match self.hearing {
            Hearing::Everything => true,
            Hearing::AllButCounts => matter != Matter::Count,
            Hearing::Nothing => false,
        }
    }
}

impl Members {
    pub(crate) fn new() -> Self {
        Self {
            seats: Vec::new(),
            index: None,
        }
    }

    pub(crate) fn add(
        &mut self,
        socket: SocketId,
        mailbox: Arc<dyn Mailbox>,
        hearing: Hearing,
        seed: HashSeed,
    ) {
        debug_assert!(
            self.position(socket).is_none(),
            "the session refuses duplicates"
        );
        self.seats.push(Seat {
            socket,
            mailbox,
            hearing,
        });
        if let Some(index) = &mut self.index {
            index.insert(socket, self.seats.len() - 1);
        } else if self.seats.len() > SEARCHED {
            let mut index = HashMap::with_capacity_and_hasher(2 * SEARCHED, seed);
            index.extend(
                self.seats
                    .iter()
                    .enumerate()
                    .map(|(at, seat)| (seat.socket, at)),
            );
            self.index = Some(index);
        }
    }

    pub(crate) fn remove(&mut self, socket: SocketId) {
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

    /// Has every connection close.
    pub(crate) fn close(&self, close: &Close) {
        for seat in &self.seats {
            seat.mailbox.ask_to_close(close);
        }
    }

    /// Delivers to at most `budget` subscribers from position `from` on; returns the position
    /// reached.
    pub(crate) fn deliver(&self, send: &Send, matter: Matter, from: usize, budget: usize) -> usize {
        let end = from.saturating_add(budget).min(self.seats.len());
        for seat in self.seats.get(from..end).unwrap_or_default() {
            if Some(seat.socket) != send.except && seat.hears(matter) {
                // A full or ended mailbox has told its own connection; its leave is on the way.
                let _ = seat.mailbox.deliver(&send.frame);
            }
        }
        end
    }

    pub(crate) fn len(&self) -> usize {
        self.seats.len()
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
    use foghorn_protocol::Frame;
    use proptest::prelude::*;
    use std::collections::BTreeSet;
    use std::sync::Mutex;

    struct Log(SocketId, Arc<Mutex<Vec<SocketId>>>);
    impl Mailbox for Log {
        fn deliver(&self, _: &Frame) -> Delivery {
            self.1.lock().unwrap().push(self.0);
            Delivery::Accepted
        }
        fn ask_to_close(&self, _: &Close) {}
    }

    proptest! {
        // Ids repeat, so the walk crosses the index threshold in both directions.
        #[test]
        fn the_list_is_the_set(steps in prop::collection::vec((any::<bool>(), 0u64..80), 0..400)) {
            let seed = HashSeed::new(1, 2);
            let log = Arc::new(Mutex::new(Vec::new()));
            let (mut members, mut model) = (Members::new(), BTreeSet::new());
            for (join, id) in steps {
                let socket = SocketId::from_random(id);
                if join && model.insert(socket) {
                    let mailbox = Arc::new(Log(socket, Arc::clone(&log)));
                    members.add(socket, mailbox, Hearing::Everything, seed);
                } else if !join {
                    model.remove(&socket);
                    members.remove(socket);
                }
                prop_assert!(model.iter().all(|&s| members.position(s).is_some()));
            }
            let send = Send { frame: Frame::from_text(b"{}"), except: None };
            let mut at = 0;
            while at < members.len() {
                at = members.deliver(&send, Matter::Event, at, 7);
            }
            let mut heard = log.lock().unwrap().clone();
            heard.sort_unstable();
            prop_assert_eq!(heard, model.into_iter().collect::<Vec<_>>());
        }
    }
}
