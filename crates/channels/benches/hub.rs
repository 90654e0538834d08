//! What a hub takes to reach mailboxes that do nothing.
#![expect(
    clippy::unwrap_used,
    reason = "a broken benchmark may say so by panicking"
)]

#[path = "support/nobody.rs"]
mod nobody;

use criterion::Criterion;
use foghorn_channels::{
    AppNumber, Delivery, Drain, HashSeed, Hearing, Hub, Key, Mailbox, Progress, QueueLimits, Send,
    Subscribe, Target,
};
use foghorn_protocol::{ChannelName, Close, Frame, Moment, SocketId};
use nobody::Nobody;
use std::hint::black_box;
use std::sync::Arc;

/// Deliveries of one slice, as a node makes them before it gives others a turn.
const SLICE: usize = 256;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    for subscribers in [1, 100, 10_000] {
        publish(&mut criterion, subscribers);
    }
    come_and_go(&mut criterion);
    criterion.final_summary();
}

fn publish(criterion: &mut Criterion, subscribers: u64) {
    let (hub, key) = hub(subscribers);
    let frame = Frame::from_text(&[b'x'; 300]);
    criterion.bench_function(&format!("channels/publish to {subscribers}"), |bencher| {
        bencher.iter(|| {
            let frame = black_box(&frame).clone();
            let send = Send {
                frame,
                except: None,
            };
            finish(hub.publish(&hub.find(key.clone()), send));
        });
    });
}

fn come_and_go(criterion: &mut Criterion) {
    for others in [0, 100] {
        let (hub, key) = hub(others);
        let name = format!("channels/subscribe and unsubscribe beside {others}");
        criterion.bench_function(&name, |bencher| {
            bencher.iter(|| {
                let guest = subscriber(u64::MAX);
                let socket = guest.socket;
                finish(hub.subscribe(&key, guest).unwrap());
                finish(hub.unsubscribe(&key, socket, None));
            });
        });
    }
}

/// A hub with a channel that has so many subscribers.
fn hub(subscribers: u64) -> (Hub, Key) {
    let hub = Hub::new(
        HashSeed::new(1, 2),
        QueueLimits::default(),
        Box::new(Nobody),
    );
    let channel = ChannelName::parse("orders", 200).unwrap();
    let key = Key {
        app: AppNumber(0),
        target: Target::Recipient(channel.into()),
    };
    for number in 0..subscribers {
        finish(hub.subscribe(&key, subscriber(number)).unwrap());
    }
    (hub, key)
}

fn subscriber(number: u64) -> Subscribe {
    Subscribe {
        socket: SocketId::from_random(number),
        mailbox: Arc::new(Nothing),
        greeting: None,
        member: None,
        max_members: 0,
        hearing: Hearing::Everything,
        now: Moment::default(),
    }
}

fn finish(drain: Option<Drain>) {
    if let Some(mut drain) = drain {
        while drain.run(SLICE) == Progress::More {}
    }
}

struct Nothing;

impl Mailbox for Nothing {
    fn deliver(&self, frames: &[Frame]) -> Delivery {
        black_box(frames);
        Delivery::Accepted
    }

    fn put(&self, frame: &Frame) -> Delivery {
        self.deliver(std::slice::from_ref(frame))
    }

    fn flush(&self) {}

    fn ask_to_close(&self, _: &Close) {}
}
