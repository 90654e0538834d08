//! One answer to the question what is due.

use std::collections::VecDeque;
use std::time::Duration;

use foghorn_protocol::{ChannelName, Moment};

use super::{Departures, Due, Turn};
use crate::{Event, Kind, Mark, Subject, Webhooks};

/// The circumstances of a decision, and what has been decided.
pub(super) struct Round<'a> {
    pub(super) now: Moment,
    /// Whose delay ends until then is gone.
    pub(super) gone: Moment,
    /// What is held back until then need not wait any longer.
    pub(super) held_back: Moment,
    departures: Departures,
    /// What may still be looked at.
    left: usize,
    pub(super) rules: &'a Webhooks,
    mine: &'a dyn Fn(&ChannelName) -> bool,
    pub(super) due: Due,
}

impl<'a> Round<'a> {
    pub(super) fn new(
        turn: Turn,
        rules: &'a Webhooks,
        mine: &'a dyn Fn(&ChannelName) -> bool,
    ) -> Self {
        let Turn {
            now,
            departures,
            most,
            ..
        } = turn;
        Self {
            now,
            gone: now,
            held_back: now,
            departures,
            left: most,
            rules,
            mine,
            due: Due::default(),
        }
    }

    /// The round after which there is none.
    pub(super) fn last(
        turn: Turn,
        rules: &'a Webhooks,
        mine: &'a dyn Fn(&ChannelName) -> bool,
    ) -> Self {
        let end_of_time = Moment::default().after(Duration::MAX);
        Self {
            gone: match turn.departures {
                Departures::Told => end_of_time,
                Departures::Kept => turn.now,
            },
            held_back: end_of_time,
            ..Self::new(turn, rules, mine)
        }
    }

    /// Whether the rest has to wait for the next round.
    pub(super) fn is_full(&self) -> bool {
        self.left == 0
    }

    /// How much may still be looked at.
    pub(super) fn left(&self) -> usize {
        self.left
    }

    /// Something was looked at.
    pub(super) fn spend(&mut self, things: usize) {
        self.left = self.left.saturating_sub(things);
    }

    /// Takes one of those that were noted when the round began, if there is one and room for it.
    pub(super) fn take<T>(&mut self, noted: &mut VecDeque<T>, count: &mut usize) -> Option<T> {
        if *count == 0 || self.is_full() {
            return None;
        }
        *count -= 1;
        self.spend(1);
        let first = noted.pop_front();
        if noted.is_empty() {
            // One crowd must not cost memory for ever.
            *noted = VecDeque::new();
        }
        first
    }

    /// When the delay ends that begins now, and is so long unless a next life has to end it.
    pub(super) fn end_of(&self, delay: Duration) -> Moment {
        self.now.after(match self.departures {
            Departures::Told => delay,
            Departures::Kept => Duration::MAX,
        })
    }

    /// Whether a webhook hears of the subject's coming or going.
    pub(super) fn follows(&self, subject: &Subject) -> bool {
        let (coming, going) = match &subject.user_id {
            None => (Kind::ChannelOccupied, Kind::ChannelVacated),
            Some(_) => (Kind::MemberAdded, Kind::MemberRemoved),
        };
        self.rules.wants_on(coming, &subject.channel)
            || self.rules.wants_on(going, &subject.channel)
    }

    /// Tells what happened on this node.
    pub(super) fn say(&mut self, event: Event) {
        if self.rules.wants(&event) {
            self.due.events.push(event);
        }
    }

    /// Tells what all nodes know, if this is the one to tell it.
    pub(super) fn say_if_mine(&mut self, event: Event) {
        if (self.mine)(event.channel()) {
            self.say(event);
        }
    }

    /// Tells that the subject came.
    pub(super) fn told(&mut self, subject: &Subject) {
        if (self.mine)(&subject.channel) {
            self.due.marks.push(Mark::Told(subject.clone()));
            let channel = subject.channel.clone();
            self.say(match subject.user_id.clone() {
                None => Event::ChannelOccupied { channel },
                Some(user_id) => Event::MemberAdded { channel, user_id },
            });
        }
    }

    /// Tells that the subject is gone.
    pub(super) fn taken_back(&mut self, subject: Subject) {
        if (self.mine)(&subject.channel) {
            self.due.marks.push(Mark::TakenBack(subject.clone()));
            let Subject { channel, user_id } = subject;
            self.say(match user_id {
                None => Event::ChannelVacated { channel },
                Some(user_id) => Event::MemberRemoved { channel, user_id },
            });
        }
    }
}
