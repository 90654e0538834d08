//! Who is online, and telling those who want to know (protocol.md §9.3).
//!
//! A user is online while somebody is signed in as the user, on any node. Going offline is told
//! after a delay only, so that reloading a page tells nobody anything.
//!
//! Everything here is level-triggered: whatever happens to a user only leaves a mark, and looking
//! at the marked users compares what is with what was told. All telling happens under one lock,
//! which is taken before audiences' locks; the marks have a leaf lock of their own.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use foghorn_channels::{AppNumber, Drain, HashSeed, Hub, Key, Send, Target};
use foghorn_protocol::{Frame, Moment, Recipient, ServerMessage, UserId};
use parking_lot::Mutex;

/// A user of an app.
type Who = (AppNumber, UserId);

/// What this node's watchers have been told of users.
pub(crate) struct Online {
    delay: Duration,
    /// Users whose connections may have become some, or none.
    marked: Mutex<BTreeSet<Who>>,
    told: Mutex<Told>,
}

struct Told {
    users: HashMap<Who, User, HashSeed>,
    /// Users who were online and have no connection any more, by when that will be told.
    leaving: BTreeSet<(Moment, Who)>,
}

/// A user who is online, or watched, or both.
#[derive(Clone, Copy, Default)]
struct User {
    status: Status,
    /// Connections of this node that watch the user.
    watchers: u32,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Status {
    #[default]
    Offline,
    Online,
    /// Told to be online, until this time.
    Leaving(Moment),
}

/// Whom a new watcher watches.
pub(crate) struct Watch<'a> {
    pub(crate) app: AppNumber,
    pub(crate) watchlist: &'a [UserId],
    pub(crate) now: Moment,
}

/// What a new watcher is told.
#[derive(Default)]
pub(crate) struct Snapshot {
    online: Vec<UserId>,
    offline: Vec<UserId>,
}

impl Snapshot {
    pub(crate) fn encode(&self) -> Frame {
        let Self { online, offline } = self;
        ServerMessage::WatchlistEvents { online, offline }.encode()
    }
}

impl Online {
    pub(crate) fn new(delay: Duration, seed: HashSeed) -> Self {
        Self {
            delay,
            marked: Mutex::new(BTreeSet::new()),
            told: Mutex::new(Told {
                users: HashMap::with_hasher(seed),
                leaving: BTreeSet::new(),
            }),
        }
    }

    /// A user's connections may have become some, or none.
    pub(crate) fn mark(&self, app: AppNumber, user: &UserId) {
        self.marked.lock().insert((app, user.clone()));
    }

    /// Looks at the marked users, and at those whose delay is over.
    pub(crate) fn look(&self, hub: &Hub, now: Moment) -> Vec<Drain> {
        let marked = std::mem::take(&mut *self.marked.lock());
        let mut told = self.told.lock();
        let due: Vec<Who> = {
            let due = told.leaving.iter().take_while(|(at, _)| *at <= now);
            due.map(|(_, who)| who.clone()).collect()
        };
        let all = marked.into_iter().chain(due);
        all.filter_map(|who| told.look_at(&who, hub, (now, self.delay)))
            .collect()
    }

    /// Makes `subscribe` add a watcher to each user's audience, and says how they are now. What
    /// changes later reaches the watcher through those audiences; `greet` is called before any of
    /// it can.
    pub(crate) fn watch(
        &self,
        watch: &Watch<'_>,
        hub: &Hub,
        mut subscribe: impl FnMut(&Key) -> Option<Drain>,
        greet: impl FnOnce(&Snapshot),
    ) -> Vec<Drain> {
        let Watch {
            app,
            watchlist,
            now,
        } = *watch;
        let mut told = self.told.lock();
        let mut drains = Vec::new();
        let mut snapshot = Snapshot::default();
        for user in watchlist {
            let who = (app, user.clone());
            // What the others have yet to hear comes before the newcomer.
            drains.extend(told.look_at(&who, hub, (now, self.delay)));
            let entry = told.users.entry(who).or_default();
            entry.watchers += 1;
            match entry.status {
                Status::Offline => snapshot.offline.push(user.clone()),
                Status::Online | Status::Leaving(_) => snapshot.online.push(user.clone()),
            }
            drains.extend(subscribe(&watchers_of(app, user)));
        }
        greet(&snapshot);
        drains
    }

    /// A watcher has gone.
    pub(crate) fn unwatch(&self, app: AppNumber, watchlist: &[UserId]) {
        let mut told = self.told.lock();
        for user in watchlist {
            let who = (app, user.clone());
            if let Some(entry) = told.users.get_mut(&who) {
                entry.watchers = entry.watchers.saturating_sub(1);
                if entry.watchers == 0 && entry.status == Status::Offline {
                    told.users.remove(&who);
                }
            }
        }
    }
}

impl Told {
    /// Tells the watchers of a user what has changed.
    fn look_at(&mut self, who: &Who, hub: &Hub, (now, delay): (Moment, Duration)) -> Option<Drain> {
        let is_there = hub.occupancy(&connections_of(who)).subscriptions > 0;
        let before = self.users.get(who).copied().unwrap_or_default();
        let status = match (before.status, is_there) {
            (_, true) => Status::Online,
            (Status::Offline, false) => Status::Offline,
            (Status::Online, false) if delay > Duration::ZERO => Status::Leaving(now.after(delay)),
            (Status::Leaving(at), false) if now < at => Status::Leaving(at),
            (Status::Online | Status::Leaving(_), false) => Status::Offline,
        };
        if let Status::Leaving(at) = before.status {
            self.leaving.remove(&(at, who.clone()));
        }
        if let Status::Leaving(at) = status {
            self.leaving.insert((at, who.clone()));
        }
        let watchers = before.watchers;
        match (status, watchers) {
            (Status::Offline, 0) => {
                self.users.remove(who);
            }
            _ => {
                self.users.insert(who.clone(), User { status, watchers });
            }
        }
        let (was, is) = (before.status != Status::Offline, status != Status::Offline);
        if was == is || watchers == 0 {
            return None;
        }
        let (app, user) = who;
        let mut news = Snapshot::default();
        match is {
            true => news.online.push(user.clone()),
            false => news.offline.push(user.clone()),
        }
        let send = Send {
            frame: news.encode(),
            except: None,
        };
        hub.receive(&watchers_of(*app, user), send)
    }
}

/// Where the coming and going of a user is told.
pub(crate) fn watchers_of(app: AppNumber, user: &UserId) -> Key {
    Key {
        app,
        target: Target::Watchers(user.clone()),
    }
}

fn connections_of((app, user): &Who) -> Key {
    Key {
        app: *app,
        target: Target::Recipient(Recipient::User(user.clone())),
    }
}
