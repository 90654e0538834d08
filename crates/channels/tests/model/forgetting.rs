//! When a cached event is forgotten: in its time, or before that because there is no room.

use std::collections::BTreeMap;

use foghorn_channels::{QueueLimits, Subscribe};
use proptest::prelude::*;

use crate::world::{
    Recorder, at, cached, event, finish, hub, joined, key, limited, living, missed, newcomer_hears,
    send, subscriber, text,
};

#[test]
fn an_event_lives_as_long_as_was_said_and_no_longer() {
    let hub = hub(Recorder::quick());
    let car = key("cache-car");
    finish(hub.publish_cached(
        &hub.find(car.clone()),
        send(event(&car, 1)),
        living(1_000, 500),
    ));
    assert_eq!(newcomer_hears(&hub, &car, 1_499)[1], text(&event(&car, 1)));
    assert!(hub.cached(&car, at(1_499)).is_some());
    // Whether or not anybody has cleaned up.
    assert_eq!(newcomer_hears(&hub, &car, 1_500)[1], missed(&car));
    assert_eq!(hub.cached(&car, at(1_500)), None);
    hub.expire(at(1_499));
    assert_eq!(hub.channels(), 1);
    hub.expire(at(1_500));
    assert_eq!(hub.channels(), 0);
}

#[test]
fn a_later_event_starts_the_time_again() {
    let hub = hub(Recorder::quick());
    let car = key("cache-car");
    finish(hub.publish_cached(&hub.find(car.clone()), send(event(&car, 1)), living(0, 500)));
    finish(hub.publish_cached(
        &hub.find(car.clone()),
        send(event(&car, 2)),
        living(400, 500),
    ));
    hub.expire(at(600));
    assert_eq!(newcomer_hears(&hub, &car, 600)[1], text(&event(&car, 2)));
    hub.expire(at(900));
    assert_eq!(hub.channels(), 0);
}

/// What is remembered does not depend on how far the queue has been carried out.
#[test]
fn an_event_in_the_queue_is_remembered_and_forgotten_like_any_other() {
    let hub = hub(Recorder::quick());
    let car = key("cache-car");
    joined(&hub, &car, 1);
    finish(hub.publish_cached(&hub.find(car.clone()), send(event(&car, 1)), living(0, 500)));
    let drain = hub.publish_cached(
        &hub.find(car.clone()),
        send(event(&car, 2)),
        living(400, 500),
    );
    hub.expire(at(600));
    let (inbox, subscribe) = subscriber(2);
    let subscribe = Subscribe {
        now: at(600),
        ..subscribe
    };
    assert!(hub.subscribe(&car, subscribe).unwrap().is_none());
    assert_eq!(inbox.heard()[1..], [text(&event(&car, 2))]);
    hub.expire(at(900));
    finish(drain);
    assert_eq!(newcomer_hears(&hub, &car, 0)[1], missed(&car));
}

/// A node that forgot an event before its time must not number the next one as if it were older.
#[test]
fn versions_go_on_after_an_event_is_forgotten() {
    let announced = Recorder::quick();
    let hub = hub(announced.clone());
    let car = key("cache-car");
    finish(hub.remember(&car, cached(&event(&car, 1), 500, 7)));
    hub.expire(at(500));
    finish(hub.publish_cached(
        &hub.find(car.clone()),
        send(event(&car, 2)),
        living(500, 500),
    ));
    assert!(announced.last_stamp().version > 7);
}

/// What a channel counts for beside its event.
const PER_CHANNEL: usize = 512;

proptest! {
    /// Too much is remembered: the events that expire soonest go, and no more of them than needed.
    #[test]
    fn what_expires_soonest_makes_room(
        lives in Just((1..=12).collect::<Vec<u64>>()).prop_shuffle(),
        room in 0usize..=13,
        again in prop::collection::vec(0usize..12, 0..6),
    ) {
        let keys: Vec<_> = (0..12).map(|n| key(&format!("cache-{n:02}"))).collect();
        let size = PER_CHANNEL + event(&keys[0], 1).wire_len();
        let announced = Recorder::quick();
        let limits = QueueLimits { cached_bytes: room * size, ..QueueLimits::default() };
        let hub = limited(limits, announced.clone());
        // Some publish again, and so come last.
        let first = lives.iter().enumerate().map(|(n, life)| (n, life * 1_000));
        let again = again.into_iter().enumerate().map(|(n, at)| (at, 20_000 + n as u64));
        let mut kept = BTreeMap::new();
        for (n, until) in first.chain(again) {
            let to = hub.find(keys[n].clone());
            let life = living(0, until);
            finish(hub.publish_cached(&to, send(event(&keys[n], 1)), life));
            kept.insert(n, until);
            let mut gone = 0;
            while kept.len() > room {
                let soonest = *kept.iter().min_by_key(|(_, until)| **until).unwrap().0;
                kept.remove(&soonest);
                gone += 1;
            }
            let said = announced.said();
            prop_assert_eq!(said.iter().filter(|what| *what == "evicted").count(), gone);
            for (n, key) in keys.iter().enumerate() {
                prop_assert_eq!(hub.cached(key, at(0)).is_some(), kept.contains_key(&n), "{}", n);
            }
        }
        prop_assert_eq!(hub.channels(), kept.len());
        hub.expire(at(30_000));
        prop_assert_eq!(hub.channels(), 0);
        prop_assert_eq!(announced.said(), Vec::<String>::new(), "that was their time");
    }
}
