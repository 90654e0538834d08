//! Interleavings of the operation queue and of the retire-and-recreate race, explored by a
//! scheduler that owns every lock. Needs the feature `shuttle`.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::sync::Arc;
use std::time::Duration;

use foghorn_channels::{
    Announce, AppNumber, Change, Counting, Delivery, Drain, HashSeed, Hearing, Hub, Joining, Key,
    Lifetime, Mailbox, News, Progress, QueueLimits, Send, Stamp, Subscribe, Tally, Target,
};
use foghorn_protocol::{ChannelName, Close, Frame, Moment, Recipient, ServerMessage, SocketId};
use shuttle::sync::Mutex;
use shuttle::thread;

/// What a connection hears, with the number of the stay during which it came.
type Log = Mutex<Vec<(usize, String)>>;

/// A connection's mailbox during one of its stays.
#[derive(Default)]
struct Inbox {
    stay: usize,
    log: Arc<Log>,
}

impl Mailbox for Inbox {
    fn deliver(&self, frames: &[Frame]) -> Delivery {
        for frame in frames {
            let _ = self.put(frame);
        }
        Delivery::Accepted
    }

    fn put(&self, frame: &Frame) -> Delivery {
        let text = String::from_utf8(frame.text().to_vec()).unwrap();
        self.log.lock().unwrap().push((self.stay, text));
        Delivery::Accepted
    }

    fn flush(&self) {}

    fn ask_to_close(&self, _: &Close) {}
}

impl Inbox {
    fn heard(&self) -> Vec<String> {
        let log = self.log.lock().unwrap();
        log.iter().map(|(_, text)| text.clone()).collect()
    }
}

struct Silent;

impl Announce for Silent {
    fn interest(&self, _: &Key) -> Joining {
        Joining::Done
    }
    fn lost_interest(&self, _: &Key) {}
    fn changed(&self, _: &Key, _: Change<'_>) {}
    fn relay(&self, _: &Key, _: &Send, _: Option<Stamp>) {}
    fn counting(&self, _: &Key) -> Counting {
        Counting::Silent
    }
    fn tally(&self, _: &Key) -> Arc<Tally> {
        Arc::default()
    }
    fn count_waits(&self, _: &Key) {}
    fn happened(&self, _: &Key, _: News<'_>) {}
    fn evicted(&self) {}
}

fn hub() -> Arc<Hub> {
    Arc::new(Hub::new(
        HashSeed::new(1, 2),
        QueueLimits::default(),
        Box::new(Silent),
    ))
}

fn key(name: &str) -> Key {
    let channel = ChannelName::parse(name, 200).unwrap();
    Key {
        app: AppNumber(0),
        target: Target::Recipient(Recipient::Channel(channel)),
    }
}

fn news() -> Key {
    key("news")
}

fn car() -> Key {
    key("cache-car")
}

fn finish(drain: Option<Drain>) {
    if let Some(mut drain) = drain {
        while drain.run(2) == Progress::More {
            thread::yield_now();
        }
    }
}

fn event(key: &Key, publisher: usize, n: usize) -> Send {
    let data = format!("{publisher}:{n}");
    let event = ServerMessage::Event {
        event: "e",
        channel: key.channel().unwrap().as_str(),
        data: &data,
        user_id: None,
    };
    Send {
        frame: event.encode(),
        except: None,
    }
}

fn subscriber(socket: SocketId) -> (Arc<Inbox>, Subscribe) {
    let inbox = Arc::new(Inbox::default());
    let mailbox = Arc::clone(&inbox);
    (inbox, subscribe(socket, mailbox))
}

fn subscribe(socket: SocketId, mailbox: Arc<dyn Mailbox>) -> Subscribe {
    Subscribe {
        socket,
        mailbox,
        greeting: None,
        member: None,
        max_members: 0,
        hearing: Hearing::Everything,
        now: Moment::default(),
    }
}

/// The numbers of one publisher's events, as they were heard.
fn numbers(heard: &[String], publisher: usize) -> Vec<usize> {
    let mark = format!("\"data\":\"{publisher}:");
    heard
        .iter()
        .filter_map(|text| text.split_once(&mark))
        .map(|(_, rest)| rest.trim_end_matches("\"}").parse().unwrap())
        .collect()
}

/// What one subscription heard: the acknowledgement first, then each publisher's events in order,
/// without gaps between the first and the last, none twice.
fn check(heard: &[String]) {
    assert!(is_ack(&heard[0]), "INV-ACK-1: ack first: {heard:?}");
    for publisher in 0..2 {
        assert!(
            numbers(heard, publisher)
                .windows(2)
                .all(|w| w[1] == w[0] + 1),
            "INV-ORDER-1: {heard:?}"
        );
    }
}

/// Events of each publisher to the cache channel.
const CACHED_EVENTS: usize = 2;

/// What one connection heard in `stays` stays: all that is of one before all that is of the next,
/// and each as one subscription.
fn check_stays(heard: &[(usize, String)], stays: usize) {
    let numbers: Vec<usize> = heard.iter().map(|(stay, _)| *stay).collect();
    assert!(numbers.is_sorted(), "INV-ACK-1: {heard:?}");
    for number in 0..stays {
        let of_stay = heard.iter().filter(|(stay, _)| *stay == number);
        let texts: Vec<String> = of_stay.map(|(_, text)| text.clone()).collect();
        assert!(!texts.is_empty(), "INV-ACK-1: stay {number} of {heard:?}");
        check(&texts);
        let acks = texts.iter().filter(|text| is_ack(text)).count();
        assert_eq!(acks, 1, "INV-ACK-1: {heard:?}");
    }
}

fn is_ack(text: &str) -> bool {
    text.contains("subscription_succeeded")
}

fn scenario() {
    const EVENTS: usize = 3;
    const STAYS: usize = 3;
    let hub = hub();
    let mut threads = Vec::new();
    for publisher in 0..2 {
        let hub = Arc::clone(&hub);
        threads.push(thread::spawn(move || {
            for n in 0..EVENTS {
                finish(hub.publish(&hub.find(news()), event(&news(), publisher, n)));
            }
        }));
    }
    let logs: [Arc<Log>; 2] = Default::default();
    for (newcomer, log) in (0..).zip(&logs) {
        let (hub, log) = (Arc::clone(&hub), Arc::clone(log));
        threads.push(thread::spawn(move || {
            let socket = SocketId::from_random(newcomer);
            for stay in 0..STAYS {
                let mailbox = Inbox {
                    stay,
                    log: Arc::clone(&log),
                };
                let subscribe = subscribe(socket, Arc::new(mailbox));
                finish(hub.subscribe(&news(), subscribe).unwrap());
                finish(hub.unsubscribe(&news(), socket, None));
                if stay == 0 {
                    check_stays(&log.lock().unwrap(), 1);
                }
            }
        }));
    }
    for handle in threads {
        handle.join().unwrap();
    }
    // Who comes back is greeted when its old seat is silent, even if it has gone again by then.
    for log in logs {
        check_stays(&log.lock().unwrap(), STAYS);
    }
    assert_eq!(hub.channels(), 0, "all have left, nothing remains");
}

/// A subscriber that stays hears everything published after its join returned.
fn nothing_is_missed() {
    let hub = hub();
    let (inbox, subscribe) = subscriber(SocketId::from_random(9));
    let first = hub.subscribe(&news(), subscribe).unwrap();
    let publishers: Vec<_> = (0..2)
        .map(|publisher| {
            let hub = Arc::clone(&hub);
            thread::spawn(move || {
                for n in 0..2 {
                    finish(hub.publish(&hub.find(news()), event(&news(), publisher, n)));
                }
            })
        })
        .collect();
    finish(first);
    for handle in publishers {
        handle.join().unwrap();
    }
    let heard = inbox.heard();
    assert_eq!(
        heard.len(),
        5,
        "INV-BATON-1: nobody left work undone: {heard:?}"
    );
    check(&heard);
}

/// Publishes to the cache channel and subscribes to it, all at once; what the newcomers heard in
/// the end.
fn publish_to_newcomers(hub: &Arc<Hub>) -> Vec<Vec<String>> {
    let publishers = (0..2).map(|publisher| {
        let hub = Arc::clone(hub);
        thread::spawn(move || {
            for n in 0..CACHED_EVENTS {
                let lifetime = Lifetime {
                    now: Moment::default(),
                    ttl: Duration::from_secs(1),
                };
                finish(hub.publish_cached(&hub.find(car()), event(&car(), publisher, n), lifetime));
            }
        })
    });
    let newcomers = (0..2).map(|newcomer| {
        let hub = Arc::clone(hub);
        thread::spawn(move || {
            let (inbox, subscribe) = subscriber(SocketId::from_random(newcomer));
            finish(hub.subscribe(&car(), subscribe).unwrap());
            inbox
        })
    });
    let (publishers, newcomers): (Vec<_>, Vec<_>) = (publishers.collect(), newcomers.collect());
    for handle in publishers {
        handle.join().unwrap();
    }
    let newcomers = newcomers.into_iter().map(|handle| handle.join().unwrap());
    let inboxes: Vec<Arc<Inbox>> = newcomers.collect();
    inboxes.iter().map(|inbox| inbox.heard()).collect()
}

/// INV-CACHE-1, as a witness sees it who was there before: a newcomer's cached event, or the lack
/// of one, and all that follows are what the witness heard from some place on.
fn a_newcomer_goes_on_from_the_cached_event() {
    let hub = hub();
    let (witness, subscribe) = subscriber(SocketId::from_random(9));
    finish(hub.subscribe(&car(), subscribe).unwrap());
    let newcomers = publish_to_newcomers(&hub);
    let all = witness.heard();
    assert_eq!(all.len(), 2 + 2 * CACHED_EVENTS, "{all:?}");
    check(&all);
    for heard in newcomers {
        assert_eq!(heard[0], all[0], "INV-ACK-1");
        assert!(
            heard.len() > 1 && all[1..].ends_with(&heard[1..]),
            "INV-CACHE-1: {heard:?} of {all:?}"
        );
    }
    let last = hub.cached(&car(), Moment::default()).unwrap();
    assert_eq!(last.frame.text(), all.last().unwrap().as_bytes());
}

/// INV-CACHE-1 where nobody may be there yet: an event is cached with or without a queue. Each
/// publisher's later events follow without a gap, none of them twice, and the last is among them
/// unless it is before the cached one.
fn a_first_newcomer_goes_on_from_the_cached_event() {
    let hub = hub();
    for heard in publish_to_newcomers(&hub) {
        check(&heard);
        let (cached, later) = (&heard[1..2], &heard[2..]);
        assert!(!later.contains(&cached[0]), "INV-CACHE-1: {heard:?}");
        for publisher in 0..2 {
            let heard_first = numbers(later, publisher).first().copied();
            let after_cached = numbers(cached, publisher).first().map(|n| n + 1);
            let goes_on = after_cached.or(heard_first).unwrap_or(CACHED_EVENTS);
            let expect: Vec<usize> = (goes_on..CACHED_EVENTS).collect();
            assert_eq!(numbers(later, publisher), expect, "INV-CACHE-1: {heard:?}");
        }
        let nothing = cached[0].contains("cache_miss");
        assert!(
            !nothing || later.len() == 2 * CACHED_EVENTS,
            "INV-CACHE-1: {heard:?}"
        );
    }
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

#[test]
fn random_interleavings_of_cached_events_and_newcomers() {
    shuttle::check_random(a_newcomer_goes_on_from_the_cached_event, 3_000);
    shuttle::check_random(a_first_newcomer_goes_on_from_the_cached_event, 3_000);
}

#[test]
fn rare_interleavings_of_cached_events_and_newcomers() {
    shuttle::check_pct(a_newcomer_goes_on_from_the_cached_event, 2_000, 4);
    shuttle::check_pct(a_first_newcomer_goes_on_from_the_cached_event, 2_000, 4);
}
