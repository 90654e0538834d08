//! Cache channels that were found empty.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use foghorn_protocol::{ChannelName, Moment};

use super::Note;
use super::round::Round;
use crate::Event;

/// How long a channel that stays empty is not told of again (webhooks.md §2).
const PAUSE: Duration = Duration::from_secs(10);

/// One webhook for all who find a channel empty, until it is filled or the pause is over.
#[derive(Debug, Default)]
pub(super) struct Misses {
    empty: BTreeMap<ChannelName, Empty>,
    noted: VecDeque<ChannelName>,
    /// Each that is `Told`, by the end of its pause.
    told: BTreeSet<(Moment, ChannelName)>,
}

#[derive(Clone, Copy, Debug)]
enum Empty {
    /// Nobody has been told.
    Noted,
    /// Nobody has been told, and it is not empty any more.
    Filled,
    /// Receivers know.
    Told { until: Moment, again: bool },
}

impl Misses {
    pub(super) fn missed(&mut self, channel: &ChannelName) -> Note {
        let is_noted = match self.empty.get_mut(channel) {
            None => {
                self.empty.insert(channel.clone(), Empty::Noted);
                false
            }
            Some(empty @ (Empty::Noted | Empty::Filled)) => {
                *empty = Empty::Noted;
                true
            }
            // Whether its pause is over is not known here.
            Some(Empty::Told { again, .. }) => std::mem::replace(again, true),
        };
        if is_noted {
            return Note::Idle;
        }
        self.noted.push_back(channel.clone());
        Note::WithTheBatch
    }

    pub(super) fn filled(&mut self, channel: &ChannelName) {
        match self.empty.get_mut(channel) {
            None => {}
            Some(empty @ (Empty::Noted | Empty::Filled)) => *empty = Empty::Filled,
            Some(&mut Empty::Told { until, .. }) => {
                self.empty.remove(channel);
                self.told.remove(&(until, channel.clone()));
            }
        }
    }

    /// When the next pause is over and something can be forgotten.
    pub(super) fn next(&self) -> Option<Moment> {
        self.told.first().map(|(until, _)| *until)
    }

    /// How many have been noted.
    pub(super) fn noted(&self) -> usize {
        self.noted.len()
    }

    /// Tells of the first `noted`.
    pub(super) fn tell(&mut self, noted: &mut usize, round: &mut Round<'_>) {
        while let Some(channel) = round.take(&mut self.noted, noted) {
            match self.empty.get_mut(&channel) {
                Some(Empty::Told { until, again }) if *again && *until > round.now => {
                    *again = false;
                    continue;
                }
                // Filled since it was noted, or noted twice.
                None | Some(Empty::Told { again: false, .. }) => continue,
                Some(&mut Empty::Told { until, .. }) => {
                    self.told.remove(&(until, channel.clone()));
                    self.begin_pause(channel.clone(), round.now);
                }
                Some(Empty::Noted) => self.begin_pause(channel.clone(), round.now),
                Some(Empty::Filled) => {
                    self.empty.remove(&channel);
                }
            }
            round.say(Event::CacheMiss { channel });
        }
        while self.next().is_some_and(|until| until <= round.now) {
            if let Some((_, channel)) = self.told.pop_first() {
                self.empty.remove(&channel);
            }
        }
    }

    fn begin_pause(&mut self, channel: ChannelName, now: Moment) {
        let until = now.after(PAUSE);
        self.told.insert((until, channel.clone()));
        let told = Empty::Told {
            until,
            again: false,
        };
        self.empty.insert(channel, told);
    }
}

#[cfg(test)]
impl Misses {
    pub(super) fn is_empty(&self) -> bool {
        self.empty.is_empty() && self.noted.is_empty() && self.told.is_empty()
    }
}
