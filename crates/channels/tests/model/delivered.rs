//! How many messages are told to have been delivered: what mailboxes took, no more and no less.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;

use foghorn_channels::{Delivery, Hearing, Mailbox, Progress, Send, Subscribe};
use foghorn_protocol::{Close, Frame};

use crate::world::{
    Recorder, event, finish, hub, join, join_as, joined, key, send, socket, subscriber, user,
};

/// Takes so many frames, and is full from then on.
struct Small(AtomicUsize);

impl Mailbox for Small {
    fn deliver(&self, frames: &[Frame]) -> Delivery {
        let left = self.0.load(SeqCst);
        if frames.len() > left {
            return Delivery::Full;
        }
        self.0.store(left - frames.len(), SeqCst);
        Delivery::Accepted
    }
    fn put(&self, _: &Frame) -> Delivery {
        Delivery::Accepted
    }
    fn flush(&self) {}
    fn ask_to_close(&self, _: &Close) {}
}

#[test]
fn each_subscriber_counts_once_for_each_event() {
    let recorder = Recorder::quick();
    let hub = hub(recorder.clone());
    let news = key("news");
    for id in 0..10 {
        joined(&hub, &news, id);
    }
    assert_eq!(recorder.delivered(), 0, "greetings are none");
    let to = hub.find(news.clone());
    finish(hub.publish(&to, send(event(&news, 1))));
    assert_eq!(recorder.delivered(), 10);
    let but_one = Send {
        except: Some(socket(3)),
        ..send(event(&news, 2))
    };
    finish(hub.publish(&to, but_one));
    assert_eq!(recorder.delivered(), 9, "the sender is left out");
    finish(hub.receive(&news, send(event(&news, 3))));
    assert_eq!(recorder.delivered(), 10, "events of other nodes count here");
}

#[test]
fn a_batch_counts_for_all_its_events_slice_by_slice() {
    let recorder = Recorder::quick();
    let hub = hub(recorder.clone());
    let news = key("news");
    for id in 0..10 {
        joined(&hub, &news, id);
    }
    let to = hub.find(news.clone());
    let mut drain = hub.publish(&to, send(event(&news, 1))).unwrap();
    assert_eq!(drain.run(4), Progress::More);
    assert_eq!(recorder.delivered(), 4);
    for n in 2..5 {
        assert!(hub.publish(&to, send(event(&news, n))).is_none());
    }
    finish(hub.unsubscribe(&news, socket(9), None));
    finish(Some(drain));
    // Nine get the rest of it all; the tenth has heard nothing.
    assert_eq!(recorder.delivered(), 5 + 3 * 9);
}

#[test]
fn only_what_is_heard_and_taken_counts() {
    let recorder = Recorder::quick();
    let hub = hub(recorder.clone());
    let news = key("news");
    let (_, deaf) = subscriber(1);
    let deaf = Subscribe {
        hearing: Hearing::Nothing,
        ..deaf
    };
    finish(hub.subscribe(&news, deaf).unwrap());
    let (_, small) = subscriber(2);
    let small = Subscribe {
        mailbox: Arc::new(Small(AtomicUsize::new(2))),
        ..small
    };
    finish(hub.subscribe(&news, small).unwrap());
    let to = hub.find(news.clone());
    for n in 0..5 {
        finish(hub.publish(&to, send(event(&news, n))));
    }
    assert_eq!(recorder.delivered(), 2);
}

#[test]
fn members_and_counts_are_messages_too() {
    let recorder = Recorder::quick();
    let hub = hub(recorder.clone());
    let lobby = key("presence-lobby");
    finish(join_as(&hub, &lobby, 1, "ann").1);
    assert_eq!(recorder.delivered(), 0);
    finish(join_as(&hub, &lobby, 2, "ben").1);
    assert_eq!(recorder.delivered(), 1, "ann hears of ben");
    finish(hub.unsubscribe(&lobby, socket(2), Some(&user("ben"))));
    assert_eq!(recorder.delivered(), 1);
    joined(&hub, &key("counted-news"), 1);
    assert_eq!(recorder.delivered(), 1, "the first number is told");
}

#[test]
fn who_comes_in_the_middle_of_a_batch_counts_for_the_rest_of_it() {
    for slice in 1..20 {
        let recorder = Recorder::quick();
        let hub = hub(recorder.clone());
        let news = key("news");
        for id in 0..10 {
            joined(&hub, &news, id);
        }
        let to = hub.find(news.clone());
        let mut drain = hub.publish(&to, send(event(&news, 1))).unwrap();
        assert_eq!(drain.run(4), Progress::More);
        // These wait for the drain, and become one batch.
        let heard: u64 = (0..4)
            .map(|n| {
                assert!(hub.publish(&to, send(event(&news, 2))).is_none());
                let (_, late) = join(&hub, &news, 10 + n);
                assert!(late.is_none());
                10 + n
            })
            .sum();
        while drain.run(slice) == Progress::More {}
        assert_eq!(recorder.delivered(), 10 + heard, "slices of {slice}");
    }
}
