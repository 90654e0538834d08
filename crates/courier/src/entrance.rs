//! How much may be submitted that is not stored yet.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use foghorn_webhooks::Class;
use tokio::sync::Notify;

use crate::store::Waiting;

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
        }
        !full
    }

    /// These are stored.
    pub(crate) fn leave(&self, stored: &[Waiting]) {
        let bytes = stored.iter().map(Waiting::weight).sum();
        self.deliveries.fetch_sub(stored.len(), Ordering::Relaxed);
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
        self.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests;
