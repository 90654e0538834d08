//! Counting what is delivered.

use std::sync::atomic::{AtomicU64, Ordering};

/// A number of messages that only grows. Whoever counts does not wait, and who reads sees what was
/// counted up to some moment of now.
#[derive(Debug, Default)]
pub struct Tally(AtomicU64);

impl Tally {
    /// Counts `messages` more.
    pub fn add(&self, messages: usize) {
        self.0.fetch_add(messages as u64, Ordering::Relaxed);
    }

    /// How many there were.
    #[must_use]
    pub fn sum(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
