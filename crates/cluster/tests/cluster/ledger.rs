//! What a node tells of itself.

use foghorn_cluster::{Ledger, Message};

use crate::{joined, left, node, occupied};

#[test]
fn news_are_numbered_and_what_is_known_is_not_news() {
    let mut ledger = Ledger::new(node(1), 100);
    assert_eq!(ledger.flush(), None);
    assert_eq!(ledger.heartbeat(), Message::Heartbeat { next: 1 });

    let member = joined("presence-a", r#"{"user_id":"u"}"#);
    let news = vec![occupied("presence-a", 1), member.clone()];
    for fact in news.iter().chain(&news) {
        ledger.record(fact.clone());
    }
    ledger.record(left("presence-a", "stranger"));
    ledger.record(occupied("never", 0));
    let first = Message::Facts {
        first: 1,
        facts: news,
    };
    assert_eq!(ledger.flush(), Some(first));
    assert_eq!(ledger.flush(), None);

    ledger.record(occupied("presence-a", 0));
    let second = Message::Facts {
        first: 3,
        facts: vec![occupied("presence-a", 0)],
    };
    assert_eq!(ledger.flush(), Some(second));
    assert_eq!(ledger.heartbeat(), Message::Heartbeat { next: 4 });
    let rows = Message::Snapshot {
        next: 4,
        facts: vec![member],
    };
    assert_eq!(ledger.snapshot([]), rows);
}

#[test]
fn too_many_unsent_facts_leave_a_gap_in_the_numbers() {
    let mut ledger = Ledger::new(node(1), 2);
    for count in 1..=4 {
        ledger.record(occupied("a", count));
    }
    assert_eq!(ledger.overflows(), 1);
    let rest = Message::Facts {
        first: 4,
        facts: vec![occupied("a", 4)],
    };
    assert_eq!(ledger.flush(), Some(rest));
    assert_eq!(ledger.heartbeat(), Message::Heartbeat { next: 5 });
}
