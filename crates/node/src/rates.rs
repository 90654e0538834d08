//! How fast back ends may go.

use foghorn_protocol::{Bucket, Exhausted, Moment};
use parking_lot::Mutex;

use crate::app::App;

/// One app's buckets for the HTTP API, on this node.
#[derive(Debug)]
pub(crate) struct Rates {
    events: Mutex<Bucket>,
    reads: Mutex<Bucket>,
}

impl Rates {
    pub(crate) fn new() -> Self {
        let start = Moment::default();
        Self {
            events: Mutex::new(Bucket::full(start)),
            reads: Mutex::new(Bucket::full(start)),
        }
    }
}

impl App {
    /// Counts `events` of a back end, once per channel: all of them or, if they are too many, none.
    ///
    /// # Errors
    /// They are too many for this second.
    pub fn take_events(&self, events: u32, now: Moment) -> Result<(), Exhausted> {
        let rate = self.limits().api_events_per_second;
        self.rates().events.lock().take(rate, events, now)
    }

    /// Counts one request of a back end that asks something.
    ///
    /// # Errors
    /// It is one too many for this second.
    pub fn take_read(&self, now: Moment) -> Result<(), Exhausted> {
        let rate = self.limits().api_reads_per_second;
        self.rates().reads.lock().take(rate, 1, now)
    }
}
