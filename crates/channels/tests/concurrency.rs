//! Interleavings of the operation queue and of the retire-and-recreate race, explored by a
//! scheduler that owns every lock. Needs the feature `shuttle`.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::sync::Arc;

use foghorn_channels::{
    Announce, AppNumber, Change, Delivery, Drain, HashSeed, Hub, Joining, Key, Mailbox, Progress,
    QueueLimits, Send, Subscribe,
};
use foghorn_protocol::{ChannelName, Frame, ServerMessage, SocketId};
use shuttle::sync::Mutex;
use shuttle::thread;

#[derive(Default)]
struct Inbox(Mutex<Vec<String>>);

impl Mailbox for Inbox {
    fn deliver(&self, frame: &Frame) -> Delivery {
        let text = String::from_utf8(frame.text().to_vec()).unwrap();
        self.0.lock().unwrap().push(text);
        Delivery::Accepted
    }
}

struct Silent;

impl Announce for Silent {
    fn interest(&self, _: &Key) -> Joining {
        Joining::Done
    }
    fn lost_interest(&self, _: &Key) {}
    fn changed(&self, _: &Key, _: Change<'_>) {}
    fn relay(&self, _: &Key, _: &Send) {}
}

fn key() -> Key {
    Key {
        app: AppNumber(0),
        channel: ChannelName::parse("news", 200).unwrap(),
    }
}

fn finish(drain: Option<Drain>) {
    if let Some(mut drain) = drain {
        while drain.run(2) == Progress::More {
            thread::yield_now();
        }
    }
}

fn event(publisher: usize, n: usize) -> Frame {
    let data = format!("{publisher}:{n}");
    let channel = key().channel;
    ServerMessage::Event {
        event: "e",
        channel: &channel,
        data: &data,
        user_id: None,
    }
    .encode()
}

/// What one subscription heard: the acknowledgement first, then each publisher's events in order,
/// without gaps between the first and the last, none twice.
fn check(heard: &[String]) {
    assert!(
        heard[0].contains("subscription_succeeded"),
        "INV-ACK-1: ack first: {heard:?}"
    );
    for publisher in 0..2 {
        let mark = format!("\"data\":\"{publisher}:");
        let numbers: Vec<usize> = heard
            .iter()
            .filter_map(|text| text.split_once(&mark))
            .map(|(_, rest)| rest.trim_end_matches("\"}").parse().unwrap())
            .collect();
        assert!(
            numbers.windows(2).all(|w| w[1] == w[0] + 1),
            "INV-ORDER-1: {heard:?}"
        );
    }
}

fn scenario() {
    const EVENTS: usize = 3;
    let hub = Arc::new(Hub::new(
        HashSeed::new(1, 2),
        QueueLimits::default(),
        Box::new(Silent),
    ));
    let mut threads = Vec::new();
    for publisher in 0..2 {
        let hub = Arc::clone(&hub);
        threads.push(thread::spawn(move || {
            for n in 0..EVENTS {
                finish(hub.publish(
                    &key(),
                    Send {
                        frame: event(publisher, n),
                        except: None,
                    },
                ));
            }
        }));
    }
    for subscriber in 0..2u64 {
        let hub = Arc::clone(&hub);
        threads.push(thread::spawn(move || {
            let socket = SocketId::from_random(subscriber);
            for _ in 0..2 {
                let inbox = Arc::new(Inbox::default());
                let mailbox: Arc<dyn Mailbox> = Arc::clone(&inbox) as _;
                let subscribe = Subscribe {
                    socket,
                    mailbox,
                    member: None,
                    max_members: 0,
                };
                finish(hub.subscribe(&key(), subscribe).unwrap());
                finish(hub.unsubscribe(&key(), socket, None));
                // Whoever drains last has delivered the greeting before the leave; wait for it.
                while hub.channels() > 0 && inbox.0.lock().unwrap().is_empty() {
                    thread::yield_now();
                }
                let heard = inbox.0.lock().unwrap().clone();
                check(&heard);
            }
        }));
    }
    for handle in threads {
        handle.join().unwrap();
    }
    assert_eq!(hub.channels(), 0, "all have left, nothing remains");
}

/// A subscriber that stays hears everything published after its join returned.
fn nothing_is_missed() {
    let hub = Arc::new(Hub::new(
        HashSeed::new(1, 2),
        QueueLimits::default(),
        Box::new(Silent),
    ));
    let inbox = Arc::new(Inbox::default());
    let mailbox: Arc<dyn Mailbox> = Arc::clone(&inbox) as _;
    let socket = SocketId::from_random(9);
    let subscribe = Subscribe {
        socket,
        mailbox,
        member: None,
        max_members: 0,
    };
    let first = hub.subscribe(&key(), subscribe).unwrap();
    let publishers: Vec<_> = (0..2)
        .map(|publisher| {
            let hub = Arc::clone(&hub);
            thread::spawn(move || {
                for n in 0..2 {
                    finish(hub.publish(
                        &key(),
                        Send {
                            frame: event(publisher, n),
                            except: None,
                        },
                    ));
                }
            })
        })
        .collect();
    finish(first);
    for handle in publishers {
        handle.join().unwrap();
    }
    let heard = inbox.0.lock().unwrap().clone();
    assert_eq!(
        heard.len(),
        5,
        "INV-BATON-1: nobody left work undone: {heard:?}"
    );
    check(&heard);
}

#[test]
fn random_interleavings_keep_order_and_leave_nothing_behind() {
    shuttle::check_random(scenario, 3_000);
}

#[test]
fn rare_interleavings_keep_order_and_leave_nothing_behind() {
    shuttle::check_pct(scenario, 2_000, 4);
}

#[test]
fn random_interleavings_miss_nothing() {
    shuttle::check_random(nothing_is_missed, 3_000);
}
