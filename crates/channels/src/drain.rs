//! Carrying out an audience's operations, outside its lock, in slices.

use std::sync::Arc;

use crate::audience::Audience;
use crate::hash::HashSeed;
use crate::members::Members;
use crate::op::{CachedPart, Join, Op, Sending};
use crate::shared::Shared;

/// The right, and the duty, to carry out an audience's queue: it holds the delivery list, so there
/// is at most one per audience (INV-BATON-1). Dropping it early gives the list back with nothing
/// lost; the rest then waits for the next operation.
pub struct Drain {
    audience: Arc<Audience>,
    shared: Arc<Shared>,
    members: Option<Box<Members>>,
    interrupted: Option<Sending>,
}

/// Whether a slice emptied the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// There is more to do; call again, after giving others a turn.
    More,
    /// The queue was empty and the delivery list is back.
    Done,
}

impl Drain {
    pub(crate) fn new(audience: Arc<Audience>, shared: Arc<Shared>, members: Box<Members>) -> Self {
        Self {
            audience,
            shared,
            members: Some(members),
            interrupted: None,
        }
    }

    /// Makes about `budget` deliveries. A join or leave counts as one.
    pub fn run(&mut self, budget: usize) -> Progress {
        let mut left = budget;
        while left > 0 {
            let op = match self.interrupted.take() {
                Some(sending) => Op::Send(sending),
                None => match self.next_op() {
                    Some(op) => op,
                    None => return Progress::Done,
                },
            };
            let Some(members) = &mut self.members else {
                return Progress::Done;
            };
            let cost = match op {
                Op::Join(join) => {
                    welcome(members, *join, self.shared.seed);
                    1
                }
                Op::Leave(socket) => {
                    members.remove(socket);
                    1
                }
                Op::Hear {
                    socket,
                    hearing,
                    notice,
                } => {
                    if let (Some(mailbox), Some(notice)) = (members.hear(socket, hearing), notice) {
                        let _ = mailbox.deliver(&notice);
                    }
                    1
                }
                Op::Remember(_) => 1,
                Op::Close(close) => {
                    members.close(&close);
                    members.len()
                }
                Op::Send(sending) => {
                    let reached =
                        members.deliver(&sending.send, sending.matter, sending.from, left);
                    let cost = reached.saturating_sub(sending.from).max(1);
                    if reached < members.len() {
                        self.interrupted = Some(Sending {
                            from: reached,
                            ..sending
                        });
                    }
                    cost
                }
            };
            left = left.saturating_sub(cost);
        }
        Progress::More
    }

    /// The next operation, or `None` after putting the delivery list back under the same lock.
    fn next_op(&mut self) -> Option<Op> {
        let mut state = self.audience.lock();
        let op = state.next_op(self.audience.key(), &*self.shared);
        if op.is_none() {
            if let Some(members) = self.members.take() {
                state.return_baton(members);
            }
            self.audience.settle(&mut state, &*self.shared);
            drop(state);
            self.shared.make_room();
        }
        op
    }
}

fn welcome(members: &mut Members, join: Join, seed: HashSeed) {
    let Join {
        socket,
        mailbox,
        hearing,
        ack,
        cached,
    } = join;
    let cached = match cached {
        CachedPart::Answer(frame) => Some(frame),
        CachedPart::None | CachedPart::Asked(_) => None,
    };
    for frame in ack.iter().chain(&cached) {
        // A mailbox that takes no greeting has ended; its leave is on the way.
        let _ = mailbox.deliver(frame);
    }
    members.add(socket, mailbox, hearing, seed);
}

impl Drop for Drain {
    fn drop(&mut self) {
        if let Some(members) = self.members.take() {
            let mut state = self.audience.lock();
            if let Some(sending) = self.interrupted.take() {
                state.put_back(sending);
            }
            state.return_baton(members);
        }
    }
}

impl std::fmt::Debug for Drain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Drain")
            .field("key", self.audience.key())
            .finish_non_exhaustive()
    }
}
