//! How fast back ends may go, and what clients send to the wrong node.

use foghorn_protocol::{Allowance, Bucket, Exhausted, Moment, Rate};
use parking_lot::Mutex;

use crate::app::App;

/// Bytes that a node passes on for one app in a second. Who knows an app's key can make up
/// sessions, each of whose messages goes to every other node.
const PASSED_ON_PER_SECOND: u32 = 4 << 20;

/// One app's buckets, on this node: of the HTTP API, and of what is passed on to other nodes.
#[derive(Debug)]
pub(crate) struct Rates {
    events: Mutex<Bucket>,
    reads: Mutex<Bucket>,
    passed_on: Mutex<Bucket>,
}

impl Rates {
    pub(crate) fn new() -> Self {
        let start = Moment::default();
        Self {
            events: Mutex::new(Bucket::full(start)),
            reads: Mutex::new(Bucket::full(start)),
            passed_on: Mutex::new(Bucket::full(start)),
        }
    }
}

impl App {
    /// Counts `events` of a back end, once per channel: all of them or, if they are too many, none.
    /// What is left, where there is a limit.
    ///
    /// # Errors
    /// They are too many for this second.
    pub fn take_events(&self, events: u32, now: Moment) -> Result<Option<Allowance>, Exhausted> {
        let rate = self.limits().api_events_per_second;
        self.rates().events.lock().take(rate, events, now)
    }

    /// Counts one request of a back end that asks something. What is left, where there is a limit.
    ///
    /// # Errors
    /// It is one too many for this second.
    pub fn take_read(&self, now: Moment) -> Result<Option<Allowance>, Exhausted> {
        let rate = self.limits().api_reads_per_second;
        self.rates().reads.lock().take(rate, 1, now)
    }

    /// Counts `bytes` that are passed on to other nodes. More than a second's worth at once may go
    /// if nothing else did.
    ///
    /// # Errors
    /// They are too many for this second.
    pub(crate) fn take_passed_on(&self, bytes: usize, now: Moment) -> Result<(), Exhausted> {
        let cost = u32::try_from(bytes).unwrap_or(u32::MAX);
        let cost = cost.min(PASSED_ON_PER_SECOND);
        let rate = Rate::PerSecond(PASSED_ON_PER_SECOND);
        let mut bucket = self.rates().passed_on.lock();
        bucket.take(rate, cost, now).map(drop)
    }
}
