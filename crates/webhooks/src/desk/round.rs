//! One answer to the question what is due.

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
            now, departures, ..
        } = turn;
        Self {
            now,
            gone: now,
            held_back: now,
            departures,
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
