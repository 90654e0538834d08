//! Carrying out an audience's operations, outside its lock, in slices.

use std::sync::Arc;

use crate::audience::Audience;
use crate::members::{Members, Reached};
use crate::op::{Change, Step};
use crate::shared::Shared;

/// The right, and the duty, to carry out an audience's queue: it holds the delivery list, so there
/// is at most one per audience (INV-BATON-1). Dropping it early gives the list back with nothing
/// lost; the rest then waits for the next operation.
pub struct Drain {
    audience: Arc<Audience>,
    shared: Arc<Shared>,
    members: Option<Box<Members>>,
    visited: usize,
    /// Messages that were taken and have yet to be counted.
    taken: usize,
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
            visited: 0,
            taken: 0,
        }
    }

    /// Visits about `budget` subscribers.
    pub fn run(&mut self, budget: usize) -> Progress {
        let progress = self.go_on(budget);
        // Once for all of them: a delivery has no time for it.
        self.audience.tally().add(std::mem::take(&mut self.taken));
        progress
    }

    fn go_on(&mut self, budget: usize) -> Progress {
        self.let_go();
        let end = self.visited.saturating_add(budget);
        while self.visited < end {
            let Some(members) = &mut self.members else {
                return Progress::Done;
            };
            if members.is_delivering() {
                let Reached { visited, taken } = members.deliver(end - self.visited);
                self.visited += visited;
                self.taken += taken;
            } else if self.take_step() == Progress::Done {
                return Progress::Done;
            }
        }
        Progress::More
    }

    /// How many subscribers have been visited.
    #[must_use]
    pub fn visited(&self) -> usize {
        self.visited
    }

    /// Takes the next step from the queue, or gives the delivery list back if there is none.
    fn take_step(&mut self) -> Progress {
        let Some(members) = &mut self.members else {
            return Progress::Done;
        };
        let mut state = self.audience.lock();
        let step = state.next_step(members);
        let afterwards = members.take_afterwards();
        if let Step::Nothing = step
            && let Some(members) = self.members.take()
        {
            state.return_baton(members);
            self.audience.settle(&mut state, &*self.shared);
        }
        drop(state);
        afterwards.carry_out();
        match (step, &mut self.members) {
            (Step::Other(change), Some(members)) => self.visited += carry_out(change, members),
            (Step::Nothing, _) => return Progress::Done,
            _ => {}
        }
        Progress::More
    }

    /// Between two slices of a delivery: who has left meanwhile hears nothing of the rest, and need
    /// not wait for its end to come back.
    fn let_go(&mut self) {
        if let Some(members) = self.members.as_mut().filter(|m| m.is_delivering()) {
            self.audience.lock().let_go(members);
            members.take_afterwards().carry_out();
        }
    }
}

/// Carries out what is no send; how many subscribers that concerned.
fn carry_out(change: Change, members: &mut Members) -> usize {
    match change {
        Change::Hear {
            socket,
            hearing,
            notice,
        } => {
            if let (Some(mailbox), Some(notice)) = (members.hear(socket, hearing), notice) {
                let _ = mailbox.deliver(&[notice]);
            }
            1
        }
        Change::Close(close) => members.close(&close),
    }
}

impl Drop for Drain {
    fn drop(&mut self) {
        if let Some(members) = self.members.take() {
            self.audience.lock().return_baton(members);
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
