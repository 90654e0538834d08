//! Subscribers that leave their channel and come back, again and again.

use std::ops::Range;

use foghorn_cli::Failure;

use super::{Crowd, Stage, Subscriber};
use crate::pace::{Pace, Schedule};
use crate::talk;
use crate::wire::{self, Opcode};

/// What subscribers do in their turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Habit {
    /// They leave and come back at once; without a rate all of them do.
    Return,
    /// They come, and leave when that is acknowledged, so that each has been away for as long as
    /// the others take; without a rate one does at a time.
    Visit,
}

/// Whose turn it is, and when.
pub(super) struct Churn {
    habit: Habit,
    pace: Pace,
    /// There is none while all stay as they are.
    schedule: Option<Schedule>,
    turn: usize,
}

impl Habit {
    /// Whether a subscriber may have its turn.
    fn suits(self, subscriber: &Subscriber) -> bool {
        let before = match self {
            Self::Return => Stage::Subscribed,
            Self::Visit => Stage::Away,
        };
        subscriber.stage == before && subscriber.socket.is_some()
    }
}

impl Crowd {
    /// Gives subscribers a habit, before they are opened.
    pub(crate) fn prepare_churn(&mut self, habit: Habit, pace: Pace) {
        self.churn = Some(Churn {
            habit,
            pace,
            schedule: None,
            turn: 0,
        });
    }

    /// Lets subscribers follow their habit in turn within a stretch of time, in nanoseconds.
    pub(crate) fn start_churn(&mut self, stretch: Range<u64>) {
        if let Some(churn) = &mut self.churn {
            churn.schedule = Some(Schedule::start(churn.pace, stretch));
        }
    }

    /// Lets them stay as they are.
    pub(crate) fn stop_churn(&mut self) {
        if let Some(churn) = &mut self.churn {
            churn.schedule = None;
        }
    }

    /// Lets those rejoin who are due; gives the next moment at which one is.
    pub(super) fn rejoin_due(&mut self, now: u64) -> Result<Option<u64>, Failure> {
        while let Some(churn) = &mut self.churn
            && let Some(schedule) = &mut churn.schedule
        {
            let due = schedule.due();
            if due > now {
                return Ok(Some(due));
            }
            let (habit, count) = (churn.habit, self.subscribers.len().max(1));
            let one = habit == Habit::Visit && matches!(churn.pace, Pace::Closed);
            let mut turns = (churn.turn..churn.turn + count).map(|turn| turn % count);
            let suits =
                |index: &usize| self.subscribers.get(*index).is_some_and(|s| habit.suits(s));
            let next = turns.find(suits);
            let Some(index) = next.filter(|_| !one || self.opening == 0) else {
                // The acknowledgement that comes next makes it due.
                return Ok(None);
            };
            churn.turn = index + 1;
            let since = schedule.take(now);
            let mut frames = Vec::new();
            if habit == Habit::Return {
                self.leave(index, &mut frames);
            }
            self.come(index, since, frames)?;
        }
        Ok(None)
    }

    /// What a subscriber does when it is acknowledged.
    pub(super) fn visited(&mut self, index: usize) -> Result<(), Failure> {
        let habit = self.churn.as_ref().map(|churn| churn.habit);
        if habit != Some(Habit::Visit) {
            return Ok(());
        }
        let mut frames = Vec::new();
        self.leave(index, &mut frames);
        self.write(index, &frames)
    }

    /// Appends to `frames` what unsubscribes.
    fn leave(&mut self, index: usize, frames: &mut Vec<u8>) {
        let message = talk::unsubscribe(&self.channel(index));
        wire::append(frames, Opcode::Text, message.as_bytes());
        if let Some(subscriber) = self.subscribers.get_mut(index) {
            self.ledger.away(subscriber.channel);
            subscriber.stage = Stage::Away;
        }
    }

    /// Writes `frames` and what subscribes, which was due at `since` nanoseconds.
    fn come(&mut self, index: usize, since: u64, mut frames: Vec<u8>) -> Result<(), Failure> {
        let message = self.subscribe_message(index);
        wire::append(&mut frames, Opcode::Text, message.as_bytes());
        let Some(subscriber) = self.subscribers.get_mut(index) else {
            return Ok(());
        };
        subscriber.stage = Stage::Subscribing;
        subscriber.asked = Some(since);
        self.opening += 1;
        self.write(index, &frames)
    }
}
