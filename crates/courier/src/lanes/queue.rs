//! One lane.

use std::collections::VecDeque;

use foghorn_webhooks::UnixMillis;

use super::endpoints::Ticket;
use crate::store::Id;

/// What a lane's first delivery is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Head {
    /// It is in line for its turn.
    Ready(Ticket),
    /// It waits for another attempt.
    Sleeping(UnixMillis),
    /// It is being attempted.
    UnderWay,
}

/// Numbers in ascending order, and how far the first has come. The others were never tried.
pub(super) struct Queue {
    ids: VecDeque<Id>,
    pub(super) head: Head,
    /// Attempts made at the first.
    pub(super) attempts: u32,
    /// Attempts made at those before it that had to go: what fails for one fails for the next.
    inherited: u32,
}

impl Queue {
    pub(super) fn new(first: Id, head: Head, attempts: u32) -> Self {
        Self {
            ids: VecDeque::from([first]),
            head,
            attempts,
            inherited: 0,
        }
    }

    pub(super) fn push(&mut self, id: Id) {
        self.ids.push_back(id);
    }

    pub(super) fn first(&self) -> Option<Id> {
        self.ids.front().copied()
    }

    /// Attempts in a row that failed.
    pub(super) fn failures(&self) -> u32 {
        self.inherited.saturating_add(self.attempts)
    }

    pub(super) fn remove(&mut self, id: Id) {
        if let Ok(index) = self.ids.binary_search(&id) {
            self.ids.remove(index);
        }
    }

    /// The next came first, after one that was taken or given up.
    pub(super) fn begin_anew(&mut self, head: Head) {
        self.head = head;
        self.attempts = 0;
        self.inherited = 0;
    }

    /// The next came first, instead of one that had to go.
    pub(super) fn inherit(&mut self) {
        self.inherited = self.failures();
        self.attempts = 0;
    }
}
