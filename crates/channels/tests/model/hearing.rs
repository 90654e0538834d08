//! Who gets what of what is sent: hearing, users' own events, watchers, and the end of it all.

use std::sync::Arc;

use foghorn_channels::{Hearing, Hub, Key, Remote, Subscribe};
use foghorn_protocol::Frame;

use crate::world::{
    Inbox, Recorder, acknowledged, close, closing, counted, event, finish, hub, joined, key, send,
    socket, subscriber, text, watchers_of,
};

fn joined_hearing(hub: &Hub, key: &Key, id: u64, hearing: Hearing) -> Arc<Inbox> {
    let (inbox, subscribe) = subscriber(id);
    let subscribe = Subscribe {
        hearing,
        ..subscribe
    };
    finish(hub.subscribe(key, subscribe).unwrap());
    inbox
}

fn publish(hub: &Hub, key: &Key, n: usize) {
    finish(hub.publish(&hub.find(key.clone()), send(event(key, n))));
}

#[test]
fn some_hear_all_but_counts_and_some_nothing() {
    let hub = hub(Recorder::quick());
    let news = key("counted-news");
    let inboxes = [Hearing::Everything, Hearing::AllButCounts, Hearing::Nothing]
        .map(|hearing| joined_hearing(&hub, &news, hearing as u64, hearing));
    publish(&hub, &news, 1);
    let ack = acknowledged(&news);
    let one = text(&event(&news, 1));
    let counts = [1, 2, 3].map(|n| counted(&news, n));
    let [everything, no_counts, nothing] = inboxes.map(|inbox| inbox.heard());
    assert_eq!(everything[1..4], counts);
    assert_eq!(everything[4], one);
    assert_eq!(no_counts, [ack.clone(), one]);
    assert_eq!(nothing, [ack]);
    assert_eq!(hub.occupancy(&news).subscriptions, 3, "all of them count");
}

#[test]
fn a_change_of_hearing_has_its_place_among_the_events() {
    let hub = hub(Recorder::quick());
    let news = key("news");
    let inbox = joined(&hub, &news, 1);
    let notice = Frame::from_text(b"\"notice\"");
    let drain = hub.publish(&hub.find(news.clone()), send(event(&news, 1)));
    hub.hear(&news, socket(1), Hearing::Nothing, None);
    hub.publish(&hub.find(news.clone()), send(event(&news, 2)));
    hub.hear(&news, socket(1), Hearing::Everything, Some(notice.clone()));
    hub.publish(&hub.find(news.clone()), send(event(&news, 3)));
    finish(drain);
    let [one, three] = [1, 3].map(|n| text(&event(&news, n)));
    assert_eq!(inbox.heard()[1..], [one, text(&notice), three]);
    // Whoever is not on the list is not told.
    finish(hub.hear(&news, socket(2), Hearing::Everything, Some(notice.clone())));
    assert!(
        hub.hear(&key("other"), socket(1), Hearing::Nothing, Some(notice))
            .is_none()
    );
    assert_eq!(inbox.heard().len(), 4);
}

#[test]
fn a_user_is_greeted_with_what_the_sign_in_brought() {
    let announced = Recorder::quick();
    let hub = hub(announced.clone());
    let zoe = key("#server-to-user-zoe");
    let greeting = Frame::from_text(b"\"welcome\"");
    let (inbox, subscribe) = subscriber(1);
    let subscribe = Subscribe {
        greeting: Some(greeting.clone()),
        ..subscribe
    };
    let drain = hub.subscribe(&zoe, subscribe).unwrap();
    publish(&hub, &zoe, 1);
    finish(drain);
    assert_eq!(inbox.heard(), [text(&greeting), text(&event(&zoe, 1))]);
    assert_eq!(hub.channels(), 0, "a user is no channel");
    assert_eq!(hub.occupied(zoe.app, ""), []);
    assert_eq!(hub.occupancy(&zoe).subscriptions, 1);
    assert_eq!(
        announced.said(),
        [
            "count 1 of #server-to-user-zoe",
            "now occupied #server-to-user-zoe",
            "relay to #server-to-user-zoe"
        ]
    );
}

#[test]
fn a_users_coming_and_going_is_merged_over_all_nodes() {
    let announced = Recorder::quick();
    let hub = hub(announced.clone());
    let zoe = key("#server-to-user-zoe");
    let elsewhere = |before, after| finish(hub.apply(&zoe, &Remote::Count { before, after }));
    let turned = || announced.said().iter().any(|said| said.contains("now "));
    elsewhere(0, 2);
    assert!(turned(), "somewhere");
    joined(&hub, &zoe, 1);
    elsewhere(2, 1);
    elsewhere(1, 0);
    joined(&hub, &zoe, 2);
    finish(hub.unsubscribe(&zoe, socket(1), None));
    assert!(!turned(), "there all the time");
    finish(hub.unsubscribe(&zoe, socket(2), None));
    assert!(turned(), "nowhere");
    elsewhere(0, 0);
    assert!(!turned());
}

#[test]
fn watchers_are_greeted_by_whoever_adds_them_and_hear_what_this_node_knows() {
    let announced = Recorder::quick();
    let hub = hub(announced.clone());
    let watchers = watchers_of("zoe");
    let inbox = joined(&hub, &watchers, 1);
    let news = Frame::from_text(b"\"online\"");
    finish(hub.receive(&watchers, send(news.clone())));
    assert_eq!(inbox.heard(), [text(&news)]);
    assert_eq!(hub.channels(), 0, "they are no channel");
    assert_eq!(hub.occupied(watchers.app, ""), []);
    assert!(!announced.said().iter().any(|said| said.contains("relay")));
    finish(hub.unsubscribe(&watchers, socket(1), None));
    assert!(hub.receive(&watchers, send(news)).is_none());
}

#[test]
fn closing_reaches_everybody_on_the_list_once() {
    let hub = hub(Recorder::quick());
    let zoe = key("#server-to-user-zoe");
    assert!(hub.close(&zoe, &close()).is_none(), "nobody is there");
    let [deaf, gone, here] = [Hearing::Nothing, Hearing::Everything, Hearing::Everything];
    let deaf = joined_hearing(&hub, &zoe, 1, deaf);
    let gone = joined_hearing(&hub, &zoe, 2, gone);
    let here = joined_hearing(&hub, &zoe, 3, here);
    finish(hub.unsubscribe(&zoe, socket(2), None));
    let drain = hub.close(&zoe, &close());
    let late = joined(&hub, &zoe, 4);
    finish(drain);
    assert_eq!(deaf.heard(), [closing(&close())]);
    assert_eq!(here.heard(), [closing(&close())]);
    assert_eq!(gone.heard(), Vec::<String>::new());
    assert_eq!(late.heard(), Vec::<String>::new());
}
