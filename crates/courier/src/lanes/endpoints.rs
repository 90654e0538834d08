//! URLs, their places, and the lanes that wait for one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::LaneKey;
use crate::store::Id;

/// A lane's number in the line for a place at its URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ticket(u64);

/// One URL.
#[derive(Default)]
struct Endpoint {
    /// Lanes whose head may go.
    ready: BTreeMap<Ticket, LaneKey>,
    under_way: usize,
}

/// All URLs of which anything is ready or under way.
pub(super) struct Endpoints {
    /// Places of each.
    concurrency: usize,
    last: u64,
    endpoints: BTreeMap<Arc<str>, Endpoint>,
    /// Those of the endpoints that may have both a place and a lane for it.
    open: BTreeSet<Arc<str>>,
    /// What is under way, and where to; also what was forgotten since.
    under_way: BTreeMap<Id, Arc<str>>,
}

impl Endpoints {
    pub(super) fn new(concurrency: usize) -> Self {
        Self {
            concurrency,
            last: 0,
            endpoints: BTreeMap::new(),
            open: BTreeSet::new(),
            under_way: BTreeMap::new(),
        }
    }

    /// A lane whose head may go gets in line.
    pub(super) fn line_up(&mut self, key: LaneKey) -> Ticket {
        self.last = self.last.saturating_add(1);
        let ticket = Ticket(self.last);
        let url: Arc<str> = key.outlet.url().into();
        self.open.insert(Arc::clone(&url));
        let endpoint = self.endpoints.entry(url).or_default();
        endpoint.ready.insert(ticket, key);
        ticket
    }

    /// A lane leaves the line.
    pub(super) fn leave(&mut self, url: &str, ticket: Ticket) {
        if let Some(endpoint) = self.endpoints.get_mut(url) {
            endpoint.ready.remove(&ticket);
        }
        self.close_if_idle(url);
    }

    /// The URLs where it may be somebody's turn.
    pub(super) fn take_open(&mut self) -> BTreeSet<Arc<str>> {
        std::mem::take(&mut self.open)
    }

    /// The next lane in line, if there is a place.
    pub(super) fn call(&mut self, url: &str) -> Option<LaneKey> {
        let endpoint = self.endpoints.get_mut(url)?;
        if endpoint.under_way >= self.concurrency {
            return None;
        }
        endpoint.ready.pop_first().map(|(_, key)| key)
    }

    /// Takes a place.
    pub(super) fn depart(&mut self, url: &Arc<str>, id: Id) {
        self.under_way.insert(id, Arc::clone(url));
        let endpoint = self.endpoints.entry(Arc::clone(url)).or_default();
        endpoint.under_way += 1;
    }

    /// Gives its place back.
    pub(super) fn land(&mut self, id: Id) {
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

    fn close_if_idle(&mut self, url: &str) {
        let idle = |endpoint: &Endpoint| endpoint.under_way == 0 && endpoint.ready.is_empty();
        if self.endpoints.get(url).is_some_and(idle) {
            self.endpoints.remove(url);
            self.open.remove(url);
        }
    }

    pub(super) fn is_under_way(&self, id: Id) -> bool {
        self.under_way.contains_key(&id)
    }

    /// Whether nothing is under way or may be soon.
    pub(super) fn is_idle(&self) -> bool {
        self.under_way.is_empty() && self.open.is_empty()
    }

    /// How many lanes are in line.
    #[cfg(test)]
    pub(super) fn lined_up(&self) -> usize {
        self.endpoints.values().map(|one| one.ready.len()).sum()
    }
}
