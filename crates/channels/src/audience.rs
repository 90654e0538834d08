//! One channel's subscribers: the operation queue and everything that changes with it, under one
//! lock.
//!
//! Nothing here delivers. Each step appends operations, in an order that makes the protocol's
//! promises hold by construction, and [`crate::drain`] carries them out.

mod arrival;
mod counting;
mod membership;
mod queue;
mod remembering;

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::task::Waker;

use foghorn_protocol::{Member, SocketId};

use crate::announce::{Change, Counting, Joining, News};
use crate::hash::HashSeed;
use crate::key::Key;
use crate::members::Members;
use crate::memory::Memory;
use crate::op::Op;
use crate::request::{Cached, Occupancy};
use crate::roster::Roster;
use crate::sync::{Mutex, MutexGuard};
use crate::tally::Tally;

use arrival::{Arrival, Owed};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Link {
    /// Nobody here: the topic is not wanted.
    Unwanted,
    Awaited,
    Joined,
}

pub(crate) struct Audience {
    key: Key,
    /// Messages that were delivered, here and in the app's other audiences.
    tally: Arc<Tally>,
    state: Mutex<State>,
}

pub(crate) struct State {
    queue: VecDeque<Op>,
    /// The number of the operation that was appended last; those in the queue are the last ones.
    appended: u64,
    /// Newcomers whose place is behind operations that have yet to be carried out.
    arrivals: VecDeque<Arrival>,
    /// Who has left while somebody else has the list, and is to be taken off it.
    leaving: BTreeSet<SocketId>,
    /// What some of those are owed who came back meanwhile, and went again.
    owed: Vec<Owed>,
    queued_sends: usize,
    queued_bytes: usize,
    /// INV-BATON-1: whoever takes the list out drains; `None` means that somebody else is draining.
    /// It is put back under the lock that found the queue empty.
    members: Option<Box<Members>>,
    link: Link,
    here: u32,
    elsewhere: u64,
    roster: Option<Box<Roster>>,
    counted: Counted,
    /// Numbers that may be told at once.
    told_at_once: u16,
    /// Publishers who wait until less is queued, in the order of their tickets.
    waiting: VecDeque<Option<Waker>>,
    /// The ticket of the first of them; whoever has a lower one may go on.
    next_ticket: u64,
    /// The event that was appended last; INV-CACHE-1.
    cached: Option<Cached>,
    /// Whether somebody was told since that there is none.
    cache_missed: bool,
    retired: bool,
}

/// The number of subscriptions that subscribers were told last.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Counted {
    /// They are told none.
    Never,
    /// This one; 0 if there was nobody to tell.
    Last(u64),
}

/// The narrow way out of the lock: announcing, in the order of the queue.
pub(crate) trait Outlet {
    fn interest(&self, key: &Key) -> Joining;
    fn lost_interest(&self, key: &Key);
    fn changed(&self, key: &Key, change: Change<'_>);
    fn count_waits(&self, key: &Key);
    fn happened(&self, key: &Key, news: News<'_>);
    fn memory(&self) -> &Memory;
    fn remove(&self, audience: &Arc<Audience>);
}

impl Audience {
    pub(crate) fn new(key: Key, counting: Counting, tally: Arc<Tally>, seed: HashSeed) -> Self {
        let kind = key.channel().map(foghorn_protocol::ChannelName::kind);
        let presence = kind.is_some_and(foghorn_protocol::ChannelKind::is_presence);
        let state = State {
            queue: VecDeque::new(),
            appended: 0,
            arrivals: VecDeque::new(),
            leaving: BTreeSet::new(),
            owed: Vec::new(),
            queued_sends: 0,
            queued_bytes: 0,
            members: Some(Box::new(Members::new(seed))),
            link: Link::Unwanted,
            here: 0,
            elsewhere: 0,
            roster: presence.then(Box::default),
            counted: match counting {
                Counting::Told => Counted::Last(0),
                Counting::Silent => Counted::Never,
            },
            told_at_once: counting::TOLD_AT_ONCE,
            waiting: VecDeque::new(),
            next_ticket: 0,
            cached: None,
            cache_missed: false,
            retired: false,
        };
        Self {
            key,
            tally,
            state: Mutex::new(state),
        }
    }

    pub(crate) fn key(&self) -> &Key {
        &self.key
    }

    pub(crate) fn tally(&self) -> &Tally {
        &self.tally
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// Removes the audience if nothing is left of it. Called with its own lock held, and only while
    /// the delivery list is at home, so a late comer either finds it alive or sees the mark.
    pub(crate) fn settle(self: &Arc<Self>, state: &mut State, outlet: &impl Outlet) {
        if state.here > 0 || !state.is_at_rest() {
            return;
        }
        if state.link != Link::Unwanted {
            state.link = Link::Unwanted;
            outlet.lost_interest(&self.key);
        }
        let known_elsewhere = state.elsewhere > 0 || state.users() > 0;
        if !known_elsewhere && state.cached.is_none() && !state.retired {
            state.retired = true;
            outlet.remove(self);
        }
    }
}

impl State {
    pub(crate) fn is_retired(&self) -> bool {
        self.retired
    }

    /// Whether the topic is wanted: somebody is here, or operations wait for it to be joined.
    pub(crate) fn wants_topic(&self) -> bool {
        self.here > 0 || self.link == Link::Awaited
    }

    pub(crate) fn occupancy(&self) -> Occupancy {
        Occupancy {
            subscriptions: self.subscriptions(),
            users: self.users(),
        }
    }

    pub(crate) fn members(&self) -> Vec<Member> {
        self.roster
            .as_ref()
            .map(|roster| roster.members())
            .unwrap_or_default()
    }

    fn subscriptions(&self) -> u64 {
        u64::from(self.here) + self.elsewhere
    }

    fn users(&self) -> usize {
        self.roster.as_ref().map_or(0, |roster| roster.len())
    }
}
