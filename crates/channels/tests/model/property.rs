//! Random walks through the hub and the model side by side.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use foghorn_channels::{Drain, Hearing, Hub, Joining, Key, Progress, Remote, Send, Subscribe};
use foghorn_protocol::{Frame, Moment};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use crate::reference::{Reference, user_of};
use crate::world::{
    Inbox, Recorder, at, cached, close, event, finish, hub, key, living, member, name, send,
    socket, subscriber, user, watchers_of,
};

/// How long a cached event lives, in milliseconds.
const TTL: u64 = 100;
/// Distinct users whom any node can have.
const USERS: u64 = 3;

/// One thing that happens, on the first or the second of two audiences.
#[derive(Clone, Copy, Debug)]
enum Step {
    Join(usize, u64, Hearing),
    Leave(usize, u64),
    /// Somebody changes its mind so many times.
    Toggle(usize, u64, usize),
    /// A local publisher sends, perhaps to all but one.
    Send(usize, Option<u64>),
    /// The same, to be remembered.
    SendCached(usize),
    /// Another node's publisher sends; on a cache channel the event has this version.
    Receive(usize, u64),
    /// Another node remembers an event of this version.
    Remember(usize, u64),
    Hear(usize, u64, Hearing),
    Close(usize),
    /// So many subscribe on other nodes.
    Elsewhere(usize, u32),
    /// A user comes or goes on another node.
    Member(usize, u64),
    TellCount(usize),
    /// The topic is joined.
    Joined(usize),
    /// Milliseconds go by.
    Later(u64),
    Expire,
    /// Goes on with an unfinished drain.
    Run(usize, usize),
    /// Gives it up.
    Drop(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let which = 0usize..2;
    let who = 0u64..8;
    let hearing = prop::sample::select(vec![
        Hearing::Everything,
        Hearing::Everything,
        Hearing::AllButCounts,
        Hearing::Nothing,
    ]);
    let version = 1u64..8;
    let count = prop::sample::select(vec![0u32, 1, 2, 95, 99, 150]);
    let c = || which.clone();
    let step = prop_oneof![
        8 => (c(), who.clone(), hearing.clone()).prop_map(|(c, s, h)| Step::Join(c, s, h)),
        5 => (c(), who.clone()).prop_map(|(c, s)| Step::Leave(c, s)),
        2 => (c(), who.clone(), 2usize..5).prop_map(|(c, s, n)| Step::Toggle(c, s, n)),
        4 => (c(), prop::option::of(who.clone())).prop_map(|(c, s)| Step::Send(c, s)),
        5 => c().prop_map(Step::SendCached),
        3 => (c(), version.clone()).prop_map(|(c, v)| Step::Receive(c, v)),
        2 => (c(), version).prop_map(|(c, v)| Step::Remember(c, v)),
        2 => (c(), who, hearing).prop_map(|(c, s, h)| Step::Hear(c, s, h)),
        1 => c().prop_map(Step::Close),
        2 => (c(), count).prop_map(|(c, n)| Step::Elsewhere(c, n)),
        2 => (c(), 0..USERS).prop_map(|(c, u)| Step::Member(c, u)),
        1 => c().prop_map(Step::TellCount),
        2 => c().prop_map(Step::Joined),
        2 => (1u64..60).prop_map(Step::Later),
        1 => Just(Step::Expire),
        6 => (c(), 1usize..5).prop_map(|(c, budget)| Step::Run(c, budget)),
        1 => c().prop_map(Step::Drop),
    ];
    prop::collection::vec(step, 0..80)
}

/// Two audiences of different kinds.
fn keys() -> impl Strategy<Value = Vec<Key>> {
    let all = vec![
        key("news"),
        key("counted"),
        key("presence-lobby"),
        key("cache-car"),
        key("private-cache-counted"),
        key("presence-cache-lobby"),
        key("#server-to-user-zoe"),
        watchers_of("zoe"),
    ];
    prop::sample::subsequence(all, 2)
}

fn joining() -> impl Strategy<Value = Joining> {
    prop::sample::select(vec![Joining::Done, Joining::Awaited])
}

struct Walk {
    hub: Hub,
    announced: Recorder,
    keys: Vec<Key>,
    models: Vec<Reference>,
    inboxes: BTreeMap<(usize, u64), Arc<Inbox>>,
    drains: BTreeMap<usize, Drain>,
    now: Moment,
}

impl Walk {
    fn new(keys: Vec<Key>, announced: Recorder) -> Self {
        Self {
            hub: hub(announced.clone()),
            announced,
            models: keys.iter().cloned().map(Reference::new).collect(),
            keys,
            inboxes: BTreeMap::new(),
            drains: BTreeMap::new(),
            now: at(0),
        }
    }

    fn keep(&mut self, c: usize, drain: Option<Drain>) {
        let Some(drain) = drain else { return };
        match self.drains.entry(c) {
            Entry::Vacant(free) => drop(free.insert(drain)),
            // The hub would have had to give out the list a second time.
            Entry::Occupied(_) => panic!("INV-BATON-1: {drain:?}"),
        }
    }

    fn take(&mut self, n: usize, step: Step) {
        match step {
            Step::Join(c, id, hearing) => self.join(c, id, hearing),
            Step::Leave(c, id) => self.leave(c, id),
            Step::Toggle(c, id, times) => self.toggle(c, id, times),
            Step::Send(c, except) => {
                let frame = event(&self.keys[c], n);
                self.models[c].relay();
                self.models[c].send(&frame, except, None);
                let except = except.map(socket);
                let drain = self
                    .hub
                    .publish(&self.hub.find(self.keys[c].clone()), Send { frame, except });
                self.keep(c, drain);
            }
            Step::SendCached(c) if self.models[c].is_cache() => self.send_cached(c, n),
            Step::Receive(c, version) => self.receive(c, n, version),
            Step::Remember(c, version) if self.models[c].is_cache() => {
                let cached = self.to_remember(&event(&self.keys[c], n), version);
                let drain = self.hub.remember(&self.keys[c], cached.clone());
                self.models[c].remember(cached);
                self.keep(c, drain);
            }
            Step::Later(millis) => self.now = self.now.after(Duration::from_millis(millis)),
            Step::Expire => self.expire(),
            Step::Joined(c) => self.topic_is_joined(c),
            Step::Run(c, budget) => {
                if let Some(mut drain) = self.drains.remove(&c)
                    && drain.run(budget) == Progress::More
                {
                    self.drains.insert(c, drain);
                }
            }
            Step::Drop(c) => drop(self.drains.remove(&c)),
            other => self.take_rarer(n, other),
        }
    }

    fn take_rarer(&mut self, n: usize, step: Step) {
        match step {
            Step::Hear(c, id, hearing) if self.models[c].seat(id).is_some() => {
                let notice = event(&self.keys[c], n);
                self.models[c].hear(id, hearing, &notice);
                let (key, socket) = (&self.keys[c], socket(id));
                let drain = self.hub.hear(key, socket, hearing, Some(notice));
                self.keep(c, drain);
            }
            Step::Close(c) => {
                self.models[c].close();
                let drain = self.hub.close(&self.keys[c], &close());
                self.keep(c, drain);
            }
            Step::Elsewhere(c, after) => {
                let before = self.models[c].elsewhere;
                self.models[c].count_elsewhere(after);
                self.apply(c, &Remote::Count { before, after });
            }
            Step::Member(c, n) if self.models[c].is_presence() => {
                let id = user_of(n);
                if self.models[c].users_elsewhere.contains(&id) {
                    self.models[c].leave_elsewhere(&id);
                    self.apply(c, &Remote::Left(user(&id)));
                } else {
                    self.models[c].join_elsewhere(&id);
                    self.apply(c, &Remote::Joined(member(&id)));
                }
            }
            Step::TellCount(c) => {
                self.models[c].tell_count();
                let drain = self.hub.tell_count(&self.keys[c]);
                self.keep(c, drain);
            }
            _ => {}
        }
    }

    fn apply(&mut self, c: usize, remote: &Remote) {
        let drain = self.hub.apply(&self.keys[c], remote);
        self.keep(c, drain);
    }

    fn join(&mut self, c: usize, id: u64, hearing: Hearing) {
        if self.models[c].seat(id).is_some() {
            return;
        }
        let greeting = Frame::from_text(b"\"welcome\"");
        self.models[c].join((id, hearing), Some(&greeting), self.now);
        let is_presence = self.models[c].is_presence();
        let subscribe = Subscribe {
            mailbox: Arc::clone(self.inboxes.entry((c, id)).or_default()) as _,
            greeting: self.keys[c].recipient().map(|_| greeting),
            member: is_presence.then(|| member(&user_of(id))),
            max_members: 100,
            hearing,
            now: self.now,
            ..subscriber(id).1
        };
        let drain = self.hub.subscribe(&self.keys[c], subscribe).unwrap();
        if !self.announced.is_awaited(&self.keys[c]) {
            self.models[c].unpark();
        }
        self.keep(c, drain);
    }

    fn leave(&mut self, c: usize, id: u64) {
        let Some(seat) = self.models[c].seat(id) else {
            return;
        };
        let user = seat.user.as_deref().map(user);
        self.models[c].leave(id);
        let key = &self.keys[c];
        let drain = self.hub.unsubscribe(key, socket(id), user.as_ref());
        self.keep(c, drain);
    }

    fn toggle(&mut self, c: usize, id: u64, times: usize) {
        for _ in 0..times {
            match self.models[c].seat(id) {
                Some(_) => self.leave(c, id),
                None => self.join(c, id, Hearing::Everything),
            }
        }
    }

    fn send_cached(&mut self, c: usize, n: usize) {
        let (key, frame) = (&self.keys[c], event(&self.keys[c], n));
        let now = u64::try_from(self.now.since_start().as_millis()).unwrap();
        let lifetime = living(now, TTL);
        let drain =
            self.hub
                .publish_cached(&self.hub.find(key.clone()), send(frame.clone()), lifetime);
        let cached = self.to_remember(&frame, self.announced.last_stamp().version);
        assert!(
            self.models[c].is_later(&cached),
            "a local event is the last"
        );
        self.models[c].relay();
        self.models[c].send(&frame, None, Some(cached));
        self.keep(c, drain);
    }

    fn receive(&mut self, c: usize, n: usize, version: u64) {
        let frame = event(&self.keys[c], n);
        let event = send(frame.clone());
        let drain = if self.models[c].is_cache() {
            let cached = self.to_remember(&frame, version);
            self.models[c].send(&frame, None, Some(cached.clone()));
            self.hub.receive_cached(&self.keys[c], event, cached)
        } else {
            self.models[c].send(&frame, None, None);
            self.hub.receive(&self.keys[c], event)
        };
        self.keep(c, drain);
    }

    fn to_remember(&self, frame: &Frame, version: u64) -> foghorn_channels::Cached {
        let mut cached = cached(frame, 0, version);
        cached.until = self.now.after(Duration::from_millis(TTL));
        cached
    }

    fn topic_is_joined(&mut self, c: usize) {
        self.announced.has_joined(&self.keys[c]);
        self.models[c].unpark();
        let drain = self.hub.joined(&self.keys[c]);
        self.keep(c, drain);
    }

    /// Nothing waits any more.
    fn rest(&mut self) {
        for c in 0..self.keys.len() {
            self.topic_is_joined(c);
            finish(self.drains.remove(&c));
        }
    }

    /// Forgets, when nothing waits: what is cached later, in its place in the queue, is forgotten
    /// later.
    fn expire(&mut self) {
        self.rest();
        self.hub.expire(self.now);
        for model in &mut self.models {
            model.expire(self.now);
        }
    }

    fn compare(&mut self) -> Result<(), TestCaseError> {
        let mut expect = Vec::new();
        for (key, model) in self.keys.iter().zip(&mut self.models) {
            let occupancy = self.hub.occupancy(key);
            prop_assert_eq!(occupancy.subscriptions, model.subscriptions());
            prop_assert_eq!(occupancy.users, model.users().len());
            let last = self.hub.cached(key, self.now);
            prop_assert_eq!(last.as_ref(), model.last(self.now));
            expect.append(&mut model.said);
        }
        // When the last interest is lost depends on who drains.
        let mut said = self.announced.said();
        said.retain(|said| !said.starts_with("lost"));
        said.sort();
        expect.sort();
        prop_assert_eq!(said, expect);
        Ok(())
    }

    fn compare_inboxes(&self) -> Result<(), TestCaseError> {
        for (c, model) in self.models.iter().enumerate() {
            // Watchers are greeted by whoever adds them.
            let greeted = usize::from(self.keys[c].recipient().is_some());
            for (id, stays) in &model.heard {
                let inbox = self.inboxes[&(c, *id)].heard();
                let whole = model.seat(*id).and_then(|_| stays.len().checked_sub(1));
                let least = |n, stay: &[String]| {
                    if whole == Some(n) {
                        stay.len()
                    } else {
                        greeted
                    }
                };
                prop_assert!(
                    is_heard(&inbox, stays, least),
                    "{id} on {}: {inbox:#?}, expected {stays:#?}",
                    name(&self.keys[c])
                );
            }
        }
        Ok(())
    }

    /// Everybody leaves, here and elsewhere, and time goes by.
    fn empty(&mut self) {
        for c in 0..self.keys.len() {
            for id in 0..8 {
                self.leave(c, id);
            }
            for id in std::mem::take(&mut self.models[c].users_elsewhere) {
                self.apply(c, &Remote::Left(user(&id)));
            }
            let (before, after) = (self.models[c].elsewhere, 0);
            self.apply(c, &Remote::Count { before, after });
        }
        self.rest();
        self.hub.expire(self.now.after(Duration::from_millis(TTL)));
    }
}

/// Whether `inbox` is what was said in all stays. Who left may have missed the last of what was
/// said before, but no acknowledgement: `least` says how much of a stay must be there.
fn is_heard(
    inbox: &[String],
    stays: &[Vec<String>],
    least: impl Fn(usize, &[String]) -> usize,
) -> bool {
    let mut ends = BTreeSet::from([0]);
    for (n, stay) in stays.iter().enumerate() {
        let reach = |&from: &usize| {
            let pairs = inbox[from..].iter().zip(stay);
            let heard = pairs.take_while(|(heard, said)| heard == said).count();
            (least(n, stay)..=heard).map(move |count| from + count)
        };
        ends = ends.iter().flat_map(reach).collect();
    }
    ends.contains(&inbox.len())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    /// INV-CACHE-1, INV-ACK-1, INV-ORDER-1, INV-SNAPSHOT-1.
    #[test]
    fn every_subscriber_hears_what_the_model_says(
        keys in keys(), joining in joining(), steps in steps()
    ) {
        let mut walk = Walk::new(keys, Recorder::of(joining));
        for (n, step) in steps.into_iter().enumerate() {
            walk.take(n, step);
            walk.compare()?;
        }
        walk.rest();
        walk.compare_inboxes()?;
        walk.empty();
        prop_assert_eq!(walk.hub.channels(), 0, "all have left, nothing remains");
    }
}
