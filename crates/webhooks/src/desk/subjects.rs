//! Which channels and members are there, and which of them receivers believe to be there.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Bound;

use foghorn_protocol::Moment;

use super::Note;
use super::round::Round;
use crate::{Kind, Subject};

/// Those that somebody is to be told of, those that somebody was told of, and nobody else.
#[derive(Debug)]
pub(super) struct Subjects {
    present: BTreeMap<Subject, Presence>,
    /// Each of which `noted` is set, in the order in which that happened. A member is behind its
    /// channel.
    noted: VecDeque<Subject>,
    /// Each that is `Leaving`, by the end of its delay.
    leaving: BTreeSet<(Moment, Subject)>,
    /// Whether the last round's webhooks heard of channels, and of members.
    followed: Followed,
}

#[derive(Debug)]
struct Presence {
    standing: Standing,
    noted: bool,
}

/// What is true and what receivers believe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// It is there, and nobody has been told.
    Came,
    /// It was there, and nobody has been told.
    CameAndWent,
    /// It is there, and receivers believe so.
    Known,
    /// It is gone, nobody has been told, and the delay has yet to begin.
    Gone,
    /// Receivers have believed since a former life that it is there; the delay has yet to begin.
    Restored,
    /// The same, until the delay ends.
    Leaving(Moment),
}

#[derive(Clone, Copy, Debug)]
struct Followed {
    channels: bool,
    members: bool,
}

impl Default for Subjects {
    fn default() -> Self {
        Self {
            present: BTreeMap::new(),
            noted: VecDeque::new(),
            leaving: BTreeSet::new(),
            // What a former life left is looked through once.
            followed: Followed {
                channels: true,
                members: true,
            },
        }
    }
}

impl Subjects {
    pub(super) fn came(&mut self, subject: &Subject) -> Note {
        let Some(presence) = self.present.get_mut(subject) else {
            let noted = Presence {
                standing: Standing::Came,
                noted: true,
            };
            self.present.insert(subject.clone(), noted);
            self.noted.push_back(subject.clone());
            return Note::WithTheBatch;
        };
        presence.standing = match presence.standing {
            Standing::Came | Standing::CameAndWent => Standing::Came,
            Standing::Known | Standing::Gone | Standing::Restored => Standing::Known,
            Standing::Leaving(until) => {
                self.leaving.remove(&(until, subject.clone()));
                Standing::Known
            }
        };
        Note::Idle
    }

    pub(super) fn went(&mut self, subject: &Subject) -> Note {
        let Some(presence) = self.present.get_mut(subject) else {
            return Note::Idle;
        };
        presence.standing = match presence.standing {
            Standing::Came => Standing::CameAndWent,
            Standing::Known => Standing::Gone,
            Standing::CameAndWent | Standing::Gone | Standing::Restored | Standing::Leaving(_) => {
                return Note::Idle;
            }
        };
        if !presence.noted {
            presence.noted = true;
            self.noted.push_back(subject.clone());
        }
        Note::Now
    }

    /// See `Desk::doubt`.
    pub(super) fn doubt(&mut self) -> Note {
        for (subject, presence) in &mut self.present {
            presence.standing = match presence.standing {
                Standing::Came => Standing::CameAndWent,
                Standing::Known => Standing::Gone,
                Standing::CameAndWent
                | Standing::Gone
                | Standing::Restored
                | Standing::Leaving(_) => continue,
            };
            if !presence.noted {
                presence.noted = true;
                self.noted.push_back(subject.clone());
            }
        }
        Note::Now
    }

    /// See `Desk::restore`.
    pub(super) fn restore(&mut self, subject: Subject) {
        match self.present.entry(subject) {
            Entry::Vacant(vacant) => {
                self.noted.push_back(vacant.key().clone());
                vacant.insert(Presence {
                    standing: Standing::Restored,
                    noted: true,
                });
            }
            Entry::Occupied(mut occupied) => {
                let standing = &mut occupied.get_mut().standing;
                *standing = match *standing {
                    Standing::Came => Standing::Known,
                    Standing::CameAndWent => Standing::Gone,
                    told => told,
                };
            }
        }
    }

    /// When the next delay ends.
    pub(super) fn next(&self) -> Option<Moment> {
        self.leaving.first().map(|(until, _)| *until)
    }

    /// Forgets all channels, or all members, if no webhook hears of them any more: nobody will
    /// note that they go.
    pub(super) fn forget_unfollowed(&mut self, round: &mut Round<'_>) {
        let follows = Followed {
            channels: round.rules.follows(Kind::ChannelOccupied),
            members: round.rules.follows(Kind::MemberAdded),
        };
        let channels = self.followed.channels && !follows.channels;
        let members = self.followed.members && !follows.members;
        self.followed = follows;
        if !channels && !members {
            return;
        }
        let is_forgotten = |subject: &&Subject| match subject.user_id {
            None => channels,
            Some(_) => members,
        };
        let forgotten: Vec<_> = self.present.keys().filter(is_forgotten).cloned().collect();
        for subject in forgotten {
            self.remove(subject, round);
        }
    }

    /// How many have been noted.
    pub(super) fn noted(&self) -> usize {
        self.noted.len()
    }

    /// Tells what came, and begins the delays of what went, of the first `noted`.
    pub(super) fn tell(&mut self, noted: &mut usize, round: &mut Round<'_>) {
        let end_of_delay = round.end_of(round.rules.delay);
        let end_after_restart = round.end_of(round.rules.delay_after_restart());
        while let Some(subject) = round.take(&mut self.noted, noted) {
            let Some(presence) = self.present.get_mut(&subject).filter(|each| each.noted) else {
                continue;
            };
            presence.noted = false;
            if matches!(presence.standing, Standing::Came | Standing::CameAndWent) {
                if !round.follows(&subject) {
                    self.present.remove(&subject);
                    continue;
                }
                round.told(&subject);
            }
            presence.standing = match presence.standing {
                Standing::Came | Standing::Known => Standing::Known,
                Standing::CameAndWent | Standing::Gone => Standing::Leaving(end_of_delay),
                Standing::Restored => Standing::Leaving(end_after_restart),
                leaving @ Standing::Leaving(_) => leaving,
            };
            if let Standing::Leaving(until) = presence.standing {
                self.leaving.insert((until, subject));
            }
        }
    }

    /// Takes back what has been gone for the delay; members before their channel, which cannot
    /// have any when it has no subscribers.
    pub(super) fn take_back(&mut self, round: &mut Round<'_>) {
        while !round.is_full() {
            let Some(first) = self.leaving.first().filter(|first| first.0 <= round.gone) else {
                return;
            };
            let subject = &first.1;
            let members = match subject.user_id {
                None => self.members(subject, round.left()),
                Some(_) => Vec::new(),
            };
            round.spend(members.len());
            for member in members {
                self.remove(member, round);
            }
            if !round.is_full()
                && let Some((_, subject)) = self.leaving.pop_first()
            {
                round.spend(1);
                self.remove(subject, round);
            }
        }
    }

    fn members(&self, channel: &Subject, most: usize) -> Vec<Subject> {
        let behind = (Bound::Excluded(channel), Bound::Unbounded);
        let members = self.present.range(behind).map(|(subject, _)| subject);
        members
            .take_while(|subject| subject.channel == channel.channel)
            .take(most)
            .cloned()
            .collect()
    }

    fn remove(&mut self, subject: Subject, round: &mut Round<'_>) {
        let Some(presence) = self.present.remove(&subject) else {
            return;
        };
        match presence.standing {
            Standing::Came | Standing::CameAndWent => return,
            Standing::Known | Standing::Gone | Standing::Restored => {}
            Standing::Leaving(until) => {
                self.leaving.remove(&(until, subject.clone()));
            }
        }
        round.taken_back(subject);
    }
}

#[cfg(test)]
impl Subjects {
    pub(super) fn is_empty(&self) -> bool {
        self.present.is_empty() && self.noted.is_empty() && self.leaving.is_empty()
    }
}
