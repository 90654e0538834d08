//! One lane.

use std::collections::VecDeque;

use foghorn_webhooks::UnixMillis;

use crate::store::Id;

/// What a lane's first delivery is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Head {
    /// It waits for its turn.
    Ready,
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
}

impl Queue {
    pub(super) fn new(first: Id) -> Self {
        Self {
            ids: VecDeque::from([first]),
            head: Head::Ready,
            attempts: 0,
        }
    }

    pub(super) fn push(&mut self, id: Id) {
        self.ids.push_back(id);
    }

    pub(super) fn first(&self) -> Option<Id> {
        self.ids.front().copied()
    }

    /// The first, if it waits for its turn.
    pub(super) fn ready(&mut self) -> Option<(Id, &mut Self)> {
        let first = self.first()?;
        (self.head == Head::Ready).then_some((first, self))
    }

    pub(super) fn remove(&mut self, id: Id) {
        if let Ok(index) = self.ids.binary_search(&id) {
            self.ids.remove(index);
        }
    }
}
