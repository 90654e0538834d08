//! What waits for one app and target.

use std::collections::BTreeMap;
use std::sync::Arc;

use foghorn_webhooks::{Class, Target, UnixMillis};

use crate::store::Id;

/// Sorted by app first, so that one app's are together.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
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

/// By number, and since when.
#[derive(Default)]
pub(super) struct Outlet {
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
