//! What is known without asking the store: the order, the bodies that will be needed next, and
//! which dead letters there are.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use foghorn_webhooks::{Class, UnixMillis};

use crate::entrance::Entrance;
use crate::lanes::{Depth, Entry, Lanes, Overflow, Widths};
use crate::metrics::{Loss, Metrics};
use crate::settings::{Bounds, Settings};
use crate::store::{Change, Id, Obituary, Waiting};

/// Bodies kept so that what is sent at once is not read back; the rest is read when its turn comes.
const WARM: usize = 16 * 1_024 * 1_024;

/// Between two attempts at a delivery, in milliseconds; schedules do not go further.
const LONGEST_PAUSE: u64 = 120_000;

/// What an app's webhooks wait for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backlog {
    /// The app's id.
    pub app: Arc<str>,
    /// Deliveries that are still to be made.
    pub waiting: usize,
    /// Those of them that are not stored yet: the end of the process would be theirs.
    pub unstored: usize,
    /// Since when the oldest of them has waited.
    pub oldest: Option<UnixMillis>,
    /// Dead letters.
    pub dead: usize,
}

/// Follows the store: it changes after a commit, except that what is sent leaves its lane at once.
pub(crate) struct Ledger {
    pub(crate) lanes: Lanes,
    dead: BTreeMap<Arc<str>, Letters>,
    warm: Warm,
    bounds: Bounds,
    entrance: Arc<Entrance>,
}

/// An app's dead letters. Client events, of which there may be any number, must not push out what
/// a receiver cannot learn otherwise.
#[derive(Default)]
struct Letters {
    state: BTreeSet<Id>,
    client_events: BTreeSet<Id>,
}

/// Bodies in memory, up to a size.
#[derive(Default)]
struct Warm {
    bodies: BTreeMap<Id, Waiting>,
    bytes: usize,
}

/// What a commit led to: further changes, and how many of those that were asked for were made.
#[derive(Default)]
pub(crate) struct Outcome {
    pub(crate) follow: Vec<Change>,
    pub(crate) made: usize,
}

impl Ledger {
    pub(crate) fn new(settings: &Settings, entrance: Arc<Entrance>) -> Self {
        let bounds = settings.bounds;
        Self {
            lanes: Lanes::new(Widths {
                concurrency: settings.concurrency,
                state: bounds.state,
                client_events: bounds.client_events,
            }),
            dead: BTreeMap::new(),
            warm: Warm::default(),
            bounds,
            entrance,
        }
    }

    /// Takes over what a store holds. It was within bounds when it was stored; where they are
    /// narrower now, changes follow.
    pub(crate) fn load(
        &mut self,
        waiting: Vec<Entry>,
        dead: Vec<(Id, Arc<str>, Class)>,
        now: UnixMillis,
        metrics: &Metrics,
    ) -> Vec<Change> {
        let mut follow = Vec::new();
        // The clock may have been put back since.
        let latest = UnixMillis(now.0.saturating_add(LONGEST_PAUSE));
        for mut entry in waiting {
            entry.since = entry.since.min(now);
            entry.progress.next = entry.progress.next.min(latest);
            let overflow = self.lanes.add(entry);
            follow.extend(overflow.map(|overflow| self.spill(overflow, now, metrics)));
        }
        for (id, app, class) in dead {
            follow.extend(self.bury(id, (&app, class), metrics));
        }
        follow
    }

    /// A change was committed at `now`; `revived` are the dead letters that wait again. One that
    /// was to bury who had been forgotten is none.
    pub(crate) fn apply(
        &mut self,
        change: Change,
        revived: &BTreeMap<Id, Waiting>,
        now: UnixMillis,
        metrics: &Metrics,
    ) -> Outcome {
        match change {
            Change::Add { waiting, .. } => self.add(waiting, now, metrics),
            Change::Dead(Obituary { id, app, class, .. }) => Outcome {
                follow: Vec::from_iter(self.bury(id, (&app, class), metrics)),
                made: 1,
            },
            Change::Redeliver { old, new, .. } => {
                self.exhume(old);
                let waiting = revived.get(&new).cloned();
                self.add(Vec::from_iter(waiting), now, metrics)
            }
            Change::Discard(id) => Outcome {
                follow: Vec::new(),
                made: usize::from(self.exhume(id)),
            },
            Change::Forget(app) => {
                let gone = self.lanes.forget(&app);
                metrics.dropped(&app, Loss::AppRemoved, gone);
                self.warm.retain(|waiting| waiting.delivery.app != app);
                Outcome::default()
            }
            Change::Attempted(..) | Change::Taken(_) | Change::Dropped(_) | Change::Usage(_) => {
                Outcome::default()
            }
        }
    }

    fn add(&mut self, waiting: Vec<Waiting>, now: UnixMillis, metrics: &Metrics) -> Outcome {
        let made = waiting.len();
        let mut follow = Vec::new();
        for waiting in waiting {
            let overflow = self.lanes.add(Entry::from(&waiting));
            self.warm.keep(waiting);
            follow.extend(overflow.map(|overflow| self.spill(overflow, now, metrics)));
        }
        Outcome { follow, made }
    }

    fn spill(&mut self, overflow: Overflow, at: UnixMillis, metrics: &Metrics) -> Change {
        self.warm.take(overflow.id);
        let Overflow { id, app, .. } = overflow;
        match overflow.class {
            Class::ClientEvents => {
                metrics.dropped(&app, Loss::QueueFull, 1);
                Change::Dropped(id)
            }
            Class::State => {
                metrics.failed(&app);
                let most = self.bounds.state;
                Change::Dead(Obituary {
                    id,
                    app,
                    class: Class::State,
                    reason: format!("queue full: more than {most} wait for this target"),
                    at,
                    attempts: overflow.attempts,
                })
            }
        }
    }

    /// The app's oldest dead letter of the class goes, if there are too many.
    fn bury(
        &mut self,
        id: Id,
        (app, class): (&Arc<str>, Class),
        metrics: &Metrics,
    ) -> Option<Change> {
        let letters = self.dead.entry(Arc::clone(app)).or_default();
        let letters = match class {
            Class::State => &mut letters.state,
            Class::ClientEvents => &mut letters.client_events,
        };
        letters.insert(id);
        if letters.len() <= self.bounds.dead_letters {
            return None;
        }
        metrics.dropped(app, Loss::DeadLettersFull, 1);
        letters.pop_first().map(Change::Discard)
    }

    fn exhume(&mut self, id: Id) -> bool {
        let mut found = false;
        self.dead.retain(|_, letters| {
            found |= letters.state.remove(&id) || letters.client_events.remove(&id);
            letters.len() > 0
        });
        found
    }

    /// The numbers of up to `limit` dead letters after `after`, of one app or of all.
    pub(crate) fn dead(&self, app: Option<&str>, after: Option<Id>, limit: usize) -> Vec<Id> {
        let begin = after.map_or(Id(0), |Id(after)| Id(after.saturating_add(1)));
        let mut ids = BTreeSet::new();
        for (owner, letters) in &self.dead {
            if app.is_none_or(|app| app == &**owner) {
                ids.extend(letters.state.range(begin..).take(limit));
                ids.extend(letters.client_events.range(begin..).take(limit));
            }
        }
        ids.into_iter().take(limit).collect()
    }

    /// The delivery itself, if it is still in memory.
    pub(crate) fn take_warm(&mut self, id: Id) -> Option<Waiting> {
        self.warm.take(id)
    }

    /// What there is of each app that has anything, also what is not stored yet.
    pub(crate) fn backlogs(&self) -> Vec<Backlog> {
        let mut depths = self.lanes.depths();
        let unstored = self.entrance.depths();
        for (app, inside) in &unstored {
            let depth = depths.entry(Arc::clone(app));
            let depth = depth.or_insert(Depth {
                waiting: 0,
                ..*inside
            });
            depth.waiting += inside.waiting;
            depth.oldest = depth.oldest.min(inside.oldest);
        }
        let apps: BTreeSet<_> = depths.keys().chain(self.dead.keys()).collect();
        let backlog = |app: &Arc<str>| Backlog {
            app: Arc::clone(app),
            waiting: depths.get(app).map_or(0, |depth| depth.waiting),
            unstored: unstored.get(app).map_or(0, |depth| depth.waiting),
            oldest: depths.get(app).map(|depth| depth.oldest),
            dead: self.dead.get(app).map_or(0, Letters::len),
        };
        apps.into_iter().map(backlog).collect()
    }
}

impl Letters {
    fn len(&self) -> usize {
        self.state.len() + self.client_events.len()
    }
}

impl Warm {
    fn keep(&mut self, waiting: Waiting) {
        let bytes = waiting.weight();
        if self.bytes + bytes <= WARM {
            self.bytes += bytes;
            self.bodies.insert(waiting.id, waiting);
        }
    }

    fn take(&mut self, id: Id) -> Option<Waiting> {
        let waiting = self.bodies.remove(&id)?;
        self.bytes = self.bytes.saturating_sub(waiting.weight());
        Some(waiting)
    }

    fn retain(&mut self, keep: impl Fn(&Waiting) -> bool) {
        self.bodies.retain(|_, waiting| keep(waiting));
        self.bytes = self.bodies.values().map(Waiting::weight).sum();
    }
}

#[cfg(test)]
mod tests;
