//! Who is next: the order of what waits, without bodies, sockets or a clock.
//!
//! Within a lane of an app's target, one delivery follows the other. Lanes take turns at their URL,
//! of which each has so many places of its own: what waits for one URL holds no other up. A lane
//! whose head waits for another attempt has no turn and takes no place until then.

mod endpoints;
mod outlet;
mod queue;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use foghorn_webhooks::{Class, Lane, Target, UnixMillis};

use crate::store::{Id, Progress, Waiting};
use endpoints::Endpoints;
use outlet::{Outlet, OutletKey};
use queue::{Head, Queue};

/// What may wait for one app and target, and be under way to one URL.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Widths {
    pub(crate) concurrency: usize,
    pub(crate) state: usize,
    pub(crate) client_events: usize,
}

/// What the order needs to know of a delivery.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) id: Id,
    pub(crate) app: Arc<str>,
    pub(crate) target: Arc<Target>,
    pub(crate) lane: Lane,
    pub(crate) class: Class,
    /// Since when it waits.
    pub(crate) since: UnixMillis,
    pub(crate) progress: Progress,
}

impl From<&Waiting> for Entry {
    fn from(waiting: &Waiting) -> Self {
        let delivery = &waiting.delivery;
        Self {
            id: waiting.id,
            app: Arc::clone(&delivery.app),
            target: Arc::clone(&delivery.target),
            lane: delivery.lane.clone(),
            class: delivery.class,
            since: waiting.since,
            progress: waiting.progress,
        }
    }
}

/// A delivery that is to be attempted now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Turn {
    pub(crate) id: Id,
    /// Attempts made before.
    pub(crate) attempts: u32,
    /// Attempts in a row that failed, at this one and those whose place it took: what the next
    /// pause follows from.
    pub(crate) failures: u32,
    /// Since when it waits.
    pub(crate) since: UnixMillis,
}

/// What had to go, because too much waits for its target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Overflow {
    pub(crate) id: Id,
    pub(crate) app: Arc<str>,
    pub(crate) class: Class,
    /// Attempts made.
    pub(crate) attempts: u32,
}

/// What waits for an app's webhooks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Depth {
    pub(crate) waiting: usize,
    /// Since when the longest has waited.
    pub(crate) oldest: UnixMillis,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct LaneKey {
    outlet: OutletKey,
    lane: Lane,
}

struct Place {
    lane: LaneKey,
    class: Class,
}

/// Why something leaves its lane.
#[derive(Clone, Copy)]
enum Exit {
    /// It is taken or given up, so the next begins anew.
    Over,
    /// It has to make room. That says nothing of the target, so the next waits as long as it would
    /// have, or an endpoint that fails would be asked once for each that comes.
    Evicted,
}

/// Everything that waits.
pub(crate) struct Lanes {
    widths: Widths,
    lanes: BTreeMap<LaneKey, Queue>,
    outlets: BTreeMap<OutletKey, Outlet>,
    places: BTreeMap<Id, Place>,
    endpoints: Endpoints,
    /// Heads that wait for another attempt.
    sleeping: BTreeSet<(UnixMillis, Id)>,
}

impl Lanes {
    pub(crate) fn new(widths: Widths) -> Self {
        Self {
            widths,
            lanes: BTreeMap::new(),
            outlets: BTreeMap::new(),
            places: BTreeMap::new(),
            endpoints: Endpoints::new(widths.concurrency),
            sleeping: BTreeSet::new(),
        }
    }

    /// Puts a delivery at the end of its lane. Numbers must come in ascending order.
    pub(crate) fn add(&mut self, entry: Entry) -> Option<Overflow> {
        let outlet = OutletKey::new(entry.app, entry.target);
        let key = LaneKey {
            outlet: outlet.clone(),
            lane: entry.lane,
        };
        let place = Place {
            lane: key.clone(),
            class: entry.class,
        };
        self.places.insert(entry.id, place);
        let ranks = self.outlets.entry(outlet.clone()).or_default();
        ranks.of(entry.class).insert(entry.id, entry.since);
        match self.lanes.get_mut(&key) {
            Some(queue) => queue.push(entry.id),
            None => self.begin(key, entry.id, entry.progress),
        }
        self.overflow(&outlet, entry.class)
    }

    fn begin(&mut self, key: LaneKey, id: Id, progress: Progress) {
        let head = if progress.attempts > 0 {
            self.sleeping.insert((progress.next, id));
            Head::Sleeping(progress.next)
        } else {
            Head::Ready(self.endpoints.line_up(key.clone()))
        };
        let queue = Queue::new(id, head, progress.attempts);
        self.lanes.insert(key, queue);
    }

    /// The oldest that is not under way goes, if there are too many of its class.
    fn overflow(&mut self, outlet: &OutletKey, class: Class) -> Option<Overflow> {
        let most = match class {
            Class::State => self.widths.state,
            Class::ClientEvents => self.widths.client_events,
        };
        let ranks = self.outlets.get_mut(outlet)?.of(class);
        if ranks.len() <= most {
            return None;
        }
        let mut oldest = ranks.keys().copied();
        let id = oldest.find(|id| !self.endpoints.is_under_way(*id))?;
        let attempts = self.attempts(id);
        self.remove(id, Exit::Evicted);
        Some(Overflow {
            id,
            app: Arc::clone(&outlet.app),
            class,
            attempts,
        })
    }

    fn attempts(&self, id: Id) -> u32 {
        let lane = self
            .places
            .get(&id)
            .and_then(|place| self.lanes.get(&place.lane));
        lane.filter(|queue| queue.first() == Some(id))
            .map_or(0, |queue| queue.attempts)
    }

    /// Whose turn it is; they are under way until [`Lanes::done`] or [`Lanes::retry`].
    pub(crate) fn start(&mut self, now: UnixMillis) -> Vec<Turn> {
        self.wake(now);
        let mut turns = Vec::new();
        for url in self.endpoints.take_open() {
            while let Some(key) = self.endpoints.call(&url) {
                let Some(queue) = self.lanes.get_mut(&key) else {
                    continue;
                };
                let Some(id) = queue.first() else {
                    continue;
                };
                queue.head = Head::UnderWay;
                self.endpoints.depart(&url, id);
                let outlet = self.outlets.get(&key.outlet);
                turns.push(Turn {
                    id,
                    attempts: queue.attempts,
                    failures: queue.failures(),
                    since: outlet.and_then(|outlet| outlet.since(id)).unwrap_or(now),
                });
            }
        }
        turns
    }

    fn wake(&mut self, now: UnixMillis) {
        while let Some(&(at, id)) = self.sleeping.first().filter(|(at, _)| *at <= now) {
            self.sleeping.remove(&(at, id));
            let Some(Place { lane: key, .. }) = self.places.get(&id) else {
                continue;
            };
            if let Some(queue) = self.lanes.get_mut(key) {
                queue.head = Head::Ready(self.endpoints.line_up(key.clone()));
            }
        }
    }

    /// When the first of those is due that wait for another attempt.
    pub(crate) fn next(&self) -> Option<UnixMillis> {
        self.sleeping.first().map(|(at, _)| *at)
    }

    /// A delivery that was under way is taken or given up. `false`: it was forgotten meanwhile.
    pub(crate) fn done(&mut self, id: Id) -> bool {
        self.endpoints.land(id);
        self.remove(id, Exit::Over)
    }

    /// A delivery that was under way is to be tried again. `false`: it was forgotten meanwhile.
    pub(crate) fn retry(&mut self, id: Id, progress: Progress) -> bool {
        self.endpoints.land(id);
        let lane = self.places.get(&id).map(|place| &place.lane);
        let Some(queue) = lane.and_then(|key| self.lanes.get_mut(key)) else {
            return false;
        };
        queue.attempts = progress.attempts;
        queue.head = Head::Sleeping(progress.next);
        self.sleeping.insert((progress.next, id));
        true
    }

    fn remove(&mut self, id: Id, exit: Exit) -> bool {
        let Some(Place { lane: key, class }) = self.places.remove(&id) else {
            return false;
        };
        if let Some(outlet) = self.outlets.get_mut(&key.outlet) {
            outlet.of(class).remove(&id);
            if outlet.is_empty() {
                self.outlets.remove(&key.outlet);
            }
        }
        self.leave_lane(id, &key, exit);
        true
    }

    fn leave_lane(&mut self, id: Id, key: &LaneKey, exit: Exit) {
        let Some(queue) = self.lanes.get_mut(key) else {
            return;
        };
        let was_first = queue.first() == Some(id);
        queue.remove(id);
        if !was_first {
            return;
        }
        let head = queue.head;
        if let Head::Sleeping(at) = head {
            self.sleeping.remove(&(at, id));
        }
        match (queue.first(), exit) {
            (Some(next), Exit::Evicted) => {
                queue.inherit();
                if let Head::Sleeping(at) = head {
                    self.sleeping.insert((at, next));
                }
            }
            (Some(_), Exit::Over) => {
                let ticket = self.endpoints.line_up(key.clone());
                queue.begin_anew(Head::Ready(ticket));
            }
            (None, _) => {
                self.lanes.remove(key);
                if let Head::Ready(ticket) = head {
                    self.endpoints.leave(key.outlet.url(), ticket);
                }
            }
        }
    }

    /// Drops everything of an app; what is under way ends, but says nothing more.
    pub(crate) fn forget(&mut self, app: &str) -> usize {
        let of_app = |place: &Place| &*place.lane.outlet.app == app;
        let places = self.places.iter();
        let ids: Vec<_> = places
            .filter(|(_, place)| of_app(place))
            .map(|(id, _)| *id)
            .collect();
        // Backwards, so that no lane finds a new head for nothing.
        for id in ids.iter().rev() {
            self.remove(*id, Exit::Over);
        }
        ids.len()
    }

    /// Whether nothing is under way or to be tried by `until`.
    pub(crate) fn settled(&self, until: UnixMillis) -> bool {
        let later = self.next().is_none_or(|at| at > until);
        self.endpoints.is_idle() && later
    }

    /// What waits, by app.
    pub(crate) fn depths(&self) -> BTreeMap<Arc<str>, Depth> {
        let mut depths = BTreeMap::new();
        for (key, outlet) in &self.outlets {
            let Some(oldest) = outlet.oldest() else {
                continue;
            };
            let app = Arc::clone(&key.app);
            let depth = depths.entry(app).or_insert(Depth { waiting: 0, oldest });
            depth.waiting += outlet.len();
            depth.oldest = depth.oldest.min(oldest);
        }
        depths
    }
}

#[cfg(test)]
mod tests;
