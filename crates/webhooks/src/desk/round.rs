//! One answer to the question what is due.

use foghorn_protocol::{ChannelName, Moment};

use super::Due;
use crate::{Event, Kind, Mark, Subject, Webhooks};

/// The circumstances of a decision, and what has been decided.
pub(super) struct Round<'a> {
    pub(super) now: Moment,
    /// What waits until then need not wait any longer.
    pub(super) until: Moment,
    pub(super) rules: &'a Webhooks,
    mine: &'a dyn Fn(&ChannelName) -> bool,
    pub(super) due: Due,
}

impl<'a> Round<'a> {
    pub(super) fn new(
        now: Moment,
        rules: &'a Webhooks,
        mine: &'a dyn Fn(&ChannelName) -> bool,
    ) -> Self {
        Self {
            now,
            until: now,
            rules,
            mine,
            due: Due::default(),
        }
    }

    /// The round after which there is none.
    pub(super) fn last(
        now: Moment,
        rules: &'a Webhooks,
        mine: &'a dyn Fn(&ChannelName) -> bool,
    ) -> Self {
        let end_of_time = Moment::default().after(std::time::Duration::MAX);
        Self {
            until: end_of_time,
            ..Self::new(now, rules, mine)
        }
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
