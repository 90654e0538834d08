//! Three nodes, clients that come, go and publish at any moment, messages that take their time and
//! control messages that get lost: in the end everyone agrees, and every client's own list is true.
//!
//! Each client is acknowledged before anything else (INV-ACK-1), its snapshot with the member
//! events that follow is the roster (INV-SNAPSHOT-1), and what it gets from the cache is older than
//! what it hears live, and none of that.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use foghorn_session::Watchlists;
use proptest::prelude::*;

use crate::client::{Client, Letter, member_ids};
use crate::site::{OFFLINE_DELAY, Setup, Site};
use crate::visitors::{VISITORS, Visitor, online, online_at};
use crate::world::{Fate, World, is_control};

const SITES: usize = 3;
const CHANNELS: [&str; 3] = ["presence-a", "news", CACHE];
const CACHE: &str = "cache-a";
/// Longer than any run of the test.
const TTL: Duration = Duration::from_secs(3_600);
/// Each client's site and user: users are spread over sites, and one has two connections on one.
const CLIENTS: [(usize, &str); 7] = [
    (0, "u0"),
    (1, "u0"),
    (2, "u1"),
    (0, "u1"),
    (1, "u2"),
    (2, "u2"),
    (0, "u0"),
];

#[derive(Clone, Debug)]
enum Step {
    /// The client joins the channel, or leaves it if it is there.
    Toggle {
        client: usize,
        channel: usize,
    },
    Publish {
        site: usize,
        channel: usize,
    },
    /// The visitor connects and signs in, or goes.
    Visit {
        visitor: usize,
    },
    /// An event for the visitor's user is published.
    Greet {
        site: usize,
        visitor: usize,
    },
    /// So many effects of the site are carried out; control messages are lost where a bit says so.
    Carry {
        site: usize,
        count: usize,
        losses: u8,
    },
    Flush {
        site: usize,
    },
    Hear {
        site: usize,
        count: usize,
    },
    Tick {
        site: usize,
    },
    Wait {
        seconds: u64,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let site = 0..SITES;
    let channel = 0..CHANNELS.len();
    prop_oneof![
        6 => (0..CLIENTS.len(), channel.clone())
            .prop_map(|(client, channel)| Step::Toggle { client, channel }),
        3 => (site.clone(), channel).prop_map(|(site, channel)| Step::Publish { site, channel }),
        3 => (0..VISITORS.len()).prop_map(|visitor| Step::Visit { visitor }),
        1 => (site.clone(), 0..VISITORS.len())
            .prop_map(|(site, visitor)| Step::Greet { site, visitor }),
        5 => (site.clone(), 1..9usize, any::<u8>(), any::<u8>())
            .prop_map(|(site, count, a, b)| Step::Carry { site, count, losses: a & b }),
        3 => site.clone().prop_map(|site| Step::Flush { site }),
        5 => (site.clone(), 1..9usize).prop_map(|(site, count)| Step::Hear { site, count }),
        2 => site.prop_map(|site| Step::Tick { site }),
        1 => (0..4u64).prop_map(|seconds| Step::Wait { seconds }),
    ]
}

/// An event: the site that published it, and its number there.
type Event = (usize, u32);

/// What one client makes of one channel, from the acknowledgement on.
#[derive(Default)]
struct Following {
    members: BTreeSet<String>,
    heard: Vec<Event>,
    /// Events published while the client was subscribed, by the model.
    due: Vec<Event>,
}

struct Actor {
    site: usize,
    user: &'static str,
    client: Client,
    /// Channels that the client is on, by the model.
    on: BTreeMap<&'static str, Following>,
    acknowledged: BTreeSet<&'static str>,
}

impl Actor {
    fn toggle(&mut self, channel: &'static str) {
        self.read();
        if self.on.remove(channel).is_some() {
            self.client.unsubscribe(channel);
            self.acknowledged.remove(channel);
            // It may still be told what it has done itself, but not after it has left.
            self.client.letters();
        } else {
            self.on.insert(channel, Following::default());
            if channel.starts_with("presence-") {
                self.client
                    .join(channel, &format!(r#"{{"user_id":"{}"}}"#, self.user));
            } else {
                self.client.subscribe(channel);
            }
            self.read();
        }
    }

    /// Takes in what has arrived, as a client library would.
    fn read(&mut self) {
        for letter in self.client.letters() {
            let channel = CHANNELS
                .into_iter()
                .find(|channel| *channel == letter.channel);
            let channel = channel.unwrap_or_else(|| panic!("unexpected {letter:?}"));
            let following = self.on.get_mut(channel);
            let following = following.unwrap_or_else(|| panic!("not subscribed: {letter:?}"));
            if letter.event == "pusher_internal:subscription_succeeded" {
                assert!(self.acknowledged.insert(channel), "twice: {letter:?}");
                if channel.starts_with("presence-") {
                    following.members = member_ids(&letter).into_iter().collect();
                    assert!(following.members.contains(self.user), "{letter:?}");
                }
            } else {
                assert!(self.acknowledged.contains(channel), "too early: {letter:?}");
                following.take(self.user, &letter);
            }
        }
    }
}

impl Following {
    fn take(&mut self, me: &str, letter: &Letter) {
        let user = || {
            let data: serde_json::Value = serde_json::from_str(&letter.data).unwrap();
            data["user_id"].as_str().unwrap().to_owned()
        };
        match &*letter.event {
            "pusher_internal:member_added" => {
                assert_ne!(user(), me, "told of itself");
                assert!(self.members.insert(user()), "added twice: {letter:?}");
            }
            "pusher_internal:member_removed" => {
                assert_ne!(user(), me, "told of itself");
                assert!(self.members.remove(&user()), "was not there: {letter:?}");
            }
            "pusher:cache_miss" => assert!(self.heard.is_empty(), "too late: {letter:?}"),
            _ => {
                let (site, number) = letter.data.split_once(' ').unwrap();
                let event: Event = (site.parse().unwrap(), number.parse().unwrap());
                let same_site = self.heard.iter().filter(|heard| heard.0 == event.0);
                assert!(
                    same_site.max() < Some(&event),
                    "out of order or twice: {letter:?}"
                );
                self.heard.push(event);
            }
        }
    }
}

struct Stage {
    world: World,
    actors: Vec<Actor>,
    visitors: Vec<Visitor>,
    published: [u32; SITES],
    /// Events for the cache channel since everybody agreed, by their data.
    to_cache: Vec<String>,
    /// What everybody remembered then.
    cached: Option<String>,
}

impl Stage {
    fn new() -> Self {
        let setup = Setup {
            rules: |app| {
                Arc::make_mut(&mut app.policy).watchlists = Watchlists::Served;
                Arc::make_mut(&mut app.policy).limits.cache_ttl = TTL;
            },
            ..Setup::default()
        };
        let world = World::with(SITES, setup);
        let actors = CLIENTS.map(|(site, user)| Actor {
            site,
            user,
            client: world.sites[site].client(),
            on: BTreeMap::new(),
            acknowledged: BTreeSet::new(),
        });
        Self {
            actors: actors.into(),
            visitors: Visitor::all(),
            world,
            published: [0; SITES],
            to_cache: Vec::new(),
            cached: None,
        }
    }

    fn perform(&mut self, step: &Step) {
        match *step {
            Step::Toggle { client, channel } => self.actors[client].toggle(CHANNELS[channel]),
            Step::Publish { site, channel } => self.publish(site, CHANNELS[channel]),
            Step::Visit { visitor } => {
                let visitor = &mut self.visitors[visitor];
                visitor.toggle(&self.world.sites[visitor.site]);
            }
            Step::Greet { site, visitor } => self.greet(site, VISITORS[visitor].1),
            Step::Carry {
                site,
                count,
                losses,
            } => {
                for at in 0..count {
                    self.world.carry(site, |topic, _| {
                        if is_control(topic) && losses >> (at % 8) & 1 == 1 {
                            Fate::IsLost
                        } else {
                            Fate::Arrives
                        }
                    });
                }
            }
            Step::Flush { site } => {
                self.world.flush(site);
            }
            Step::Hear { site, count } => {
                for _ in 0..count {
                    self.world.hear(site);
                }
            }
            Step::Tick { site } => self.world.tick(site),
            Step::Wait { seconds } => self.world.wait(Duration::from_secs(seconds)),
        }
        self.actors.iter_mut().for_each(Actor::read);
        self.visitors.iter_mut().for_each(Visitor::read);
    }

    fn greet(&mut self, site: usize, user: &str) {
        let data = format!("{site} {}", self.published[site]);
        self.published[site] += 1;
        for visitor in &mut self.visitors {
            visitor.expect(user, &data);
        }
        let name = format!("#server-to-user-{user}");
        self.world.sites[site].publish(&[&name], &data).unwrap();
    }

    fn publish(&mut self, site: usize, channel: &'static str) {
        let event = (site, self.published[site]);
        self.published[site] += 1;
        for actor in &mut self.actors {
            if let Some(following) = actor.on.get_mut(channel) {
                following.due.push(event);
            }
        }
        let data = format!("{} {}", event.0, event.1);
        if channel == CACHE {
            self.to_cache.push(data.clone());
        }
        self.world.sites[site].publish(&[channel], &data).unwrap();
    }

    fn check_visitors(&self) {
        let online = online(&self.visitors);
        for visitor in &self.visitors {
            visitor.check(&online);
        }
        for (number, site) in self.world.sites.iter().enumerate() {
            assert_eq!(online_at(site), online, "site {number}");
        }
    }

    /// All remember one of the events that came since they last agreed, or still the one of then.
    fn check_cache(&mut self) {
        let cached = self.world.sites[0].cached(CACHE);
        for (number, site) in self.world.sites.iter().enumerate() {
            assert_eq!(site.cached(CACHE), cached, "site {number}");
        }
        let recent = std::mem::take(&mut self.to_cache);
        match recent.is_empty() {
            true => assert_eq!(cached, self.cached),
            false => assert!(recent.contains(cached.as_ref().unwrap()), "{cached:?}"),
        }
        self.cached = cached;
    }

    /// After everything has arrived and every loss has been noticed.
    fn check(&mut self) {
        self.world.quiesce();
        for _ in 0..=OFFLINE_DELAY.as_secs() {
            self.world.second();
        }
        self.actors.iter_mut().for_each(Actor::read);
        self.visitors.iter_mut().for_each(Visitor::read);
        self.check_visitors();
        self.check_cache();
        for channel in CHANNELS {
            let there = || {
                self.actors
                    .iter()
                    .filter(|actor| actor.on.contains_key(channel))
            };
            let presence = channel.starts_with("presence-");
            let users: BTreeSet<String> = there()
                .filter(|_| presence)
                .map(|actor| actor.user.to_owned())
                .collect();
            let expect = (there().count() as u64, users.len());
            for (number, site) in self.world.sites.iter().enumerate() {
                assert_eq!(
                    site.occupancy(channel),
                    expect,
                    "{channel} at site {number}"
                );
                let ids: BTreeSet<String> = site.user_ids(channel).into_iter().collect();
                assert_eq!(ids, users, "{channel} at site {number}");
            }
            for actor in there() {
                let following = &actor.on[channel];
                assert!(actor.acknowledged.contains(channel));
                assert_eq!(
                    following.members, users,
                    "{} at site {}",
                    actor.user, actor.site
                );
                let missed = following
                    .due
                    .iter()
                    .find(|due| !following.heard.contains(due));
                assert_eq!(
                    missed, None,
                    "{channel}: {} at site {}",
                    actor.user, actor.site
                );
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn everyone_agrees_in_the_end(steps in prop::collection::vec(step(), 1..160)) {
        let mut stage = Stage::new();
        for step in &steps {
            stage.perform(step);
        }
        stage.check();
        // It goes on from there, and ends without a trace.
        for step in steps.iter().rev().take(20) {
            stage.perform(step);
        }
        stage.check();
        stage.actors.clear();
        stage.visitors.iter_mut().for_each(Visitor::leave);
        stage.world.quiesce();
        stage.world.wait(TTL);
        stage.world.quiesce();
        stage.world.sites.iter().for_each(Site::assert_empty);
    }
}
