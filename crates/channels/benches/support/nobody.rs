//! The rest of the cluster, in benchmarks: none.

use std::sync::Arc;

use foghorn_channels::{Announce, Change, Counting, Joining, Key, News, Send, Stamp, Tally};

/// No other node is there.
pub(crate) struct Nobody;

impl Announce for Nobody {
    fn interest(&self, _: &Key) -> Joining {
        Joining::Done
    }

    fn lost_interest(&self, _: &Key) {}

    fn changed(&self, _: &Key, _: Change<'_>) {}

    fn relay(&self, _: &Key, _: &Send, _: Option<Stamp>) {}

    fn counting(&self, _: &Key) -> Counting {
        Counting::Silent
    }

    fn tally(&self, _: &Key) -> Arc<Tally> {
        Arc::default()
    }

    fn count_waits(&self, _: &Key) {}

    fn happened(&self, _: &Key, _: News<'_>) {}

    fn evicted(&self) {}
}
