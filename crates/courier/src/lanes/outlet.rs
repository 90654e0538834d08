//! What waits for one app and target.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Arc;

use foghorn_webhooks::{Class, Lane, Target, UnixMillis};

use crate::store::{Id, Progress};

/// Sorted by app first, so that one app's are together. Headers do not count: who changes them
/// means the same receiver, for whom the order has to hold.
#[derive(Clone)]
pub(super) struct OutletKey {
    pub(super) app: Arc<str>,
    target: Arc<Target>,
}

impl OutletKey {
    pub(super) fn new(app: Arc<str>, target: Arc<Target>) -> Self {
        Self { app, target }
    }

    pub(super) fn url(&self) -> &str {
        &self.target.url
    }
}

impl Ord for OutletKey {
    fn cmp(&self, other: &Self) -> Ordering {
        let apps = self.app.cmp(&other.app);
        apps.then_with(|| self.url().cmp(other.url()))
    }
}

impl PartialOrd for OutletKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for OutletKey {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for OutletKey {}

/// Whether an app's deliveries have lanes by channel or one for all. Those of one kind wait for
/// those of the other that came before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Channels,
    App,
}

impl From<&Lane> for Kind {
    fn from(lane: &Lane) -> Self {
        match lane {
            Lane::Channel(_) => Self::Channels,
            Lane::App => Self::App,
        }
    }
}

/// By number, and since when.
#[derive(Default)]
pub(super) struct Outlet {
    /// Of which kind those in lanes are, and how many.
    in_lanes: Option<(Kind, NonZeroUsize)>,
    /// What has to wait for those in lanes.
    held: BTreeMap<Id, (Kind, Progress)>,
    state: BTreeMap<Id, UnixMillis>,
    client_events: BTreeMap<Id, UnixMillis>,
}

impl Outlet {
    pub(super) fn of(&mut self, class: Class) -> &mut BTreeMap<Id, UnixMillis> {
        match class {
            Class::State => &mut self.state,
            Class::ClientEvents => &mut self.client_events,
        }
    }

    /// Has a delivery wait, if something of the other kind is before it. `false`: it has not to.
    pub(super) fn hold(&mut self, id: Id, kind: Kind, progress: Progress) -> bool {
        let holds = match self.in_lanes {
            None => false,
            Some((other, _)) => other != kind || !self.held.is_empty(),
        };
        if holds {
            self.held.insert(id, (kind, progress));
        } else {
            self.let_in(kind);
        }
        holds
    }

    fn let_in(&mut self, kind: Kind) {
        let before = self.in_lanes.map_or(0, |(_, count)| count.get());
        self.in_lanes = Some((kind, NonZeroUsize::MIN.saturating_add(before)));
    }

    /// One is gone. Gives those which may enter their lanes now, in order.
    pub(super) fn remove(&mut self, id: Id, class: Class) -> Vec<(Id, Progress)> {
        self.of(class).remove(&id);
        if self.held.remove(&id).is_some() {
            return Vec::new();
        }
        self.in_lanes = self.in_lanes.and_then(|(kind, count)| {
            let left = NonZeroUsize::new(count.get() - 1)?;
            Some((kind, left))
        });
        let mut released = Vec::new();
        if self.in_lanes.is_some() {
            return released;
        }
        while let Some(next) = self.held.first_entry() {
            let (kind, progress) = *next.get();
            if self.in_lanes.is_some_and(|(other, _)| other != kind) {
                break;
            }
            released.push((next.remove_entry().0, progress));
            self.let_in(kind);
        }
        released
    }

    pub(super) fn len(&self) -> usize {
        self.state.len() + self.client_events.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn since(&self, id: Id) -> Option<UnixMillis> {
        let found = self.state.get(&id);
        found.or_else(|| self.client_events.get(&id)).copied()
    }

    pub(super) fn oldest(&self) -> Option<UnixMillis> {
        let first = |ranks: &BTreeMap<Id, UnixMillis>| ranks.values().next().copied();
        first(&self.state)
            .into_iter()
            .chain(first(&self.client_events))
            .min()
    }
}
