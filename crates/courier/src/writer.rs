//! The thread that writes: whatever comes in while it commits is the next commit.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::Receiver;
use std::thread::{park_timeout, sleep};
use std::time::Duration;

use foghorn_webhooks::UnixMillis;
use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};

use crate::clock::Clock;
use crate::entrance::Entrance;
use crate::ledger::Ledger;
use crate::metrics::Metrics;
use crate::store::{Change, Id, Store, StoreError, Waiting};

/// Jobs in one transaction, so that none takes for ever.
const GROUP: usize = 4_096;

/// Between attempts at a commit that failed.
const PAUSE: Duration = Duration::from_secs(1);

/// Between two commits to a disk: each costs the same whether it has one change or hundreds, so a
/// steady stream is cheaper in fewer of them. What comes after a silence does not wait.
const REST: Duration = Duration::from_millis(10);

/// Milliseconds between log lines about too much that waits.
const NOTE_EVERY: u64 = 60_000;

/// Changes that belong together, and who waits for them.
pub(crate) struct Job {
    pub(crate) changes: Vec<Change>,
    /// Told how many redeliveries or removals were made, once they are safe.
    pub(crate) reply: Option<oneshot::Sender<usize>>,
}

/// What the writer works with.
pub(crate) struct Writer {
    pub(crate) store: Arc<Store>,
    pub(crate) ledger: Arc<Mutex<Ledger>>,
    pub(crate) metrics: Metrics,
    pub(crate) entrance: Arc<Entrance>,
    pub(crate) clock: Clock,
    /// Wakes who sends.
    pub(crate) wake: Arc<Notify>,
    /// Set when nobody will wait for a store that fails.
    pub(crate) closing: Arc<AtomicBool>,
    /// When it was last logged that too much waits.
    pub(crate) noted: AtomicU64,
}

impl Writer {
    /// Works until all senders of jobs are gone and everything is written. `pending` is first.
    pub(crate) fn run(&self, jobs: &Receiver<Job>, pending: Vec<Change>) {
        let mut follow = VecDeque::from(pending);
        loop {
            let mut group = Vec::new();
            if !follow.is_empty() {
                let changes = follow.drain(..).collect();
                let reply = None;
                group.push(Job { changes, reply });
            } else if let Ok(job) = jobs.recv() {
                group.push(job);
            } else {
                return;
            }
            group.extend(jobs.try_iter().take(GROUP));
            follow.extend(self.handle(group));
            if let Store::Disk(_) = *self.store {
                sleep(REST);
            }
        }
    }

    fn handle(&self, group: Vec<Job>) -> Vec<Change> {
        let mut changes = Vec::new();
        let mut replies = Vec::new();
        for job in group {
            let end = changes.len() + job.changes.len();
            changes.extend(job.changes);
            replies.extend(job.reply.map(|reply| (end, reply)));
        }
        let usage = self.entrance.take_usage();
        changes.extend(usage.into_iter().map(Change::Usage));
        let Some(revived) = self.commit(&changes) else {
            return Vec::new();
        };
        let revived = revived.into_iter().map(|one| (one.id, one)).collect();
        let (follow, made) = self.apply(changes, &revived);
        self.wake.notify_one();
        let mut begin = 0;
        for (end, reply) in replies {
            let own = made.get(begin..end).unwrap_or_default();
            // Who asked may have stopped waiting.
            let _ = reply.send(own.iter().sum());
            begin = end;
        }
        follow
    }

    /// Tries until it works: what cannot be stored yet is kept in memory, and the entrance bounds
    /// how much that can be. `None`: the courier is going, and still it does not work.
    fn commit(&self, changes: &[Change]) -> Option<Vec<Waiting>> {
        if changes.is_empty() {
            return Some(Vec::new());
        }
        let mut failing = false;
        loop {
            match self.store.commit(changes) {
                Ok(revived) => {
                    if failing {
                        self.set_failing(false);
                        tracing::info!("webhooks are stored again");
                    }
                    return Some(revived);
                }
                Err(error) if self.closing.load(Ordering::Relaxed) => {
                    give_up(&error, changes.len());
                    return None;
                }
                Err(error) if failing => tracing::debug!(%error, "cannot store webhooks yet"),
                Err(error) => {
                    tracing::error!(%error, "cannot store webhooks; they wait in memory");
                    self.set_failing(true);
                    failing = true;
                }
            }
            park_timeout(PAUSE);
        }
    }

    fn set_failing(&self, failing: bool) {
        self.entrance.set_failing(failing);
        self.metrics.store_failing(failing);
    }

    fn apply(
        &self,
        changes: Vec<Change>,
        revived: &BTreeMap<Id, Waiting>,
    ) -> (Vec<Change>, Vec<usize>) {
        let now = self.clock.now();
        let mut follow = Vec::new();
        let mut made = Vec::with_capacity(changes.len());
        for change in changes {
            if let Change::Add { waiting, .. } = &change {
                self.entrance.leave(waiting);
            }
            // Locked for each, so that who sends need not wait for a long group.
            let mut ledger = self.ledger.lock();
            let outcome = ledger.apply(change, revived, now, &self.metrics);
            drop(ledger);
            follow.extend(outcome.follow);
            made.push(outcome.made);
        }
        self.note(&follow, now);
        (follow, made)
    }

    /// Logs that too much waits, now and then; the counters tell how much it is.
    fn note(&self, follow: &[Change], now: UnixMillis) {
        let given_up = follow.iter().find_map(|change| match change {
            Change::Dead(obituary) => Some((&*obituary.app, obituary.reason.as_str())),
            _ => None,
        });
        let Some((app_id, reason)) = given_up else {
            return;
        };
        let last = self.noted.load(Ordering::Relaxed);
        if now.0.saturating_sub(last) >= NOTE_EVERY {
            self.noted.store(now.0, Ordering::Relaxed);
            tracing::warn!(app_id, reason, "the oldest webhook requests are given up");
        }
    }
}

fn give_up(error: &StoreError, changes: usize) {
    tracing::error!(%error, changes, "webhooks that came last are lost: they could not be stored");
}
