//! Subscribers that leave their channel and come back, again and again.

use std::ops::Range;

use foghorn_cli::Failure;

use super::{Crowd, Stage};
use crate::pace::{Pace, Schedule};
use crate::talk;
use crate::wire::{self, Opcode};

/// Whose turn it is, and when.
pub(super) struct Churn {
    schedule: Schedule,
    turn: usize,
}

impl Crowd {
    /// Lets subscribers leave and come back in turn within a stretch of time, in nanoseconds.
    pub(crate) fn start_churn(&mut self, pace: Pace, stretch: Range<u64>) {
        let turn = self.churn.as_ref().map_or(0, |churn| churn.turn);
        self.churn = Some(Churn {
            schedule: Schedule::start(pace, stretch),
            turn,
        });
    }

    /// Lets them stay.
    pub(crate) fn stop_churn(&mut self) {
        self.churn = None;
    }

    /// Lets those rejoin who are due; gives the next moment at which one is.
    pub(super) fn rejoin_due(&mut self, now: u64) -> Result<Option<u64>, Failure> {
        while let Some(churn) = &mut self.churn {
            let due = churn.schedule.due();
            if due > now {
                return Ok(Some(due));
            }
            let count = self.subscribers.len().max(1);
            let turns = (churn.turn..churn.turn + count).map(|turn| turn % count);
            let subscribed = |index: &usize| {
                let subscriber = self.subscribers.get(*index);
                subscriber.is_some_and(|s| s.stage == Stage::Subscribed && s.socket.is_some())
            };
            let Some(index) = { turns }.find(subscribed) else {
                // All are on their way; the acknowledgement that comes next makes it due.
                return Ok(None);
            };
            churn.turn = index + 1;
            let since = churn.schedule.take(now);
            self.rejoin(index, since)?;
        }
        Ok(None)
    }

    /// Leaves and comes back at once, which was due at `since` nanoseconds: the server takes the
    /// one after the other.
    fn rejoin(&mut self, index: usize, since: u64) -> Result<(), Failure> {
        let mut bytes = Vec::new();
        let leave = talk::unsubscribe(&self.channel(index));
        wire::append(&mut bytes, Opcode::Text, leave.as_bytes());
        let join = self.subscribe_message(index);
        wire::append(&mut bytes, Opcode::Text, join.as_bytes());
        let Some(subscriber) = self.subscribers.get_mut(index) else {
            return Ok(());
        };
        self.ledger.away(subscriber.channel);
        self.opening += 1;
        subscriber.stage = Stage::Subscribing;
        subscriber.asked = Some(since);
        self.write(index, &bytes)
    }
}
