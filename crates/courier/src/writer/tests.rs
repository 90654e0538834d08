//! What cannot be stored does not end the thread.

use std::sync::mpsc::channel;

use foghorn_auth::AppKey;
use foghorn_webhooks::{Class, Delivery, Lane, Schedule, Target};
use prometheus::{Registry, TextEncoder};

use super::*;
use crate::settings::{Settings, StoreKind};
use crate::store::{Id, Memory, Progress, Waiting};

fn add(id: u64, app: &str) -> Change {
    let url = "http://x/".to_owned();
    let headers = Vec::new();
    let waiting = Waiting {
        id: Id(id),
        delivery: Delivery {
            app: app.into(),
            target: Arc::new(Target { url, headers }),
            lane: Lane::App,
            class: Class::State,
            created: UnixMillis(0),
            key: AppKey::parse("key").unwrap(),
            signature: String::new(),
            body: [].into(),
        },
        since: UnixMillis(0),
        progress: Progress::default(),
    };
    Change::Add {
        waiting: vec![waiting],
        marks: Vec::new(),
    }
}

fn is_poisonous(change: &Change) -> bool {
    matches!(change, Change::Add { waiting, .. }
        if waiting.iter().any(|one| &*one.delivery.app == "poison"))
}

fn writer(registry: &Registry, store: Store) -> Writer {
    let settings = Settings::new(StoreKind::Memory, Schedule::default());
    let entrance = Arc::new(Entrance::new(10));
    let ledger = Ledger::new(&settings, Arc::clone(&entrance));
    let ledger = Arc::new(Mutex::new(ledger));
    let clock = Clock::start();
    Writer {
        store: Arc::new(store),
        metrics: Metrics::register(registry, &ledger, clock).unwrap(),
        ledger,
        entrance,
        clock,
        wake: Arc::new(Notify::new()),
        pause: Duration::ZERO,
        closing: Arc::new(AtomicBool::new(false)),
        noted: AtomicU64::new(0),
    }
}

#[test]
fn who_dies_after_being_forgotten_leaves_nothing() {
    let writer = writer(&Registry::new(), Store::Memory(Memory::default()));
    writer.handle(vec![Job {
        changes: vec![add(1, "a")],
        reply: None,
    }]);
    let dead = Change::Dead(Obituary {
        id: Id(1),
        app: "a".into(),
        class: Class::State,
        reason: "status 500".to_owned(),
        at: UnixMillis(0),
        attempts: 9,
    });
    writer.handle(vec![Job {
        changes: vec![Change::Forget("a".into()), dead],
        reply: None,
    }]);
    assert_eq!(writer.ledger.lock().backlogs(), []);
}

#[test]
fn what_the_store_cannot_bear_is_set_aside_alone() {
    let registry = Registry::new();
    let store = Store::Picky(Memory::default(), is_poisonous);
    let writer = writer(&registry, store);
    let (jobs, receiver) = channel();
    for changes in [vec![add(1, "a"), add(2, "poison")], vec![add(3, "b")]] {
        let reply = None;
        jobs.send(Job { changes, reply }).unwrap();
    }
    drop(jobs);
    writer.run(&receiver, Vec::new());
    for (id, stored) in [(1, true), (2, false), (3, true)] {
        assert_eq!(writer.store.waiting(Id(id)).unwrap().is_some(), stored);
    }
    let text = TextEncoder::new()
        .encode_to_string(&registry.gather())
        .unwrap();
    let dropped = r#"dropped_total{app_id="poison",reason="unstorable"} 1"#;
    assert!(text.contains(dropped), "{text}");
    assert!(text.contains("foghorn_webhook_store_failing 0"), "{text}");
    assert_eq!(writer.ledger.lock().backlogs().len(), 2);
}
