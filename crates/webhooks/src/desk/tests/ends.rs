//! Batches, and the ends of all kinds of waiting.

use super::*;

#[test]
fn batches_wait_for_their_window_or_until_they_are_full() {
    let window = Duration::from_millis(50);
    let rules = Webhooks {
        batching: Batching::Within { window, most: 4 },
        ..all()
    };
    let mut desk = Desk::default();
    assert_eq!(desk.client_event(client_event("private-a", 0)), Wake::Shell);
    assert!(check(&mut desk, 100, &rules, &[]).is_empty());
    assert_eq!(desk.next(), Some(at(150)));
    assert_eq!(desk.occupied(&channel("private-b")), Wake::Nobody);
    let told = check(
        &mut desk,
        150,
        &rules,
        &["client-0 private-a", "occupied private-b"],
    );
    assert_eq!(told, [Mark::Told(channel_subject(&channel("private-b")))]);
    assert_eq!(desk.next(), None);
    for (number, wake) in [Wake::Shell, Wake::Nobody].into_iter().enumerate() {
        assert_eq!(desk.client_event(client_event("private-a", number)), wake);
    }
    check(&mut desk, 200, &rules, &[]);
    // A delay begins when it is noted, not when the batch is full.
    assert_eq!(desk.vacated(&channel("private-b")), Wake::Shell);
    check(&mut desk, 201, &rules, &[]);
    for (number, wake) in [(2, Wake::Nobody), (3, Wake::Shell)] {
        assert_eq!(desk.client_event(client_event("private-a", number)), wake);
    }
    let full = [0, 1, 2, 3].map(|number| format!("client-{number} private-a"));
    let due = desk.due(turn(202), &rules, |_| true);
    assert_eq!(words(&due), full);
    assert_eq!(desk.next(), Some(at(3201)));
    check(&mut desk, 3201, &rules, &[]);
    check(&mut desk, 3251, &rules, &["vacated private-b"]);
}

#[test]
fn a_flush_ends_all_waiting() {
    let window = Duration::from_millis(50);
    let rules = Webhooks {
        batching: Batching::Within { window, most: 100 },
        ..all()
    };
    let (mut desk, lobby) = (Desk::default(), channel("presence-lobby"));
    _ = desk.member_added(&lobby, &user("zoe"));
    _ = desk.counted(&channel("news"), 200);
    check(&mut desk, 0, &rules, &[]);
    _ = desk.counted(&channel("news"), 201);
    _ = desk.vacated(&lobby);
    let due = desk.flush(turn(1), &rules, |_| true);
    let expect = [
        "occupied presence-lobby",
        "added presence-lobby zoe",
        "count news 200",
        "count news 201",
        "removed presence-lobby zoe",
        "vacated presence-lobby",
    ];
    assert_eq!(words(&due), expect);
    assert_eq!(due.marks.len(), 4);
    assert_eq!(desk.next(), None);
}

#[test]
fn the_end_of_a_server_that_remembers_keeps_who_goes() {
    let window = Duration::from_secs(3);
    let batched = Webhooks {
        batching: Batching::Within { window, most: 100 },
        ..all()
    };
    let (mut desk, news) = (Desk::default(), channel("news"));
    let kept = |millis| Turn {
        departures: Departures::Kept,
        ..turn(millis)
    };
    for gone in ["going", "gone"] {
        _ = desk.occupied(&channel(gone));
    }
    _ = desk.counted(&news, 200);
    desk.flush(turn(0), &batched, |_| true);
    _ = desk.vacated(&channel("gone"));
    _ = desk.due(turn(1), &batched, |_| true);
    _ = desk.client_event(client_event("news", 1));
    _ = desk.counted(&news, 201);
    assert_eq!(desk.due(kept(2), &batched, |_| true), Due::default());
    _ = desk.vacated(&channel("going"));
    _ = desk.cache_missed(&channel("cache-car"));
    let due = desk.flush(kept(3), &batched, |_| true);
    assert_eq!(
        words(&due),
        ["client-1 news", "miss cache-car", "count news 201"]
    );
    assert!(due.marks.is_empty());
    // The next life begins with what is marked.
    assert_eq!(desk.flush(kept(900), &batched, |_| true), Due::default());
}

#[test]
fn batches_grow_while_receivers_are_behind() {
    let batching = Batching::Within {
        window: Duration::from_millis(50),
        most: 3,
    };
    let rules = Webhooks { batching, ..all() };
    let behind = |millis| Turn {
        pace: Pace::Behind,
        ..turn(millis)
    };
    let mut desk = Desk::default();
    _ = desk.client_event(client_event("private-a", 0));
    assert_eq!(desk.due(behind(0), &rules, |_| true), Due::default());
    assert_eq!(desk.next(), Some(at(1000)));
    // Those who have caught up meanwhile wait all the same.
    check(&mut desk, 999, &rules, &[]);
    check(&mut desk, 1000, &rules, &["client-0 private-a"]);
    for number in 0..3 {
        _ = desk.client_event(client_event("private-a", number));
    }
    assert_eq!(desk.due(behind(1001), &rules, |_| true).events.len(), 3);
}

#[test]
fn whoever_is_doubted_is_gone_unless_noted_again() {
    let (mut desk, rules) = (Desk::default(), all());
    let (stays, went) = (channel("stays"), channel("went"));
    for channel in [&stays, &went] {
        _ = desk.occupied(channel);
    }
    check(&mut desk, 0, &rules, &["occupied stays", "occupied went"]);
    assert_eq!(desk.doubt(), Wake::Shell);
    assert_eq!(desk.occupied(&stays), Wake::Nobody);
    check(&mut desk, 10, &rules, &[]);
    check(&mut desk, 3010, &rules, &["vacated went"]);
    assert_eq!(desk.next(), None);
}
