//! What a cache channel remembers, and what a newcomer gets of it (INV-CACHE-1).

use foghorn_channels::{Hub, Key, Progress, Stamp};

use crate::world::{
    Recorder, acknowledged, at, cached, event, finish, hub, join, joined, key, living, missed,
    newcomer_hears, send, socket, text,
};

const MINUTE: u64 = 60_000;

/// Publishes the event number `n`, which lives for a minute.
fn publish(hub: &Hub, key: &Key, n: usize) {
    let send = send(event(key, n));
    finish(hub.publish_cached(&hub.find(key.clone()), send, living(0, MINUTE)));
}

/// The event number `n` as newcomers get it.
fn nth(key: &Key, n: usize) -> String {
    text(&event(key, n))
}

#[test]
fn a_newcomer_gets_the_last_event_or_hears_that_there_is_none() {
    let hub = hub(Recorder::quick());
    for name in [
        "cache-a",
        "private-cache-a",
        "private-encrypted-cache-a",
        "presence-cache-a",
    ] {
        let car = key(name);
        let heard = newcomer_hears(&hub, &car, 0);
        assert_eq!(heard[1..], [missed(&car)], "{name}");
        publish(&hub, &car, 1);
        publish(&hub, &car, 2);
        let heard = newcomer_hears(&hub, &car, 0);
        assert!(heard[0].contains("subscription_succeeded"), "{heard:?}");
        assert_eq!(heard[1..], [nth(&car, 2)], "{name}");
    }
    let news = key("news");
    assert_eq!(newcomer_hears(&hub, &news, 0), [acknowledged(&news)]);
}

#[test]
fn only_the_newcomer_gets_the_cached_event() {
    let hub = hub(Recorder::quick());
    let car = key("cache-car");
    let inbox = joined(&hub, &car, 1);
    publish(&hub, &car, 1);
    joined(&hub, &car, 2);
    assert_eq!(
        inbox.heard(),
        [acknowledged(&car), missed(&car), nth(&car, 1)]
    );
}

/// INV-CACHE-1: what counts is the place in the queue, not how far it has been carried out.
#[test]
fn a_newcomer_gets_the_event_before_its_place_and_then_every_later_one() {
    let hub = hub(Recorder::quick());
    let car = key("cache-car");
    let witness = joined(&hub, &car, 9);
    let drain = hub.publish_cached(
        &hub.find(car.clone()),
        send(event(&car, 0)),
        living(0, MINUTE),
    );
    let (first, _) = join(&hub, &car, 1);
    publish(&hub, &car, 1);
    publish(&hub, &car, 2);
    let (second, _) = join(&hub, &car, 2);
    publish(&hub, &car, 3);
    let (third, _) = join(&hub, &car, 3);
    let greeting = acknowledged(&car);
    let [zero, one, two, three] = [0, 1, 2, 3].map(|n| nth(&car, n));
    assert_eq!(second.heard(), [&*greeting, &two], "greeted at once");
    assert_eq!(witness.heard().len(), 2, "nothing was delivered yet");
    finish(drain);
    assert_eq!(
        first.heard(),
        [&greeting, &zero, &one, &two, &three].map(String::as_str)
    );
    assert_eq!(
        second.heard(),
        [&greeting, &two, &three].map(String::as_str)
    );
    assert_eq!(third.heard(), [greeting, three]);
}

/// Who leaves in the middle of a delivery hears no more of it, so who comes back can be greeted
/// before its end.
#[test]
fn who_comes_back_hears_nothing_twice() {
    let hub = hub(Recorder::quick());
    let car = key("cache-car");
    let witness = joined(&hub, &car, 9);
    let inbox = joined(&hub, &car, 1);
    let drain = hub.publish_cached(
        &hub.find(car.clone()),
        send(event(&car, 1)),
        living(0, MINUTE),
    );
    let mut drain = drain.unwrap();
    assert_eq!(drain.run(1), Progress::More);
    assert_eq!(witness.heard().len(), 3, "the event is under way");
    assert!(hub.unsubscribe(&car, socket(1), None).is_none());
    let (again, _) = join(&hub, &car, 1);
    assert_eq!(again.heard().len(), 0, "the event might still reach it");
    assert_eq!(drain.run(1), Progress::More);
    let [one, two] = [1, 2].map(|n| nth(&car, n));
    assert_eq!(again.heard(), [&*acknowledged(&car), &one]);
    publish(&hub, &car, 2);
    finish(Some(drain));
    assert_eq!(
        inbox.heard().len(),
        2,
        "its greeting when nothing was cached"
    );
    assert_eq!(again.heard(), [acknowledged(&car), one, two]);
}

#[test]
fn only_events_that_are_to_be_cached_are() {
    let hub = hub(Recorder::quick());
    let car = key("cache-car");
    let inbox = joined(&hub, &car, 1);
    publish(&hub, &car, 1);
    // A client event.
    finish(hub.publish(&hub.find(car.clone()), send(event(&car, 2))));
    assert_eq!(inbox.heard().len(), 4);
    assert_eq!(newcomer_hears(&hub, &car, 0)[1], nth(&car, 1));
}

#[test]
fn an_event_outlives_the_subscribers_and_needs_none() {
    let announced = Recorder::quick();
    let hub = hub(announced.clone());
    let car = key("cache-car");
    publish(&hub, &car, 1);
    joined(&hub, &car, 1);
    finish(hub.unsubscribe(&car, socket(1), None));
    assert!(announced.said().contains(&"lost cache-car".to_owned()));
    assert!(!hub.wants(&car));
    assert_eq!(hub.occupied(car.app, ""), [], "it is not occupied");
    assert_eq!(newcomer_hears(&hub, &car, 0)[1], nth(&car, 1));
    hub.expire(at(MINUTE));
    assert_eq!(hub.channels(), 0, "nothing remains");
}

#[test]
fn other_nodes_are_told_what_to_remember() {
    let announced = Recorder::quick();
    let hub = hub(announced.clone());
    let car = key("cache-car");
    publish(&hub, &car, 1);
    assert_eq!(
        announced.said(),
        ["relay to cache-car", "now filled cache-car"]
    );
    let first = announced.last_stamp();
    assert_eq!(first.ttl, living(0, MINUTE).ttl);
    publish(&hub, &car, 2);
    let second = announced.last_stamp();
    assert!(second.version > first.version);
    let last = cached(&event(&car, 2), MINUTE, second.version);
    assert_eq!(hub.all_cached(at(0)), [(car, last)]);
    assert_eq!(hub.all_cached(at(MINUTE)), []);
}

#[test]
fn an_event_from_elsewhere_is_delivered_and_remembered_if_it_is_later() {
    let announced = Recorder::quick();
    let hub = hub(announced.clone());
    let car = key("cache-car");
    let inbox = joined(&hub, &car, 1);
    announced.said();
    for (n, version, last) in [(1, 5, 1), (2, 4, 1), (3, 6, 3)] {
        let frame = event(&car, n);
        let cached = cached(&frame, MINUTE, version);
        finish(hub.receive_cached(&car, send(frame), cached));
        assert_eq!(inbox.heard().last(), Some(&nth(&car, n)));
        assert_eq!(newcomer_hears(&hub, &car, 0)[1], nth(&car, last));
    }
    assert!(!announced.said().iter().any(|said| said.contains("relay")));
    publish(&hub, &car, 4);
    assert_eq!(announced.last_stamp().version, 7);
}

#[test]
fn what_is_taken_over_is_told_to_newcomers_only() {
    let hub = hub(Recorder::quick());
    let car = key("cache-car");
    let inbox = joined(&hub, &car, 1);
    for (n, version, last) in [(1, 5, 1), (2, 4, 1), (3, 6, 3)] {
        finish(hub.remember(&car, cached(&event(&car, n), MINUTE, version)));
        assert_eq!(newcomer_hears(&hub, &car, 0)[1], nth(&car, last));
    }
    assert_eq!(inbox.heard(), [acknowledged(&car), missed(&car)]);
}

/// Two nodes publish at once: each hears its own event first.
#[test]
fn nodes_agree_which_of_two_events_is_the_last() {
    let car = key("cache-car");
    let [one, two] = [1, 2].map(|n| event(&car, n));
    let last = [(&one, &two), (&two, &one)].map(|(own, other)| {
        let announced = Recorder::quick();
        let hub = hub(announced.clone());
        finish(hub.publish_cached(&hub.find(car.clone()), send(own.clone()), living(0, MINUTE)));
        let Stamp { version, .. } = announced.last_stamp();
        let cached = cached(other, MINUTE, version);
        finish(hub.receive_cached(&car, send(other.clone()), cached));
        newcomer_hears(&hub, &car, 0)
    });
    assert_eq!(last[0], last[1]);
}

/// The topic takes a while to be joined; what other nodes say of it meanwhile is not lost.
#[test]
fn those_who_wait_for_the_topic_get_what_arrives_meanwhile() {
    let car = key("cache-car");
    let [one, two, three] = [1, 2, 3].map(|n| nth(&car, n));
    let greeting = acknowledged(&car);

    let patient = hub(Recorder::slow());
    let (inbox, _) = join(&patient, &car, 1);
    let frame = event(&car, 1);
    let known = cached(&frame, MINUTE, 1);
    assert!(patient.receive_cached(&car, send(frame), known).is_none());
    finish(patient.joined(&car));
    assert_eq!(inbox.heard(), [greeting.clone(), missed(&car), one.clone()]);

    // The event itself went by before the topic was joined; a peer tells of it.
    let patient = hub(Recorder::slow());
    let (first, _) = join(&patient, &car, 1);
    publish(&patient, &car, 1);
    let (second, _) = join(&patient, &car, 2);
    patient.remember(&car, cached(&event(&car, 2), MINUTE, 8));
    publish(&patient, &car, 3);
    finish(patient.joined(&car));
    assert_eq!(
        first.heard(),
        [&greeting, &two, &one, &three].map(String::as_str)
    );
    assert_eq!(
        second.heard(),
        [&greeting, &two, &three].map(String::as_str)
    );
    assert_eq!(newcomer_hears(&patient, &car, 0), [greeting, three]);
}
