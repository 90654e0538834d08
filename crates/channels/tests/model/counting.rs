//! How subscribers learn how many they are.

use foghorn_channels::{Hub, Key, Remote};

use crate::world::{Recorder, acknowledged, counted, finish, hub, joined, key, socket};

fn elsewhere(hub: &Hub, key: &Key, before: u32, after: u32) {
    finish(hub.apply(key, &Remote::Count { before, after }));
}

fn said_of_counts(announced: &Recorder) -> usize {
    let said = announced.said();
    said.iter().filter(|said| said.contains("waits")).count()
}

#[test]
fn every_change_is_told_and_the_newcomer_hears_it_too() {
    let hub = hub(Recorder::quick());
    let news = key("counted-news");
    let first = joined(&hub, &news, 1);
    let second = joined(&hub, &news, 2);
    elsewhere(&hub, &news, 0, 3);
    finish(hub.unsubscribe(&news, socket(1), None));
    let count = |n| counted(&news, n);
    let ack = acknowledged(&news);
    assert_eq!(first.heard(), [ack.clone(), count(1), count(2), count(5)]);
    assert_eq!(second.heard(), [ack, count(2), count(5), count(4)]);
}

#[test]
fn who_comes_after_everybody_left_hears_the_number() {
    let hub = hub(Recorder::quick());
    let news = key("counted-news");
    for _ in 0..2 {
        let inbox = joined(&hub, &news, 1);
        assert_eq!(inbox.heard(), [acknowledged(&news), counted(&news, 1)]);
        finish(hub.unsubscribe(&news, socket(1), None));
        assert!(hub.tell_count(&news).is_none());
    }
    // Others are left on another node.
    elsewhere(&hub, &news, 0, 1);
    for _ in 0..2 {
        let inbox = joined(&hub, &news, 1);
        assert_eq!(inbox.heard()[1..], [counted(&news, 2)]);
        finish(hub.unsubscribe(&news, socket(1), None));
        assert!(hub.tell_count(&news).is_none(), "nobody is here");
    }
}

#[test]
fn a_crowd_is_told_when_it_is_time_and_only_what_it_does_not_know() {
    let announced = Recorder::quick();
    let hub = hub(announced.clone());
    let news = key("counted-news");
    let first = joined(&hub, &news, 0);
    for id in 1..100 {
        joined(&hub, &news, id);
    }
    assert_eq!(said_of_counts(&announced), 0);
    assert_eq!(first.heard().last(), Some(&counted(&news, 100)));
    assert_eq!(first.heard().len(), 101);
    let newcomer = joined(&hub, &news, 100);
    elsewhere(&hub, &news, 0, 7);
    assert_eq!(said_of_counts(&announced), 2);
    assert_eq!(newcomer.heard(), [acknowledged(&news)]);
    finish(hub.tell_count(&news));
    assert!(hub.tell_count(&news).is_none(), "they know it");
    assert_eq!(newcomer.heard()[1..], [counted(&news, 108)]);
    // A crowd no longer.
    elsewhere(&hub, &news, 7, 0);
    finish(hub.unsubscribe(&news, socket(100), None));
    assert_eq!(said_of_counts(&announced), 1);
    assert_eq!(
        first.heard()[101..],
        [counted(&news, 108), counted(&news, 100)]
    );
}

#[test]
fn channels_that_are_not_counted_hear_no_number() {
    let hub = hub(Recorder::quick());
    let news = key("news");
    let inbox = joined(&hub, &news, 1);
    joined(&hub, &news, 2);
    assert!(hub.tell_count(&news).is_none());
    assert_eq!(inbox.heard(), [acknowledged(&news)]);
}

#[test]
fn whoever_comes_and_goes_without_pause_is_told_of_now_and_then() {
    let announced = Recorder::quick();
    let hub = hub(announced.clone());
    let news = key("counted-news");
    let watcher = joined(&hub, &news, 0);
    for _ in 0..300 {
        joined(&hub, &news, 1);
        finish(hub.unsubscribe(&news, socket(1), None));
    }
    assert_eq!(
        watcher.heard().len(),
        1 + 200,
        "the acknowledgement and so many numbers"
    );
    assert_eq!(said_of_counts(&announced), 401);
    finish(hub.tell_count(&news));
    assert_eq!(watcher.heard().last(), Some(&counted(&news, 1)));
    joined(&hub, &news, 1);
    assert_eq!(
        watcher.heard().last(),
        Some(&counted(&news, 2)),
        "at once again"
    );
}
