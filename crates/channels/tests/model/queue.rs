//! Waiting in the queue: for the topic, for whoever drains, and when too much waits already.

use std::pin::{Pin, pin};
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake, Waker};

use foghorn_channels::{
    Delivery, Drain, Eased, Hub, Key, Mailbox, Progress, QueueLimits, Subscribe, SubscribeError,
};
use foghorn_protocol::{Close, Frame};

use crate::world::{
    Inbox, Recorder, acknowledged, event, finish, hub, join, join_as, joined, key, limited, member,
    missed, send, socket, subscriber, text, user, watchers_of,
};

#[test]
fn a_join_waits_until_its_topic_is_joined() {
    let hub = hub(Recorder::slow());
    let news = key("news");
    let (inbox, drain) = join(&hub, &news, 1);
    assert!(
        drain.is_none(),
        "INV-ACK-1: no ack before the topic is joined"
    );
    assert!(
        hub.publish(&hub.find(news.clone()), send(event(&news, 1)))
            .is_none()
    );
    assert!(inbox.heard().is_empty());
    finish(hub.joined(&news));
    let heard = inbox.heard();
    assert_eq!(heard.len(), 2);
    assert!(heard[0].contains("subscription_succeeded"), "{heard:?}");
}

#[test]
fn who_takes_a_join_back_before_its_topic_is_joined_is_acknowledged() {
    let hub = hub(Recorder::slow());
    let car = key("cache-car");
    let (inbox, _) = join(&hub, &car, 1);
    assert!(hub.unsubscribe(&car, socket(1), None).is_none());
    assert_eq!(inbox.heard(), [acknowledged(&car)]);
    assert!(!hub.wants(&car), "nobody waits for the topic");
    let (again, _) = join(&hub, &car, 1);
    finish(hub.joined(&car));
    assert_eq!(again.heard(), [acknowledged(&car), missed(&car)]);
    assert_eq!(inbox.heard().len(), 1);
}

#[test]
fn a_lost_link_lets_those_who_wait_in() {
    let hub = hub(Recorder::slow());
    let inbox = joined(&hub, &key("news"), 1);
    for drain in hub.stop_waiting() {
        finish(Some(drain));
    }
    assert_eq!(inbox.heard().len(), 1);
}

/// Ten subscribers of a channel, four of whom have got the event number 1.
fn half_way(hub: &Hub, news: &Key) -> (Vec<Arc<Inbox>>, Drain) {
    let inboxes = (0..10).map(|id| joined(hub, news, id)).collect();
    let drain = hub.publish(&hub.find(news.clone()), send(event(news, 1)));
    let mut drain = drain.unwrap();
    assert_eq!(drain.run(4), Progress::More);
    (inboxes, drain)
}

#[test]
fn a_drain_that_is_dropped_loses_nothing() {
    let hub = hub(Recorder::quick());
    let news = key("news");
    let (inboxes, drain) = half_way(&hub, &news);
    drop(drain);
    finish(hub.publish(&hub.find(news.clone()), send(event(&news, 2))));
    for inbox in inboxes {
        assert_eq!(
            inbox.heard().len(),
            3,
            "greeting and both events, once each"
        );
    }
}

#[test]
fn a_full_queue_is_busy_until_it_is_drained() {
    let limits = QueueLimits {
        sends: 2,
        ..QueueLimits::default()
    };
    let hub = limited(limits, Recorder::quick());
    let news = key("news");
    joined(&hub, &news, 1);
    let drain = hub.publish(&hub.find(news.clone()), send(event(&news, 1)));
    assert!(!hub.is_busy(&hub.find(news.clone())));
    assert!(
        hub.publish(&hub.find(news.clone()), send(event(&news, 1)))
            .is_none(),
        "INV-BATON-1: one drainer at a time"
    );
    assert!(hub.is_busy(&hub.find(news.clone())));
    finish(drain);
    assert!(!hub.is_busy(&hub.find(news)));
}

#[test]
fn a_queue_is_also_full_of_bytes() {
    let news = key("news");
    let limits = QueueLimits {
        bytes: 2 * event(&news, 1).wire_len(),
        ..QueueLimits::default()
    };
    let hub = limited(limits, Recorder::quick());
    joined(&hub, &news, 1);
    let drain = hub.publish(&hub.find(news.clone()), send(event(&news, 1)));
    assert!(!hub.is_busy(&hub.find(news.clone())));
    hub.publish(&hub.find(news.clone()), send(event(&news, 2)));
    assert!(hub.is_busy(&hub.find(news.clone())));
    finish(drain);
    assert!(!hub.is_busy(&hub.find(news)));
}

#[test]
fn newcomers_are_refused_when_too_much_waits_but_members_never_silence_a_publisher() {
    let limits = QueueLimits {
        sends: 2,
        operations: 5,
        ..QueueLimits::default()
    };
    let hub = limited(limits, Recorder::quick());
    let lobby = key("presence-lobby");
    finish(join_as(&hub, &lobby, 1, "zoe").1);
    let drain = hub.publish(&hub.find(lobby.clone()), send(event(&lobby, 1)));
    // Somebody comes and goes while the channel is being drained, which is told each time.
    assert!(join_as(&hub, &lobby, 2, "bob").1.is_none());
    assert!(
        hub.unsubscribe(&lobby, socket(2), Some(&user("bob")))
            .is_none()
    );
    assert!(
        !hub.is_busy(&hub.find(lobby.clone())),
        "members do not push publishers back"
    );
    join_as(&hub, &lobby, 3, "bob");
    let newcomer = Subscribe {
        member: Some(member("zoe")),
        ..subscriber(4).1
    };
    let refused = hub.subscribe(&lobby, newcomer).err();
    assert_eq!(refused, Some(SubscribeError::Busy));
    finish(drain);
    let (inbox, _) = join_as(&hub, &lobby, 4, "zoe");
    assert_eq!(inbox.heard().len(), 1);
}

#[test]
fn who_comes_back_does_not_wait_for_what_it_left_behind() {
    let hub = hub(Recorder::quick());
    let news = key("news");
    let (inboxes, mut drain) = half_way(&hub, &news);
    assert!(hub.unsubscribe(&news, socket(7), None).is_none());
    let (again, _) = join(&hub, &news, 7);
    assert!(again.heard().is_empty(), "INV-ACK-1: it is on the list yet");
    assert_eq!(drain.run(1), Progress::More);
    assert_eq!(again.heard(), [acknowledged(&news)]);
    finish(Some(drain));
    assert_eq!(inboxes[7].heard().len(), 1, "it had left");
    assert_eq!(again.heard().len(), 1, "what was before is not for it");
    for id in [0, 6, 8, 9] {
        assert_eq!(inboxes[id].heard().len(), 2, "{id} is reached, and once");
    }
}

#[test]
fn who_comes_back_and_goes_again_at_once_is_acknowledged_each_time() {
    let hub = hub(Recorder::quick());
    let car = key("cache-car");
    let (inboxes, mut drain) = half_way(&hub, &car);
    let inbox = &inboxes[7];
    for _ in 0..3 {
        assert!(hub.unsubscribe(&car, socket(7), None).is_none());
        let subscribe = Subscribe {
            mailbox: Arc::clone(inbox) as _,
            ..subscriber(7).1
        };
        assert!(hub.subscribe(&car, subscribe).unwrap().is_none());
    }
    let (ack, miss) = (acknowledged(&car), missed(&car));
    assert_eq!(
        inbox.heard(),
        [&*ack, &miss],
        "INV-ACK-1: it is on the list yet"
    );
    assert_eq!(drain.run(1), Progress::More);
    // The cache is none of its business where it is gone again.
    let acks = [&*ack, &miss, &ack, &ack, &ack, &miss];
    assert_eq!(inbox.heard(), acks);
    finish(Some(drain));
    assert_eq!(inbox.heard(), acks, "what was before is not for it");
}

#[test]
fn what_is_taken_back_waits_too() {
    let limits = QueueLimits {
        operations: 3,
        ..QueueLimits::default()
    };
    let hub = limited(limits, Recorder::quick());
    let news = key("news");
    let (_, mut drain) = half_way(&hub, &news);
    for _ in 0..3 {
        assert!(hub.unsubscribe(&news, socket(7), None).is_none());
        assert!(hub.subscribe(&news, subscriber(7).1).unwrap().is_none());
    }
    assert!(hub.unsubscribe(&news, socket(7), None).is_none());
    let refused = hub.subscribe(&news, subscriber(7).1).err();
    assert_eq!(refused, Some(SubscribeError::Busy));
    assert_eq!(drain.run(1), Progress::More);
    assert!(hub.subscribe(&news, subscriber(7).1).is_ok());
}

#[test]
fn who_comes_and_goes_breaks_no_batch() {
    let hub = hub(Recorder::quick());
    let lobby = key("presence-lobby");
    let visits = Arc::new(Visits::default());
    let zoe = Subscribe {
        mailbox: Arc::clone(&visits) as _,
        member: Some(member("zoe")),
        ..subscriber(1).1
    };
    finish(hub.subscribe(&lobby, zoe).unwrap());
    let drain = hub.publish(&hub.find(lobby.clone()), send(event(&lobby, 1)));
    let mut guests = Vec::new();
    for id in 2..5 {
        guests.push(join_as(&hub, &lobby, id, "bob").0);
        let bob = user("bob");
        assert!(hub.unsubscribe(&lobby, socket(id), Some(&bob)).is_none());
    }
    let (bob, _) = join_as(&hub, &lobby, 5, "bob");
    hub.publish(&hub.find(lobby.clone()), send(event(&lobby, 2)));
    finish(drain);
    // Two events, four times that Bob came and three times that he went.
    assert_eq!(*visits.0.lock().unwrap(), [9]);
    assert!(guests.iter().all(|guest| guest.heard().len() == 1));
    assert_eq!(bob.heard()[1..], [text(&event(&lobby, 2))]);
}

/// How many frames each visit brought.
#[derive(Default)]
struct Visits(Mutex<Vec<usize>>);

impl Mailbox for Visits {
    fn deliver(&self, frames: &[Frame]) -> Delivery {
        self.0.lock().unwrap().push(frames.len());
        Delivery::Accepted
    }

    /// The greeting.
    fn put(&self, _: &Frame) -> Delivery {
        Delivery::Accepted
    }

    fn flush(&self) {}

    fn ask_to_close(&self, _: &Close) {}
}

#[test]
fn publishers_wait_while_much_is_queued() {
    let hub = hub(Recorder::quick());
    let news = key("news");
    joined(&hub, &news, 1);
    let to = hub.find(news.clone());
    let mut drain = hub.publish(&to, send(event(&news, 0))).unwrap();
    for n in 1..64 {
        assert!(hub.pressed(&to).is_none(), "{n}");
        assert!(hub.publish(&to, send(event(&news, n))).is_none());
    }
    let mut eased = pin!(hub.pressed(&to).unwrap());
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(Arc::clone(&woken));
    let mut cx = Context::from_waker(&waker);
    assert!(eased.as_mut().poll(&mut cx).is_pending());
    assert!(!woken.0.load(SeqCst));
    while drain.run(1) == Progress::More {}
    assert!(woken.0.load(SeqCst));
    assert!(eased.as_mut().poll(&mut cx).is_ready());
    assert!(hub.pressed(&to).is_none());
}

/// A batch makes room for as many as it has; the others would only be refused.
#[test]
fn publishers_go_on_in_their_order_as_there_is_room() {
    const SENDS: usize = 64;
    let hub = hub(Recorder::quick());
    let news = key("news");
    joined(&hub, &news, 1);
    let to = hub.find(news.clone());
    let mut drain = hub.publish(&to, send(event(&news, 0))).unwrap();
    let mut cx = Context::from_waker(Waker::noop());
    let mut publishers = Vec::new();
    for n in 1..=SENDS + 5 {
        hub.publish(&to, send(event(&news, n)));
        publishers.extend(hub.pressed(&to).map(Box::pin));
    }
    let more = || hub.pressed(&to).map(Box::pin);
    publishers.extend((0..2 * SENDS).filter_map(|_| more()));
    let wait = |eased: &mut Pin<Box<Eased>>| eased.as_mut().poll(&mut cx).is_pending();
    assert!(publishers.iter_mut().all(wait));
    // Who gives up takes nobody's room.
    publishers.drain(..3);
    drop(publishers.remove(10));
    let mut go_on = || {
        let ready = |eased: &mut Pin<Box<Eased>>| eased.as_mut().poll(&mut cx).is_ready();
        let answers: Vec<bool> = publishers.iter_mut().map(ready).collect();
        let count = answers.iter().take_while(|may| **may).count();
        assert!(!answers[count..].contains(&true), "{answers:?}");
        count
    };
    assert_eq!(go_on(), 0);
    // One batch: six events are left, so there is room for 58.
    assert_eq!(drain.run(1), Progress::More);
    assert_eq!(go_on(), SENDS - 6);
    // The rest is a batch, behind which nothing waits.
    assert_eq!(drain.run(1), Progress::More);
    assert_eq!(go_on(), SENDS - 6 + SENDS);
    finish(Some(drain));
    assert_eq!(
        go_on(),
        publishers.len(),
        "nobody is left to wake the others"
    );
}

#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, SeqCst);
    }
}

#[test]
fn watchers_are_never_refused() {
    let limits = QueueLimits {
        operations: 0,
        ..QueueLimits::default()
    };
    let hub = limited(limits, Recorder::quick());
    let refused = hub.subscribe(&key("#server-to-user-zoe"), subscriber(1).1);
    assert_eq!(refused.err(), Some(SubscribeError::Busy));
    assert!(hub.subscribe(&watchers_of("zoe"), subscriber(1).1).is_ok());
}
