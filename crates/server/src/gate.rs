//! Counting what is in flight, to wait until nothing is.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

/// Counts its passes.
#[derive(Clone, Default)]
pub(crate) struct Gate(Arc<Inner>);

#[derive(Default)]
struct Inner {
    inside: AtomicUsize,
    emptied: Notify,
}

/// Something in flight. Dropping it is its end.
pub(crate) struct Pass(Arc<Inner>);

impl Gate {
    /// One more in flight.
    pub(crate) fn enter(&self) -> Pass {
        self.0.inside.fetch_add(1, Ordering::AcqRel);
        Pass(Arc::clone(&self.0))
    }

    /// How many are in flight.
    pub(crate) fn inside(&self) -> usize {
        self.0.inside.load(Ordering::Acquire)
    }

    /// Waits until nothing is in flight.
    pub(crate) async fn wait_empty(&self) {
        loop {
            // Registered before looking, so an end in between is not missed.
            let mut emptied = std::pin::pin!(self.0.emptied.notified());
            emptied.as_mut().enable();
            if self.0.inside.load(Ordering::Acquire) == 0 {
                return;
            }
            emptied.await;
        }
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if self.0.inside.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.emptied.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn waits_for_the_last_one() {
        let gate = Gate::default();
        gate.wait_empty().await;
        let (first, second) = (gate.enter(), gate.enter());
        let waiting = tokio::spawn({
            let gate = gate.clone();
            async move { gate.wait_empty().await }
        });
        tokio::task::yield_now().await;
        drop(first);
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drop(second);
        waiting.await.unwrap();
    }
}
