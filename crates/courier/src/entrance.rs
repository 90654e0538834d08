//! How much may be submitted that is not stored yet.

use std::sync::atomic::{AtomicUsize, Ordering};

use foghorn_webhooks::Class;

use crate::store::Waiting;

/// Bytes for each delivery that may wait here; few are longer on average.
const BYTES_EACH: usize = 1_024;

/// Counts what is between [`crate::Courier::submit`] and the store.
pub(crate) struct Entrance {
    /// How many deliveries are let in; twice as many, if they tell of state.
    most: usize,
    deliveries: AtomicUsize,
    bytes: AtomicUsize,
}

impl Entrance {
    pub(crate) fn new(most: usize) -> Self {
        Self {
            most,
            deliveries: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
        }
    }

    /// Lets a delivery in. `false`: too many are inside, or too long ones.
    pub(crate) fn enter(&self, waiting: &Waiting) -> bool {
        let most = match waiting.delivery.class {
            Class::ClientEvents => self.most,
            Class::State => self.most.saturating_mul(2),
        };
        let bytes = self.bytes.load(Ordering::Relaxed);
        let full = self.deliveries.load(Ordering::Relaxed) >= most
            || bytes >= most.saturating_mul(BYTES_EACH);
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
    }
}
