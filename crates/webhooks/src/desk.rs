//! What happens on an app's channels, until it is told.

mod counts;
mod misses;
mod round;
mod subjects;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::time::Duration;

use foghorn_protocol::{ChannelName, Moment, UserId};

use crate::{Batching, Event, Mark, Subject, Webhooks};
use counts::Counts;
use misses::Misses;
use round::Round;
use subjects::Subjects;

/// Client events that may wait at the desk. Any number may come in a second, and the desk must not
/// outgrow the server while its shell is busy.
pub const CLIENT_EVENTS_WAITING: usize = 10_000;

/// The desk of one app: it is told what happens and decides what receivers hear of it, and when.
///
/// Whoever notes something holds other locks and does not know the time, so noting only changes
/// what is known, in logarithmic time. The shell asks with [`Desk::due`] when a note says so, when
/// [`Desk::next`] has come, and once after the app's webhooks changed.
///
/// Noting again what is known already changes nothing, so after a change of webhooks a node may
/// note everything that is there. A channel or member that no webhook is to hear of is forgotten;
/// who begins to listen later is not told that it goes.
#[derive(Debug)]
pub struct Desk {
    subjects: Subjects,
    counts: Counts,
    misses: Misses,
    client_events: VecDeque<Event>,
    dropped: u64,
    /// The round that was cut because there was too much to look at.
    cut: Option<Cut>,
    held: Option<Held>,
    /// Notes that may come until the shell has to be woken; none: it has been.
    quiet: usize,
}

/// A batch that is open.
#[derive(Debug)]
struct Held {
    due: Due,
    until: Moment,
}

/// What is left of a round.
#[derive(Debug)]
struct Cut {
    agenda: Agenda,
    /// When it was asked for.
    at: Moment,
}

/// How much of each is looked at in a round: what was noted when it began. What is noted later
/// comes in the next one; so a round ends, however much goes on happening.
#[derive(Debug, Default, PartialEq, Eq)]
struct Agenda {
    subjects: usize,
    misses: usize,
    client_events: usize,
    counts: usize,
}

/// The circumstances in which a desk is asked.
#[derive(Clone, Copy, Debug)]
pub struct Turn {
    /// When.
    pub now: Moment,
    /// What becomes of who has gone since it was last asked.
    pub departures: Departures,
    /// How far the app's receivers are.
    pub pace: Pace,
    /// About how much it may look at, at least 1: whoever notes something waits meanwhile.
    pub most: usize,
}

/// Whether an app's receivers keep up with what happens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pace {
    /// They took everything.
    #[default]
    Abreast,
    /// Earlier requests wait: batches that are opened now had better be large.
    Behind,
}

/// What becomes of who goes now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Departures {
    /// Receivers hear of it after the app's delay.
    Told,
    /// They hear of it from the next life of this server, unless who went is back by then: its own
    /// end is no news.
    Kept,
}

/// What is to be told now, and what receivers believe after that.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Due {
    /// In the order in which receivers should hear of them. There is a webhook for each.
    pub events: Vec<Event>,
    /// To be stored together with the deliveries that tell the events; there may be marks without
    /// events, where a webhook only hears of one half.
    pub marks: Vec<Mark>,
}

/// Whether the shell has to be woken, so that it asks what is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Wake {
    /// It has: this is the first thing to be done since it asked.
    Shell,
    /// It will ask anyway, or there is nothing to ask for.
    Nobody,
}

/// How soon the shell has to look at what was noted.
#[derive(Clone, Copy)]
enum Note {
    /// It need not: nothing is new, or it has to look anyway.
    Idle,
    /// With the batch that is open, if one is.
    WithTheBatch,
    /// Now, because a delay begins.
    Now,
}

impl Due {
    fn is_empty(&self) -> bool {
        self.events.is_empty() && self.marks.is_empty()
    }

    fn append(&mut self, later: Self) {
        self.events.extend(later.events);
        self.marks.extend(later.marks);
    }
}

impl Default for Desk {
    fn default() -> Self {
        Self {
            subjects: Subjects::default(),
            counts: Counts::default(),
            misses: Misses::default(),
            client_events: VecDeque::new(),
            dropped: 0,
            cut: None,
            held: None,
            quiet: 1,
        }
    }
}

impl Desk {
    /// A channel has its first subscriber anywhere.
    pub fn occupied(&mut self, channel: &ChannelName) -> Wake {
        let note = self.subjects.came(&channel_subject(channel));
        self.wake_for(note)
    }

    /// Its last subscriber has gone, and its members with it.
    pub fn vacated(&mut self, channel: &ChannelName) -> Wake {
        let note = self.subjects.went(&channel_subject(channel));
        self.wake_for(note)
    }

    /// A user has the first connection on a presence channel, which is occupied by that.
    pub fn member_added(&mut self, channel: &ChannelName, user_id: &UserId) -> Wake {
        // A shell that asks between the two notes must find the channel first.
        let occupied = self.occupied(channel);
        let note = self.subjects.came(&member_subject(channel, user_id));
        match (occupied, self.wake_for(note)) {
            (Wake::Nobody, Wake::Nobody) => Wake::Nobody,
            (Wake::Shell, _) | (_, Wake::Shell) => Wake::Shell,
        }
    }

    /// The last connection of a user has gone from it.
    pub fn member_removed(&mut self, channel: &ChannelName, user_id: &UserId) -> Wake {
        let note = self.subjects.went(&member_subject(channel, user_id));
        self.wake_for(note)
    }

    /// The number of subscriptions of a channel, which is no presence channel, changed to `count`.
    pub fn counted(&mut self, channel: &ChannelName, count: u64) -> Wake {
        let note = self.counts.counted(channel, count);
        self.wake_for(note)
    }

    /// Somebody subscribed to a cache channel that remembers nothing.
    pub fn cache_missed(&mut self, channel: &ChannelName) -> Wake {
        let note = self.misses.missed(channel);
        self.wake_for(note)
    }

    /// A cache channel remembers something now.
    pub fn cache_filled(&mut self, channel: &ChannelName) {
        self.misses.filled(channel);
    }

    /// A client event was accepted. If too many wait, the oldest is dropped.
    pub fn client_event(&mut self, event: Event) -> Wake {
        if self.client_events.len() >= CLIENT_EVENTS_WAITING {
            self.client_events.pop_front();
            self.dropped += 1;
            if let Some(cut) = &mut self.cut {
                let left = &mut cut.agenda.client_events;
                *left = left.saturating_sub(1);
            }
        }
        self.client_events.push_back(event);
        self.wake_for(Note::WithTheBatch)
    }

    /// Client events that were dropped since this was last asked.
    pub fn take_dropped(&mut self) -> u64 {
        std::mem::take(&mut self.dropped)
    }

    /// Receivers were told of these in a former life of the server. Who does not come back in time
    /// is gone; that time begins when the shell asks next, which it has to be woken for.
    pub fn restore(&mut self, told: impl IntoIterator<Item = Subject>) {
        for subject in told {
            self.subjects.restore(subject);
        }
        self.quiet = 0;
    }

    /// For a while nobody noted what happened, so everybody may have gone. Who is noted again
    /// before the shell has asked, or before the delay is over, has not.
    pub fn doubt(&mut self) -> Wake {
        let note = self.subjects.doubt();
        self.wake_for(note)
    }

    /// What is to be told now.
    ///
    /// `mine` says whether it is for this node to tell what all nodes know of a channel: that it
    /// or a member came or went, and its count. If it is not, the desk believes that another one
    /// told it. Client events and misses are known to the node alone on which they happened.
    pub fn due(
        &mut self,
        turn: Turn,
        rules: &Webhooks,
        mine: impl Fn(&ChannelName) -> bool,
    ) -> Due {
        let due = self.decide(Round::new(turn, rules, &mine));
        self.batch(turn, rules.batching, due)
    }

    /// The same as if every batch and every pause ended now: for a server that stops. So do the
    /// delays of who has gone, unless departures are kept.
    pub fn flush(
        &mut self,
        turn: Turn,
        rules: &Webhooks,
        mine: impl Fn(&ChannelName) -> bool,
    ) -> Due {
        let due = self.decide(Round::last(turn, rules, &mine));
        self.batch(turn, Batching::Off, due)
    }

    /// Whether more is due at once than it was to look at.
    #[must_use]
    pub fn has_more(&self) -> bool {
        self.cut.is_some()
    }

    /// When to ask again even if nothing happens.
    #[must_use]
    pub fn next(&self) -> Option<Moment> {
        let times = [
            self.subjects.next(),
            self.counts.next(),
            self.misses.next(),
            self.held.as_ref().map(|held| held.until),
            self.cut.as_ref().map(|cut| cut.at),
        ];
        times.into_iter().flatten().min()
    }

    /// Comings, then what happened, then goings: receivers hear of a channel's other events only
    /// while they believe that it is there.
    fn decide(&mut self, mut round: Round<'_>) -> Due {
        let mut agenda = match self.cut.take() {
            Some(cut) => cut.agenda,
            None => self.agenda(),
        };
        self.subjects.forget_unfollowed(&mut round);
        self.subjects.tell(&mut agenda.subjects, &mut round);
        self.misses.tell(&mut agenda.misses, &mut round);
        while let Some(event) = round.take(&mut self.client_events, &mut agenda.client_events) {
            round.say(event);
        }
        self.counts.tell(&mut agenda.counts, &mut round);
        self.subjects.take_back(&mut round);
        let rest = match round.is_full() {
            true => agenda,
            // What was noted since the round began, by whom nobody was woken any more.
            false => self.agenda(),
        };
        let is_cut = round.is_full() || rest != Agenda::default();
        self.cut = is_cut.then_some(Cut {
            agenda: rest,
            at: round.now,
        });
        round.due
    }

    fn agenda(&self) -> Agenda {
        Agenda {
            subjects: self.subjects.noted(),
            misses: self.misses.noted(),
            client_events: self.client_events.len(),
            counts: self.counts.noted(),
        }
    }

    fn batch(&mut self, turn: Turn, batching: Batching, due: Due) -> Due {
        self.quiet = 1;
        let (window, most) = match batching {
            Batching::Off => (Duration::ZERO, 0),
            // More than that would not wait at the desk either.
            Batching::Within { window, most } => (window, most.min(CLIENT_EVENTS_WAITING)),
        };
        let mut held = match self.held.take() {
            Some(held) => held,
            None if due.is_empty() => return due,
            None => Held {
                due: Due::default(),
                until: turn.now.after(match turn.pace {
                    Pace::Abreast => window,
                    Pace::Behind => window.max(Batching::WINDOW_BEHIND),
                }),
            },
        };
        held.due.append(due);
        let room = most.saturating_sub(held.due.events.len());
        if room == 0 || held.until <= turn.now {
            return held.due;
        }
        self.quiet = room;
        self.held = Some(held);
        Due::default()
    }

    fn wake_for(&mut self, note: Note) -> Wake {
        let before = self.quiet;
        self.quiet = match note {
            Note::Idle => before,
            Note::WithTheBatch => before.saturating_sub(1),
            Note::Now => 0,
        };
        if before > 0 && self.quiet == 0 {
            Wake::Shell
        } else {
            Wake::Nobody
        }
    }
}

fn channel_subject(channel: &ChannelName) -> Subject {
    Subject {
        channel: channel.clone(),
        user_id: None,
    }
}

fn member_subject(channel: &ChannelName, user_id: &UserId) -> Subject {
    Subject {
        channel: channel.clone(),
        user_id: Some(user_id.clone()),
    }
}
