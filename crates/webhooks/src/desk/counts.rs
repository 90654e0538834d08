//! How many subscriptions channels have.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use foghorn_protocol::{ChannelName, Moment};

use super::Note;
use super::round::Round;
use crate::{Event, Kind};

/// Up to here every change is told at once (webhooks.md §2).
const CROWD: u64 = 100;
/// Above that, the time between two (webhooks.md §2).
const PAUSE: Duration = Duration::from_secs(5);
/// Changes of one channel that are kept apart until the shell asks.
const STEPS: usize = 100;

/// The channels that have been counted and are not empty.
#[derive(Debug, Default)]
pub(super) struct Counts {
    counted: BTreeMap<ChannelName, Count>,
    /// Each that has steps.
    noted: VecDeque<ChannelName>,
    /// Each that has `later`.
    waiting: BTreeSet<(Moment, ChannelName)>,
}

#[derive(Debug, Default)]
struct Count {
    /// What was noted since the last round.
    steps: Vec<u64>,
    told: Option<Told>,
    /// What is told when the pause is over, and when that is.
    later: Option<(Moment, u64)>,
}

#[derive(Clone, Copy, Debug)]
struct Told {
    count: u64,
    at: Moment,
}

impl Counts {
    pub(super) fn counted(&mut self, channel: &ChannelName, count: u64) -> Note {
        let known = match self.counted.get_mut(channel) {
            // Nobody was told that it was more.
            None if count == 0 => return Note::Idle,
            None => self.counted.entry(channel.clone()).or_default(),
            Some(known) => known,
        };
        let is_first = known.steps.is_empty();
        let is_full = known.steps.len() >= STEPS;
        match known.steps.last_mut() {
            Some(last) if is_full || (*last > CROWD && count > CROWD) => *last = count,
            _ => known.steps.push(count),
        }
        if !is_first {
            return Note::Idle;
        }
        self.noted.push_back(channel.clone());
        Note::WithTheBatch
    }

    /// When the next pause ends.
    pub(super) fn next(&self) -> Option<Moment> {
        self.waiting.first().map(|(at, _)| *at)
    }

    /// How many have been noted.
    pub(super) fn noted(&self) -> usize {
        self.noted.len()
    }

    /// Tells the numbers of the first `noted`, and those whose pause is over.
    pub(super) fn tell(&mut self, noted: &mut usize, round: &mut Round<'_>) {
        if !round.rules.wants_kind(Kind::SubscriptionCount) {
            *self = Self::default();
            return;
        }
        while let Some(channel) = round.take(&mut self.noted, noted) {
            self.look(&channel, round);
        }
        while !round.is_full() && self.next().is_some_and(|at| at <= round.held_back) {
            round.spend(1);
            if let Some((_, channel)) = self.waiting.pop_first() {
                self.end_pause(&channel, round);
            }
        }
    }

    /// Goes through the steps of a channel.
    fn look(&mut self, channel: &ChannelName, round: &mut Round<'_>) {
        let Some(known) = self.counted.get_mut(channel) else {
            return;
        };
        if let Some((at, _)) = known.later {
            self.waiting.remove(&(at, channel.clone()));
        }
        round.spend(known.steps.len());
        for count in std::mem::take(&mut known.steps) {
            known.later = None;
            match known.told {
                Some(told) if told.count == count => {}
                Some(told) if count > CROWD && round.now < told.at.after(PAUSE) => {
                    known.later = Some((told.at.after(PAUSE), count));
                }
                _ => known.tell(channel, count, round),
            }
        }
        if let Some((at, _)) = known.later {
            self.waiting.insert((at, channel.clone()));
        }
        self.forget_needless(channel, round);
    }

    fn end_pause(&mut self, channel: &ChannelName, round: &mut Round<'_>) {
        let Some(known) = self.counted.get_mut(channel) else {
            return;
        };
        if let Some((_, count)) = known.later.take() {
            known.tell(channel, count, round);
        }
        self.forget_needless(channel, round);
    }

    /// An empty channel need not be known, nor one of which nobody hears.
    fn forget_needless(&mut self, channel: &ChannelName, round: &Round<'_>) {
        let is_empty =
            |known: &Count| known.later.is_none() && known.told.is_some_and(|told| told.count == 0);
        if self.counted.get(channel).is_some_and(is_empty)
            || !round.rules.wants_on(Kind::SubscriptionCount, channel)
        {
            let known = self.counted.remove(channel);
            if let Some((at, _)) = known.and_then(|known| known.later) {
                self.waiting.remove(&(at, channel.clone()));
            }
        }
    }
}

impl Count {
    fn tell(&mut self, channel: &ChannelName, count: u64, round: &mut Round<'_>) {
        self.told = Some(Told {
            count,
            at: round.now,
        });
        round.say_if_mine(Event::SubscriptionCount {
            channel: channel.clone(),
            count,
        });
    }
}

#[cfg(test)]
impl Counts {
    pub(super) fn is_empty(&self) -> bool {
        self.counted.is_empty() && self.noted.is_empty() && self.waiting.is_empty()
    }
}
