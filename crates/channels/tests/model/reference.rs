//! The model: one audience that does everything at once, in the order in which it is asked.

use std::collections::{BTreeMap, BTreeSet};

use foghorn_channels::{Cached, Hearing, Key, Target};
use foghorn_protocol::{Frame, Moment, ServerMessage, UserId};

use crate::world::{
    acknowledged, channel, close, closing, counted, member, missed, name, text, user,
};

/// What a send is about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Matter {
    Event,
    Members,
    Count,
}

/// Numbers that a channel tells at once before the next has to wait.
const AT_ONCE: u16 = 200;

pub(crate) struct Seat {
    pub(crate) id: u64,
    pub(crate) user: Option<String>,
    hearing: Hearing,
}

/// A newcomer to a cache channel who waits for the topic to be joined.
struct Parked {
    id: u64,
    /// Which of its stays that is.
    stay: usize,
    /// The place of the cached event, or of its lack, among what it heard.
    place: usize,
}

pub(crate) struct Reference {
    key: Key,
    pub(crate) seats: Vec<Seat>,
    pub(crate) elsewhere: u32,
    pub(crate) users_elsewhere: BTreeSet<String>,
    /// What each connection got, in the end, one stay after the other.
    pub(crate) heard: BTreeMap<u64, Vec<Vec<String>>>,
    /// What the rest of the cluster was told since the last look.
    pub(crate) said: Vec<String>,
    told: u64,
    at_once: u16,
    last: Option<Cached>,
    /// Whether a newcomer was told since that there is none.
    missed: bool,
    parked: Vec<Parked>,
}

impl Reference {
    pub(crate) fn new(key: Key) -> Self {
        Self {
            key,
            seats: Vec::new(),
            elsewhere: 0,
            users_elsewhere: BTreeSet::new(),
            heard: BTreeMap::new(),
            said: Vec::new(),
            told: 0,
            at_once: AT_ONCE,
            last: None,
            missed: false,
            parked: Vec::new(),
        }
    }

    pub(crate) fn is_cache(&self) -> bool {
        self.key.channel().is_some_and(|name| name.kind().cache)
    }

    pub(crate) fn is_presence(&self) -> bool {
        let channel = self.key.channel();
        channel.is_some_and(|name| name.kind().is_presence())
    }

    fn is_counted(&self) -> bool {
        name(&self.key).contains("counted")
    }

    pub(crate) fn subscriptions(&self) -> u64 {
        self.seats.len() as u64 + u64::from(self.elsewhere)
    }

    pub(crate) fn seat(&self, id: u64) -> Option<&Seat> {
        self.seats.iter().find(|seat| seat.id == id)
    }

    /// Distinct users on all nodes, in the order of their ids.
    pub(crate) fn users(&self) -> BTreeSet<String> {
        let here = self.seats.iter().filter_map(|seat| seat.user.clone());
        here.chain(self.users_elsewhere.iter().cloned()).collect()
    }

    /// The last event that still lives.
    pub(crate) fn last(&self, now: Moment) -> Option<&Cached> {
        self.last.as_ref().filter(|cached| cached.until > now)
    }

    pub(crate) fn is_later(&self, cached: &Cached) -> bool {
        let rank = |cached: &Cached| (cached.version, cached.frame.text().to_vec());
        self.last.as_ref().map(rank) < Some(rank(cached))
    }

    pub(crate) fn join(&mut self, seat: (u64, Hearing), greeting: Option<&Frame>, now: Moment) {
        let (id, hearing) = seat;
        let user = self.is_presence().then(|| user_of(id));
        let (mut facts, mut news) = (Vec::new(), Vec::new());
        if let Some(user) = &user {
            if !self.users().contains(user) {
                self.tell_added(user);
                news.extend([format!("now with {user}")]);
            }
            if !self.is_here(user) {
                facts.extend([format!("joined {user} of")]);
            }
        }
        self.seats.push(Seat { id, user, hearing });
        self.say(&format!("count {} of", self.seats.len()));
        if self.subscriptions() == 1 {
            facts.push("now occupied".to_owned());
        }
        for said in facts.iter().chain(&news) {
            self.say(said);
        }
        let greeting = match &self.key.target {
            Target::Watchers(_) => None,
            Target::Recipient(_) if self.is_presence() => Some(self.roster()),
            Target::Recipient(recipient) => match recipient.channel() {
                Some(_) => Some(acknowledged(&self.key)),
                None => greeting.map(text),
            },
        };
        let cached = self.is_cache().then(|| self.cached_part(now));
        let stays = self.heard.entry(id).or_default();
        stays.push(Vec::from_iter(greeting));
        if let Some(cached) = cached {
            let stay = stays.len() - 1;
            let place = stays[stay].len();
            stays[stay].push(cached);
            self.parked.push(Parked { id, stay, place });
        }
        self.recount();
    }

    /// What a newcomer hears of the cache.
    fn cached_part(&mut self, now: Moment) -> String {
        match self.last(now).map(|last| text(&last.frame)) {
            Some(cached) => cached,
            None => {
                self.missed = true;
                self.say("now missed");
                missed(&self.key)
            }
        }
    }

    pub(crate) fn leave(&mut self, id: u64) {
        let at = self.seats.iter().position(|seat| seat.id == id).unwrap();
        let gone = self.seats.remove(at);
        if let Some(user) = gone.user {
            if !self.is_here(&user) {
                self.say(&format!("left {user} of"));
            }
            if !self.users().contains(&user) {
                self.tell_removed(&user);
                self.say(&format!("now without {user}"));
            }
        }
        self.say(&format!("count {} of", self.seats.len()));
        if self.subscriptions() == 0 {
            self.say("now vacated");
        }
        self.recount();
    }

    /// An event, to be remembered as `cached` if it is the last.
    pub(crate) fn send(&mut self, frame: &Frame, except: Option<u64>, cached: Option<Cached>) {
        if let Some(cached) = cached.filter(|cached| self.is_later(cached)) {
            self.keep(cached);
        }
        self.tell(&text(frame), except, Matter::Event);
    }

    /// An event that another node remembers: nobody hears it but newcomers, and those who wait to
    /// be greeted are newcomers still.
    pub(crate) fn remember(&mut self, cached: Cached) {
        if !self.is_later(&cached) {
            return;
        }
        for Parked { id, stay, place } in &self.parked {
            let stays = self.heard.get_mut(id).unwrap();
            stays[*stay][*place] = text(&cached.frame);
        }
        self.keep(cached);
    }

    fn keep(&mut self, cached: Cached) {
        let before = self.last.replace(cached);
        if std::mem::take(&mut self.missed) || before.is_none() {
            self.say("now filled");
        }
    }

    /// The topic is joined: nobody waits for it.
    pub(crate) fn unpark(&mut self) {
        self.parked.clear();
    }

    pub(crate) fn expire(&mut self, now: Moment) {
        self.last = self.last(now).cloned();
    }

    pub(crate) fn hear(&mut self, id: u64, hearing: Hearing, notice: &Frame) {
        if let Some(seat) = self.seats.iter_mut().find(|seat| seat.id == id) {
            seat.hearing = hearing;
            hears(&mut self.heard, id, text(notice));
        }
    }

    pub(crate) fn close(&mut self) {
        for seat in &self.seats {
            hears(&mut self.heard, seat.id, closing(&close()));
        }
    }

    pub(crate) fn count_elsewhere(&mut self, after: u32) {
        let was_anybody = self.subscriptions() > 0;
        self.elsewhere = after;
        match (was_anybody, self.subscriptions() > 0) {
            (false, true) => self.say("now occupied"),
            (true, false) => self.say("now vacated"),
            _ => {}
        }
        self.recount();
    }

    pub(crate) fn join_elsewhere(&mut self, user: &str) {
        if !self.users().contains(user) {
            self.tell_added(user);
            self.say(&format!("now with {user}"));
        }
        self.users_elsewhere.insert(user.to_owned());
    }

    pub(crate) fn leave_elsewhere(&mut self, user: &str) {
        self.users_elsewhere.remove(user);
        if !self.users().contains(user) {
            self.tell_removed(user);
            self.say(&format!("now without {user}"));
        }
    }

    pub(crate) fn tell_count(&mut self) {
        self.at_once = AT_ONCE;
        self.tell_number();
    }

    fn tell_number(&mut self) {
        let count = self.subscriptions();
        if self.is_counted() && !self.seats.is_empty() && self.told != count {
            self.told = count;
            self.tell(&counted(&self.key, count), None, Matter::Count);
        }
    }

    fn recount(&mut self) {
        if self.is_counted() {
            self.say(&format!("now {} on", self.subscriptions()));
        }
        match self.subscriptions() {
            _ if !self.is_counted() => {}
            _ if self.seats.is_empty() => self.told = 0,
            101.. => self.wait(),
            _ if self.at_once == 0 => self.wait(),
            _ => {
                self.at_once -= 1;
                self.tell_number();
            }
        }
    }

    fn wait(&mut self) {
        self.told = 0;
        self.say("count waits on");
    }

    fn say(&mut self, what: &str) {
        self.said.push(format!("{what} {}", name(&self.key)));
    }

    pub(crate) fn relay(&mut self) {
        self.say("relay to");
    }

    fn is_here(&self, user: &str) -> bool {
        let mut users = self.seats.iter().filter_map(|seat| seat.user.as_deref());
        users.any(|here| here == user)
    }

    fn tell(&mut self, text: &str, except: Option<u64>, matter: Matter) {
        for seat in &self.seats {
            let listens = match seat.hearing {
                Hearing::Everything => true,
                Hearing::AllButCounts => matter != Matter::Count,
                Hearing::Nothing => false,
            };
            if listens && Some(seat.id) != except {
                hears(&mut self.heard, seat.id, text.to_owned());
            }
        }
    }

    fn tell_added(&mut self, who: &str) {
        let (channel, member) = (channel(&self.key), &member(who));
        let added = text(&ServerMessage::MemberAdded { channel, member }.encode());
        self.tell(&added, None, Matter::Members);
    }

    fn tell_removed(&mut self, who: &str) {
        let (channel, user_id) = (channel(&self.key), &user(who));
        let removed = text(&ServerMessage::MemberRemoved { channel, user_id }.encode());
        self.tell(&removed, None, Matter::Members);
    }

    fn roster(&self) -> String {
        let ids: Vec<UserId> = self.users().iter().map(|id| user(id)).collect();
        let members: Vec<_> = ids.iter().map(|id| (id, None)).collect();
        let (channel, members) = (channel(&self.key), &*members);
        text(&ServerMessage::PresenceSucceeded { channel, members }.encode())
    }
}

/// Several connections are one user.
pub(crate) fn user_of(id: u64) -> String {
    format!("u{}", id % 3)
}

/// A connection hears something during its present stay.
fn hears(heard: &mut BTreeMap<u64, Vec<Vec<String>>>, id: u64, text: String) {
    heard.get_mut(&id).unwrap().last_mut().unwrap().push(text);
}
