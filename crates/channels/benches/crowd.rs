//! What a channel costs when it is larger than one process may have sockets: the price of a
//! delivery as the crowd grows, and how long a newcomer waits for its acknowledgement meanwhile.
//!
//! Every delivery is one write to a TCP socket, as in the server; but many subscribers share one.
//! Prints a line of JSON for each figure.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a broken benchmark may say so by panicking, and its result is what it prints"
)]

#[path = "support/nobody.rs"]
mod nobody;
#[path = "support/sockets.rs"]
mod sockets;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use foghorn_channels::{
    AppNumber, Drain, HashSeed, Hearing, Hub, Key, Progress, QueueLimits, Send, Subscribe, Target,
};
use foghorn_protocol::{ChannelName, Frame, Moment, SocketId};

use nobody::Nobody;
use sockets::{Shared, Sockets};

/// Deliveries of one slice, as the server makes them before it gives others a turn.
const SLICE: usize = 64;
/// Deliveries for each price, about.
const DELIVERIES: usize = 500_000;
/// Publishers are slowed down from so many waiting events on.
const PRESSED: usize = 64;
/// Newcomers for each distribution of waits.
const NEWCOMERS: usize = 1_000;
/// Between two newcomers.
const PAUSE: Duration = Duration::from_millis(2);

/// A channel and the sockets of its subscribers.
struct Channel {
    hub: Hub,
    key: Key,
    sockets: Sockets,
}

fn main() {
    for subscribers in [100, 1_000, 10_000, 50_000, 100_000] {
        let channel = Channel::with(subscribers);
        println!("{}", channel.price(subscribers));
    }
    for subscribers in [1_000, 50_000, 100_000] {
        let channel = Channel::with(subscribers);
        println!("{}", channel.waits(subscribers));
    }
}

impl Channel {
    fn with(subscribers: usize) -> Self {
        let seed = HashSeed::new(1, 2);
        let hub = Hub::new(seed, QueueLimits::default(), Box::new(Nobody));
        let name = ChannelName::parse("orders", 200).unwrap();
        let target = Target::Recipient(name.into());
        let key = Key {
            app: AppNumber(0),
            target,
        };
        let channel = Self {
            hub,
            key,
            sockets: Sockets::open(),
        };
        for number in 0..subscribers {
            let mailbox = channel.sockets.mailbox(number);
            finish(channel.join(number as u64, mailbox));
        }
        channel
    }

    fn join(&self, number: u64, mailbox: Arc<Shared>) -> Option<Drain> {
        let subscribe = Subscribe {
            socket: SocketId::from_random(number),
            mailbox,
            greeting: None,
            member: None,
            max_members: 0,
            hearing: Hearing::Everything,
            now: Moment::default(),
        };
        self.hub.subscribe(&self.key, subscribe).unwrap()
    }

    fn publish(&self, frame: &Frame) -> Option<Drain> {
        let send = Send {
            frame: frame.clone(),
            except: None,
        };
        self.hub.publish(&self.hub.find(self.key.clone()), send)
    }

    /// CPU time of one delivery, each with a write of its own: no event waits for another.
    fn price(&self, subscribers: usize) -> String {
        let frame = Frame::from_text(&[b'x'; 300]);
        let rounds = DELIVERIES.div_ceil(subscribers);
        finish(self.publish(&frame));
        let (before, cut) = (cpu_time(), self.sockets.cut());
        for _ in 0..rounds {
            finish(self.publish(&frame));
        }
        let deliveries = rounds * subscribers;
        let nanoseconds = (cpu_time() - before) / deliveries as u64;
        let cut = self.sockets.cut() - cut;
        format!(
            r#"{{"subscribers":{subscribers},"ns_per_delivery":{nanoseconds},"full_sockets":{cut}}}"#
        )
    }

    /// How long newcomers wait for their acknowledgement while others publish and deliver without
    /// a pause.
    fn waits(&self, subscribers: usize) -> String {
        let frame = Frame::from_text(&[b'x'; 300]);
        let over = AtomicBool::new(false);
        let mut waits = thread::scope(|scope| {
            scope.spawn(|| self.keep_busy(&frame, &over));
            let waits = (0..NEWCOMERS).map(|at| self.newcomer((subscribers + at) as u64));
            let waits: Vec<Duration> = waits.collect();
            over.store(true, Ordering::Relaxed);
            waits
        });
        waits.sort_unstable();
        let at = |share: f64| {
            let place = (waits.len() as f64 * share) as usize;
            waits.get(place).or(waits.last()).unwrap().as_micros()
        };
        let (p50, p99, max) = (at(0.5), at(0.99), at(1.0));
        format!(
            r#"{{"subscribers":{subscribers},"join_us":{{"p50":{p50},"p99":{p99},"max":{max}}}}}"#
        )
    }

    /// Publishes as fast as a server lets its publishers, and delivers in slices.
    fn keep_busy(&self, frame: &Frame, over: &AtomicBool) {
        let mut drain = None;
        while !over.load(Ordering::Relaxed) {
            for _ in 0..PRESSED {
                drain = drain.or(self.publish(frame));
            }
            let pass = |drain: &mut Drain| drain.run(SLICE) == Progress::More;
            while !over.load(Ordering::Relaxed) && drain.as_mut().is_some_and(pass) {}
            drain = None;
        }
    }

    /// One comes, is acknowledged and goes.
    fn newcomer(&self, number: u64) -> Duration {
        thread::sleep(PAUSE);
        let mailbox = self.sockets.mailbox(number as usize);
        let came = Instant::now();
        drop(self.join(number, Arc::clone(&mailbox)));
        let waited = came.elapsed();
        assert!(mailbox.heard(), "acknowledged when subscribing returns");
        let socket = SocketId::from_random(number);
        drop(self.hub.unsubscribe(&self.key, socket, None));
        waited
    }
}

fn finish(drain: Option<Drain>) {
    if let Some(mut drain) = drain {
        while drain.run(SLICE) == Progress::More {}
    }
}

/// What this thread has used so far, in nanoseconds.
fn cpu_time() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split(' ').next().unwrap().parse().unwrap()
}
