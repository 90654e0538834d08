//! What is remembered, without a store.

use foghorn_protocol::ChannelName;
use foghorn_webhooks::{Lane, Schedule, Target};
use prometheus::Registry;

use super::*;
use crate::clock::Clock;
use crate::settings::StoreKind;
use crate::store::Progress;

const NOW: UnixMillis = UnixMillis(1_000_000);

fn ledger() -> (Ledger, Metrics) {
    let settings = Settings::new(StoreKind::Memory, Schedule::default());
    let ledger = || Ledger::new(&settings, Arc::new(Entrance::new(100)));
    let other = Arc::new(parking_lot::Mutex::new(ledger()));
    let metrics = Metrics::register(&Registry::new(), &other, Clock::start()).unwrap();
    (ledger(), metrics)
}

fn entry(id: u64) -> Entry {
    let url = "http://x/".to_owned();
    let headers = Vec::new();
    Entry {
        id: Id(id),
        app: "a".into(),
        target: Arc::new(Target { url, headers }),
        lane: Lane::Channel(ChannelName::parse("c", 100).unwrap()),
        class: Class::State,
        since: NOW,
        progress: Progress::default(),
    }
}

#[test]
fn what_was_stored_by_a_clock_that_was_ahead_waits_since_now() {
    let (mut ledger, metrics) = ledger();
    let mut early = entry(1);
    early.since = UnixMillis(NOW.0 + 86_400_000);
    early.progress = Progress {
        attempts: 1,
        next: early.since,
    };
    ledger.load(vec![early], Vec::new(), NOW, &metrics);
    assert_eq!(ledger.backlogs()[0].oldest, Some(NOW));
    let due = ledger.lanes.next().unwrap();
    assert!(due <= UnixMillis(NOW.0 + LONGEST_PAUSE));
    assert_eq!(ledger.lanes.start(due)[0].since, NOW);
}
