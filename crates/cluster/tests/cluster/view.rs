//! The view, step by step.

use std::time::Duration;

use foghorn_cluster::{Change, Fact, LinkState, Message, Patience, RowChange, View, ViewEvent};
use foghorn_protocol::Moment;

use crate::{
    app, cached, channel, connected, frame, joined, member, node, occupied, recipient, session,
    user,
};

const ME: u64 = 1;
const PEER: u64 = 2;

pub(crate) const PATIENCE: Patience = Patience {
    suspect_after: Duration::from_secs(30),
    ask_again_after: Duration::from_secs(5),
};

fn at(seconds: u64) -> Moment {
    Moment::from_start(Duration::from_secs(seconds))
}

fn view() -> View {
    let mut view = View::new(node(ME), PATIENCE);
    assert_eq!(view.on_timeout(at(0), LinkState::Up), []);
    view
}

fn row(change: Change) -> ViewEvent {
    ViewEvent::Row(RowChange {
        node: node(PEER),
        app: app(),
        change,
    })
}

fn count(name: &str, before: u32, after: u32) -> ViewEvent {
    let recipient = recipient(name);
    row(Change::Count {
        recipient,
        before,
        after,
    })
}

fn ask() -> ViewEvent {
    ViewEvent::NeedSnapshot(node(PEER))
}

fn facts(first: u64, facts: &[Fact]) -> Message {
    Message::Facts {
        first,
        facts: facts.to_vec(),
    }
}

fn snapshot(next: u64, facts: &[Fact]) -> Message {
    Message::Snapshot {
        next,
        facts: facts.to_vec(),
    }
}

fn heartbeat(next: u64) -> Message {
    Message::Heartbeat { next }
}

fn event() -> Message {
    Message::Event {
        app: app(),
        recipient: recipient("a"),
        except: None,
        stamp: None,
        frame: frame("{}"),
    }
}

fn sent() -> Message {
    Message::Sent {
        app: app(),
        session: session("0/00000000"),
        messages: vec!["{}".to_owned()],
    }
}

/// Feeds the peer's messages at their seconds and compares what follows from each.
#[track_caller]
fn check(steps: Vec<(u64, Message, Vec<ViewEvent>)>) -> View {
    let mut view = view();
    for (step, (second, message, expect)) in steps.into_iter().enumerate() {
        let shown = format!("step {step}: {message:?}");
        let events = view.apply(node(PEER), message, at(second));
        assert_eq!(events, expect, "{shown}");
    }
    view
}

#[test]
fn numbers_in_order_are_applied_and_old_ones_ignored() {
    let view = check(vec![
        (
            0,
            facts(0, &[occupied("a", 1), occupied("b", 1)]),
            vec![count("a", 0, 1), count("b", 0, 1)],
        ),
        (0, facts(2, &[occupied("a", 2)]), vec![count("a", 1, 2)]),
        (0, facts(0, &[occupied("a", 1), occupied("b", 1)]), vec![]),
        (0, facts(2, &[]), vec![]),
        // Partly old: only the new part counts.
        (
            0,
            facts(2, &[occupied("a", 2), occupied("a", 0)]),
            vec![count("a", 2, 0)],
        ),
        (0, heartbeat(4), vec![]),
        (0, heartbeat(1), vec![]),
        (0, facts(4, &[occupied("a", 0)]), vec![]),
        (0, heartbeat(5), vec![]),
    ]);
    assert!(view.is_caught_up());
    assert_eq!(view.rows_of(node(PEER)), [occupied("b", 1)]);
}

#[test]
fn members_join_change_and_leave() {
    let named = |name: &str| format!(r#"{{"user_id":"u","user_info":{{"name":"{name}"}}}}"#);
    let (z, y) = (named("Z"), named("Y"));
    check(vec![
        (
            0,
            facts(0, &[joined("presence-a", &z)]),
            vec![row(Change::Joined(channel("presence-a"), member(&z)))],
        ),
        (0, facts(1, &[joined("presence-a", &z)]), vec![]),
        (
            0,
            facts(2, &[joined("presence-a", &y)]),
            vec![row(Change::Updated(channel("presence-a"), member(&y)))],
        ),
        (
            0,
            facts(3, &[crate::left("presence-a", "u")]),
            vec![row(Change::Left(channel("presence-a"), user("u")))],
        ),
        (0, facts(4, &[crate::left("presence-a", "u")]), vec![]),
    ]);
}

#[test]
fn a_gap_asks_once_and_the_snapshot_yields_only_differences() {
    let data = r#"{"user_id":"u"}"#;
    check(vec![
        (
            0,
            facts(
                0,
                &[
                    occupied("a", 1),
                    occupied("b", 1),
                    joined("presence-c", data),
                ],
            ),
            vec![
                count("a", 0, 1),
                count("b", 0, 1),
                row(Change::Joined(channel("presence-c"), member(data))),
            ],
        ),
        (1, facts(4, &[occupied("c", 1)]), vec![ask()]),
        (2, facts(5, &[occupied("d", 1)]), vec![]),
        (2, facts(3, &[occupied("e", 1)]), vec![]),
        (3, heartbeat(6), vec![]),
        // Not answered: a while later it asks again, once.
        (6, heartbeat(6), vec![ask()]),
        (7, heartbeat(6), vec![]),
        // Older than what is known already.
        (7, snapshot(2, &[]), vec![]),
        (
            7,
            snapshot(6, &[occupied("a", 1), occupied("b", 2), occupied("d", 1)]),
            vec![
                row(Change::Left(channel("presence-c"), user("u"))),
                count("b", 1, 2),
                count("d", 0, 1),
            ],
        ),
        (
            8,
            snapshot(6, &[occupied("a", 1), occupied("b", 2), occupied("d", 1)]),
            vec![],
        ),
        (8, facts(6, &[occupied("d", 0)]), vec![count("d", 1, 0)]),
    ]);
}

#[test]
fn meeting_a_peer_late_is_a_gap() {
    let view = check(vec![
        (0, heartbeat(3), vec![ask()]),
        (0, heartbeat(3), vec![]),
    ]);
    assert!(!view.is_caught_up());
    check(vec![(0, facts(3, &[occupied("a", 1)]), vec![ask()])]);
    let view = check(vec![
        (0, facts(3, &[occupied("a", 1)]), vec![ask()]),
        (0, snapshot(4, &[occupied("a", 1)]), vec![count("a", 0, 1)]),
    ]);
    assert!(view.is_caught_up());
    // Who has said nothing yet has no rows to ask for.
    let view = check(vec![(0, heartbeat(0), vec![])]);
    assert_eq!(view.peers().collect::<Vec<_>>(), [node(PEER)]);
}

#[test]
fn requests_are_passed_on_and_events_introduce_nobody() {
    let wanted = ViewEvent::SnapshotWanted(node(PEER));
    let view = check(vec![
        (0, event(), vec![]),
        (0, sent(), vec![]),
        (0, Message::SnapshotRequest, vec![wanted]),
    ]);
    assert_eq!(view.peers().count(), 0);
}

#[test]
fn the_largest_numbers_are_only_numbers() {
    check(vec![
        (0, snapshot(u64::MAX, &[]), vec![]),
        (
            0,
            facts(u64::MAX, &[occupied("a", 1), occupied("a", 2)]),
            vec![count("a", 0, 1), count("a", 1, 2)],
        ),
        (0, facts(0, &[occupied("a", 1)]), vec![]),
        (0, heartbeat(u64::MAX), vec![]),
    ]);
}

#[test]
fn own_messages_are_ignored() {
    let mut view = view();
    for message in [
        facts(0, &[occupied("a", 1)]),
        heartbeat(9),
        snapshot(9, &[occupied("a", 1)]),
        Message::SnapshotRequest,
        Message::Leaving,
        event(),
        sent(),
    ] {
        assert_eq!(view.apply(node(ME), message, at(0)), []);
    }
    assert_eq!(view.peers().count(), 0);
}

#[test]
fn a_leaving_peer_is_gone_at_once_and_stragglers_do_not_bring_it_back() {
    let mut view = check(vec![
        (0, facts(0, &[occupied("a", 1)]), vec![count("a", 0, 1)]),
        (1, Message::Leaving, vec![count("a", 1, 0)]),
        (1, heartbeat(1), vec![]),
        (2, snapshot(1, &[occupied("a", 1)]), vec![]),
        (2, facts(1, &[occupied("a", 2)]), vec![]),
        (3, facts(9, &[occupied("a", 2)]), vec![]),
        (3, Message::Leaving, vec![]),
    ]);
    assert_eq!(view.peers().count(), 0);
    assert!(view.is_caught_up());
    // Nobody remembers goodbyes for ever.
    assert_eq!(view.on_timeout(at(31), LinkState::Up), []);
    assert_eq!(view.apply(node(PEER), heartbeat(1), at(31)), [ask()]);
}

#[test]
fn silence_drops_the_rows_and_any_word_breaks_it() {
    let words = [
        event(),
        sent(),
        heartbeat(1),
        Message::SnapshotRequest,
        facts(0, &[]),
        snapshot(0, &[]),
    ];
    for word in words {
        let mut view = check(vec![(
            0,
            facts(0, &[occupied("a", 1)]),
            vec![count("a", 0, 1)],
        )]);
        view.apply(node(PEER), word.clone(), at(20));
        assert_eq!(view.on_timeout(at(49), LinkState::Up), [], "{word:?}");
        let dropped = view.on_timeout(at(50), LinkState::Up);
        assert_eq!(dropped, [count("a", 1, 0)], "{word:?}");
        assert_eq!(view.on_timeout(at(99), LinkState::Up), []);
        // It was only slow: everything is asked for again.
        assert_eq!(view.apply(node(PEER), heartbeat(1), at(99)), [ask()]);
    }
}

#[test]
fn silence_does_not_count_while_the_link_is_down() {
    let mut view = check(vec![(
        0,
        facts(0, &[occupied("a", 1)]),
        vec![count("a", 0, 1)],
    )]);
    assert_eq!(view.on_timeout(at(29), LinkState::Down), []);
    assert_eq!(view.on_timeout(at(500), LinkState::Down), []);
    assert_eq!(view.on_timeout(at(1000), LinkState::Up), []);
    assert_eq!(view.on_timeout(at(1029), LinkState::Up), []);
    assert_eq!(view.on_timeout(at(1030), LinkState::Up), [count("a", 1, 0)]);
}

/// What a peer remembers is passed on each time, stays when the peer goes, and is no row.
#[test]
fn cached_events_belong_to_no_node() {
    let (old, new) = (cached("cache-x", 1, "1"), cached("cache-x", 2, "2"));
    let fact = |cached: &foghorn_cluster::Cached| Fact::Cached(cached.clone());
    let view = check(vec![
        (
            1,
            facts(0, &[fact(&old), connected(3), fact(&new)]),
            vec![
                ViewEvent::Cached(old.clone()),
                row(Change::Connected {
                    before: 0,
                    after: 3,
                }),
                ViewEvent::Cached(new.clone()),
            ],
        ),
        (
            2,
            facts(3, &[fact(&new)]),
            vec![ViewEvent::Cached(new.clone())],
        ),
        (3, heartbeat(9), vec![ask()]),
        (
            4,
            snapshot(9, &[fact(&new)]),
            vec![
                ViewEvent::Cached(new.clone()),
                row(Change::Connected {
                    before: 3,
                    after: 0,
                }),
            ],
        ),
        (5, Message::Leaving, vec![]),
    ]);
    assert_eq!(view.rows_of(node(PEER)), []);
}
