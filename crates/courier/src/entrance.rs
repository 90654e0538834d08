//! What is submitted and not stored yet, and how much that may be.

use std::collections::{BTreeMap, VecDeque};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use foghorn_webhooks::{Class, UnixMillis};
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::lanes::Depth;
use crate::store::{Usage, Waiting};

/// Bytes for each delivery that may wait here; few are longer on average.
const BYTES_EACH: usize = 1_024;

/// Deliveries in a submission for which there is room, once there is any.
const CHUNK: usize = 1_024;

/// Counts what is between [`crate::Courier::submit`] and the store.
pub(crate) struct Entrance {
    /// How many deliveries are let in; twice as many, if they tell of state.
    most: usize,
    deliveries: AtomicUsize,
    bytes: AtomicUsize,
    /// Since when each delivery waits, by app. They leave in the order in which they came.
    inside: Mutex<BTreeMap<Arc<str>, VecDeque<UnixMillis>>>,
    /// The latest of each app.
    usage: Mutex<BTreeMap<Arc<str>, Usage>>,
    /// The store takes nothing, so room would not come.
    failing: AtomicBool,
    changed: Notify,
}

impl Entrance {
    pub(crate) fn new(most: usize) -> Self {
        Self {
            most,
            deliveries: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
            inside: Mutex::default(),
            usage: Mutex::default(),
            failing: AtomicBool::new(false),
            changed: Notify::new(),
        }
    }

    /// Lets in what there is room for, in order; second is what there was none for. What is
    /// submitted is in memory already, so its bytes count for what is submitted next.
    pub(crate) fn admit(&self, submitted: Vec<Waiting>) -> (Vec<Waiting>, Vec<Waiting>) {
        if self.is_heavy() {
            return (Vec::new(), submitted);
        }
        submitted.into_iter().partition(|one| self.enter(one))
    }

    /// Waits until a submission of up to 1,024 deliveries is let in as a whole. Returns at once if
    /// the store fails.
    pub(crate) async fn room(&self) {
        loop {
            let mut changed = pin!(self.changed.notified());
            changed.as_mut().enable();
            let inside = self.deliveries.load(Ordering::Relaxed);
            let roomy = inside == 0 || inside.saturating_add(CHUNK) <= self.most;
            if (roomy && !self.is_heavy()) || self.failing.load(Ordering::Relaxed) {
                return;
            }
            changed.await;
        }
    }

    /// Whether the store fails.
    pub(crate) fn set_failing(&self, failing: bool) {
        self.failing.store(failing, Ordering::Relaxed);
        self.changed.notify_waiters();
    }

    fn is_heavy(&self) -> bool {
        self.bytes.load(Ordering::Relaxed) >= self.most.saturating_mul(BYTES_EACH)
    }

    fn enter(&self, waiting: &Waiting) -> bool {
        let most = match waiting.delivery.class {
            Class::ClientEvents => self.most,
            Class::State => self.most.saturating_mul(2),
        };
        let full = self.deliveries.load(Ordering::Relaxed) >= most;
        if !full {
            self.deliveries.fetch_add(1, Ordering::Relaxed);
            self.bytes.fetch_add(waiting.weight(), Ordering::Relaxed);
            let app = Arc::clone(&waiting.delivery.app);
            let mut inside = self.inside.lock();
            inside.entry(app).or_default().push_back(waiting.since);
        }
        !full
    }

    /// What is inside, by app.
    pub(crate) fn depths(&self) -> BTreeMap<Arc<str>, Depth> {
        let inside = self.inside.lock();
        let depth = |(app, queue): (&Arc<str>, &VecDeque<UnixMillis>)| {
            let oldest = *queue.front()?;
            let waiting = queue.len();
            Some((Arc::clone(app), Depth { waiting, oldest }))
        };
        inside.iter().filter_map(depth).collect()
    }

    /// Keeps the latest usage of each app, which is all that matters. `true`: there was none
    /// before.
    pub(crate) fn put_usage(&self, news: Vec<Usage>) -> bool {
        let mut usage = self.usage.lock();
        let was_empty = usage.is_empty();
        usage.extend(news.into_iter().map(|one| (Arc::clone(&one.app), one)));
        was_empty && !usage.is_empty()
    }

    pub(crate) fn take_usage(&self) -> Vec<Usage> {
        std::mem::take(&mut *self.usage.lock())
            .into_values()
            .collect()
    }

    /// These are stored.
    pub(crate) fn leave(&self, stored: &[Waiting]) {
        let bytes = stored.iter().map(Waiting::weight).sum();
        self.deliveries.fetch_sub(stored.len(), Ordering::Relaxed);
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
        let mut inside = self.inside.lock();
        for one in stored {
            let app = &one.delivery.app;
            if let Some(queue) = inside.get_mut(app) {
                queue.pop_front();
                if queue.is_empty() {
                    inside.remove(app);
                }
            }
        }
        drop(inside);
        self.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests;
