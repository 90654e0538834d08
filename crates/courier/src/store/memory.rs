//! The store that is gone with the process.

use std::collections::BTreeMap;

use foghorn_webhooks::UnixMillis;
use parking_lot::Mutex;

use super::{Change, DeadLetter, Effects, Id, Obituary, Progress, Waiting};

/// Deliveries only: marks and usage are for the next process, and none will read this.
#[derive(Default)]
pub(crate) struct Memory(Mutex<Tables>);

#[derive(Default)]
struct Tables {
    waiting: BTreeMap<Id, Waiting>,
    dead: BTreeMap<Id, DeadLetter>,
}

impl Memory {
    pub(super) fn commit(&self, changes: &[Change]) -> Effects {
        let mut tables = self.0.lock();
        let mut effects = Effects::default();
        for change in changes {
            tables.apply(change, &mut effects);
        }
        effects
    }

    pub(super) fn waiting(&self, id: Id) -> Option<Waiting> {
        self.0.lock().waiting.get(&id).cloned()
    }

    pub(super) fn letters(&self, ids: &[Id]) -> Vec<DeadLetter> {
        let tables = self.0.lock();
        ids.iter()
            .filter_map(|id| tables.dead.get(id).cloned())
            .collect()
    }
}

impl Tables {
    fn apply(&mut self, change: &Change, effects: &mut Effects) {
        match change {
            Change::Add { waiting, .. } => {
                let new = waiting.iter().map(|one| (one.id, one.clone()));
                self.waiting.extend(new);
            }
            Change::Attempted(id, progress) => {
                if let Some(waiting) = self.waiting.get_mut(id) {
                    waiting.progress = *progress;
                }
            }
            Change::Taken(id) | Change::Dropped(id) => drop(self.waiting.remove(id)),
            Change::Dead(obituary) => {
                if !self.bury(obituary) {
                    effects.absent.push(obituary.id);
                }
            }
            Change::Redeliver { old, new, at } => {
                effects.revived.extend(self.revive(*old, *new, *at));
            }
            Change::Discard(id) => drop(self.dead.remove(id)),
            Change::Usage(_) => {}
            Change::Forget(app) => self.waiting.retain(|_, one| one.delivery.app != *app),
        }
    }

    /// `false`: it is not there.
    fn bury(&mut self, obituary: &Obituary) -> bool {
        let Some(waiting) = self.waiting.remove(&obituary.id) else {
            return false;
        };
        let letter = DeadLetter {
            id: obituary.id,
            delivery: waiting.delivery,
            reason: obituary.reason.clone(),
            at: obituary.at,
            attempts: obituary.attempts,
        };
        self.dead.insert(obituary.id, letter);
        true
    }

    fn revive(&mut self, old: Id, new: Id, at: UnixMillis) -> Option<Waiting> {
        let letter = self.dead.remove(&old)?;
        let waiting = Waiting {
            id: new,
            delivery: letter.delivery,
            since: at,
            progress: Progress::default(),
        };
        self.waiting.insert(new, waiting.clone());
        Some(waiting)
    }
}
