//! Who is next: the order of what waits, without bodies, sockets or a clock.
//!
//! Within a lane of an app's target, one delivery follows the other. Lanes take turns at their URL,
//! of which each has so many places of its own: what waits for one URL holds no other up. A lane
//! whose head waits for another attempt has no turn and takes no place until then.

mod queue;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use foghorn_webhooks::{Class, Lane, Target, UnixMillis};

use crate::store::{Id, Progress, Waiting};
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

/// Sorted by app first, so that one app's are together.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct OutletKey {
    app: Arc<str>,
    target: Arc<Target>,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct LaneKey {
    outlet: OutletKey,
    lane: Lane,
}

/// What waits for one app and target, by number, and since when.
#[derive(Default)]
struct Outlet {
    state: BTreeMap<Id, UnixMillis>,
    client_events: BTreeMap<Id, UnixMillis>,
}

/// One URL.
#[derive(Default)]
struct Endpoint {
    /// Lanes whose head may go. A lane can be in it twice or have gone meanwhile: its head tells.
    ready: VecDeque<LaneKey>,
    under_way: usize,
}

struct Place {
    lane: LaneKey,
    class: Class,
}

/// Everything that waits.
pub(crate) struct Lanes {
    widths: Widths,
    lanes: BTreeMap<LaneKey, Queue>,
    outlets: BTreeMap<OutletKey, Outlet>,
    places: BTreeMap<Id, Place>,
    endpoints: BTreeMap<Arc<str>, Endpoint>,
    /// Those of the endpoints that may have both a place and a lane for it.
    open: BTreeSet<Arc<str>>,
    /// Heads that wait for another attempt.
    sleeping: BTreeSet<(UnixMillis, Id)>,
    /// What is under way, and where to; also what was forgotten since.
    under_way: BTreeMap<Id, Arc<str>>,
}

impl Lanes {
    pub(crate) fn new(widths: Widths) -> Self {
        Self {
            widths,
            lanes: BTreeMap::new(),
            outlets: BTreeMap::new(),
            places: BTreeMap::new(),
            endpoints: BTreeMap::new(),
            open: BTreeSet::new(),
            sleeping: BTreeSet::new(),
            under_way: BTreeMap::new(),
        }
    }

    /// Puts a delivery at the end of its lane. Numbers must come in ascending order.
    pub(crate) fn add(&mut self, entry: Entry) -> Option<Overflow> {
        let outlet = OutletKey {
            app: entry.app,
            target: entry.target,
        };
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
        let mut queue = Queue::new(id);
        queue.attempts = progress.attempts;
        if progress.attempts > 0 {
            queue.head = Head::Sleeping(progress.next);
            self.sleeping.insert((progress.next, id));
            self.lanes.insert(key, queue);
        } else {
            self.lanes.insert(key.clone(), queue);
            self.ready(key);
        }
    }

    fn ready(&mut self, key: LaneKey) {
        let url: Arc<str> = key.outlet.target.url.as_str().into();
        self.open.insert(Arc::clone(&url));
        self.endpoints.entry(url).or_default().ready.push_back(key);
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
        let id = oldest.find(|id| !self.under_way.contains_key(id))?;
        let attempts = self.attempts(id);
        self.remove(id);
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
        for url in std::mem::take(&mut self.open) {
            let Some(endpoint) = self.endpoints.get_mut(&url) else {
                continue;
            };
            while endpoint.under_way < self.widths.concurrency {
                let Some(key) = endpoint.ready.pop_front() else {
                    break;
                };
                let lane = self.lanes.get_mut(&key);
                let Some((id, queue)) = lane.and_then(Queue::ready) else {
                    continue;
                };
                queue.head = Head::UnderWay;
                endpoint.under_way += 1;
                self.under_way.insert(id, Arc::clone(&url));
                let outlet = self.outlets.get(&key.outlet);
                turns.push(Turn {
                    id,
                    attempts: queue.attempts,
                    since: outlet.and_then(|outlet| outlet.since(id)).unwrap_or(now),
                });
            }
            self.close_if_idle(&url);
        }
        turns
    }

    fn wake(&mut self, now: UnixMillis) {
        while let Some(&(at, id)) = self.sleeping.first().filter(|(at, _)| *at <= now) {
            self.sleeping.remove(&(at, id));
            let Some(place) = self.places.get(&id) else {
                continue;
            };
            let key = place.lane.clone();
            if let Some(queue) = self.lanes.get_mut(&key) {
                queue.head = Head::Ready;
                self.ready(key);
            }
        }
    }

    fn close_if_idle(&mut self, url: &Arc<str>) {
        let idle = |endpoint: &Endpoint| endpoint.under_way == 0 && endpoint.ready.is_empty();
        if self.endpoints.get(url).is_some_and(idle) {
            self.endpoints.remove(url);
        }
    }

    /// When the first of those is due that wait for another attempt.
    pub(crate) fn next(&self) -> Option<UnixMillis> {
        self.sleeping.first().map(|(at, _)| *at)
    }

    /// A delivery that was under way is taken or given up. `false`: it was forgotten meanwhile.
    pub(crate) fn done(&mut self, id: Id) -> bool {
        self.landed(id);
        self.remove(id)
    }

    /// A delivery that was under way is to be tried again. `false`: it was forgotten meanwhile.
    pub(crate) fn retry(&mut self, id: Id, progress: Progress) -> bool {
        self.landed(id);
        let lane = self.places.get(&id).map(|place| &place.lane);
        let Some(queue) = lane.and_then(|key| self.lanes.get_mut(key)) else {
            return false;
        };
        queue.attempts = progress.attempts;
        queue.head = Head::Sleeping(progress.next);
        self.sleeping.insert((progress.next, id));
        true
    }

    /// Gives its place back.
    fn landed(&mut self, id: Id) {
        let Some(url) = self.under_way.remove(&id) else {
            return;
        };
        if let Some(endpoint) = self.endpoints.get_mut(&url) {
            endpoint.under_way = endpoint.under_way.saturating_sub(1);
            if !endpoint.ready.is_empty() {
                self.open.insert(Arc::clone(&url));
            }
        }
        self.close_if_idle(&url);
    }

    fn remove(&mut self, id: Id) -> bool {
        let Some(Place { lane: key, class }) = self.places.remove(&id) else {
            return false;
        };
        if let Some(outlet) = self.outlets.get_mut(&key.outlet) {
            outlet.of(class).remove(&id);
            if outlet.is_empty() {
                self.outlets.remove(&key.outlet);
            }
        }
        let Some(queue) = self.lanes.get_mut(&key) else {
            return true;
        };
        let was_first = queue.first() == Some(id);
        if let Head::Sleeping(at) = queue.head
            && was_first
        {
            self.sleeping.remove(&(at, id));
        }
        queue.remove(id);
        if queue.first().is_none() {
            self.lanes.remove(&key);
        } else if was_first {
            queue.attempts = 0;
            queue.head = Head::Ready;
            self.ready(key);
        }
        true
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
            self.remove(*id);
        }
        ids.len()
    }

    /// Whether nothing is under way or to be tried by `until`.
    pub(crate) fn settled(&self, until: UnixMillis) -> bool {
        let later = self.next().is_none_or(|at| at > until);
        self.under_way.is_empty() && self.open.is_empty() && later
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

impl Outlet {
    fn of(&mut self, class: Class) -> &mut BTreeMap<Id, UnixMillis> {
        match class {
            Class::State => &mut self.state,
            Class::ClientEvents => &mut self.client_events,
        }
    }

    fn len(&self) -> usize {
        self.state.len() + self.client_events.len()
    }

    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn since(&self, id: Id) -> Option<UnixMillis> {
        let found = self.state.get(&id);
        found.or_else(|| self.client_events.get(&id)).copied()
    }

    fn oldest(&self) -> Option<UnixMillis> {
        let first = |ranks: &BTreeMap<Id, UnixMillis>| ranks.values().next().copied();
        first(&self.state)
            .into_iter()
            .chain(first(&self.client_events))
            .min()
    }
}

#[cfg(test)]
mod tests;
