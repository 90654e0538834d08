//! A hub whose every word is written down.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use foghorn_channels::{
    Announce, AppNumber, Cached, Change, Counting, Delivery, Drain, HashSeed, Hearing, Hub,
    Joining, Key, Lifetime, Mailbox, News, Progress, QueueLimits, Send, Stamp, Subscribe, Tally,
    Target,
};
use foghorn_protocol::{
    ChannelName, Close, CloseCode, Frame, Limits, Member, Moment, Recipient, ServerMessage,
    SocketId, UserId,
};

/// What one connection got.
#[derive(Default)]
pub(crate) struct Inbox(Mutex<Vec<String>>);

impl Inbox {
    pub(crate) fn heard(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

impl Mailbox for Inbox {
    fn deliver(&self, frames: &[Frame]) -> Delivery {
        for frame in frames {
            let _ = self.put(frame);
        }
        Delivery::Accepted
    }

    fn put(&self, frame: &Frame) -> Delivery {
        self.0.lock().unwrap().push(text(frame));
        Delivery::Accepted
    }

    fn flush(&self) {}

    fn ask_to_close(&self, close: &Close) {
        self.0.lock().unwrap().push(closing(close));
    }
}

/// Writes down what would reach other nodes.
#[derive(Clone)]
pub(crate) struct Recorder(Arc<Mutex<Record>>);

struct Record {
    said: Vec<String>,
    /// Messages that subscribers have taken, and of how many of them a test knows.
    tally: Arc<Tally>,
    known: u64,
    stamps: Vec<Stamp>,
    /// What becomes of topics that are wanted.
    joining: Joining,
    /// Topics that are not joined yet.
    awaited: BTreeSet<Key>,
}

impl Recorder {
    /// Of a cluster in which topics are joined at once.
    pub(crate) fn quick() -> Self {
        Self::of(Joining::Done)
    }

    /// Of a cluster in which topics are joined later.
    pub(crate) fn slow() -> Self {
        Self::of(Joining::Awaited)
    }

    pub(crate) fn of(joining: Joining) -> Self {
        Self(Arc::new(Mutex::new(Record {
            said: Vec::new(),
            tally: Arc::default(),
            known: 0,
            stamps: Vec::new(),
            joining,
            awaited: BTreeSet::new(),
        })))
    }

    /// What has been said since the last call.
    pub(crate) fn said(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap().said)
    }

    /// How many messages subscribers have taken since the last call.
    pub(crate) fn delivered(&self) -> u64 {
        let mut record = self.0.lock().unwrap();
        let known = record.known;
        record.known = record.tally.sum();
        record.known - known
    }

    /// The stamp of the last event that other nodes are to remember.
    pub(crate) fn last_stamp(&self) -> Stamp {
        *self.0.lock().unwrap().stamps.last().unwrap()
    }

    pub(crate) fn is_awaited(&self, key: &Key) -> bool {
        self.0.lock().unwrap().awaited.contains(key)
    }

    /// The topic is joined, or nobody waits for it any more.
    pub(crate) fn has_joined(&self, key: &Key) {
        self.0.lock().unwrap().awaited.remove(key);
    }

    fn say(&self, what: String) {
        self.0.lock().unwrap().said.push(what);
    }
}

impl Announce for Recorder {
    fn interest(&self, key: &Key) -> Joining {
        let mut record = self.0.lock().unwrap();
        if record.joining == Joining::Awaited {
            record.awaited.insert(key.clone());
        }
        record.joining
    }

    fn lost_interest(&self, key: &Key) {
        self.say(format!("lost {}", name(key)));
    }

    fn changed(&self, key: &Key, change: Change<'_>) {
        let change = match change {
            Change::Count(count) => format!("count {count}"),
            Change::Joined(member) => format!("joined {}", member.user_id),
            Change::Left(user) => format!("left {user}"),
        };
        self.say(format!("{change} of {}", name(key)));
    }

    fn relay(&self, key: &Key, _: &Send, stamp: Option<Stamp>) {
        self.say(format!("relay to {}", name(key)));
        self.0.lock().unwrap().stamps.extend(stamp);
    }

    fn counting(&self, key: &Key) -> Counting {
        match name(key).contains("counted") {
            true => Counting::Told,
            false => Counting::Silent,
        }
    }

    fn tally(&self, _: &Key) -> Arc<Tally> {
        Arc::clone(&self.0.lock().unwrap().tally)
    }

    fn count_waits(&self, key: &Key) {
        self.say(format!("count waits on {}", name(key)));
    }

    fn happened(&self, key: &Key, news: News<'_>) {
        let news = match news {
            News::Occupied => "now occupied".to_owned(),
            News::Vacated => "now vacated".to_owned(),
            News::Added(user) => format!("now with {user}"),
            News::Removed(user) => format!("now without {user}"),
            News::Counted(count) => format!("now {count} on"),
            News::CacheMissed => "now missed".to_owned(),
            News::CacheFilled => "now filled".to_owned(),
        };
        self.say(format!("{news} {}", name(key)));
    }

    fn evicted(&self) {
        self.say("evicted".to_owned());
    }
}

pub(crate) fn hub(announce: Recorder) -> Hub {
    limited(QueueLimits::default(), announce)
}

pub(crate) fn limited(limits: QueueLimits, announce: Recorder) -> Hub {
    Hub::new(HashSeed::new(3, 4), limits, Box::new(announce))
}

/// The key of a channel or of a user's own events.
pub(crate) fn key(name: &str) -> Key {
    let recipient = Recipient::parse(name, &Limits::default()).unwrap();
    Key {
        app: AppNumber(0),
        target: Target::Recipient(recipient),
    }
}

pub(crate) fn watchers_of(user: &str) -> Key {
    Key {
        app: AppNumber(0),
        target: Target::Watchers(UserId::parse(user, 128).unwrap()),
    }
}

pub(crate) fn name(key: &Key) -> String {
    match &key.target {
        Target::Recipient(recipient) => recipient.to_string(),
        Target::Watchers(user) => format!("watchers of {user}"),
    }
}

pub(crate) fn channel(key: &Key) -> &ChannelName {
    key.channel().unwrap()
}

pub(crate) fn socket(n: u64) -> SocketId {
    SocketId::from_random(n)
}

pub(crate) fn user(id: &str) -> UserId {
    UserId::parse(id, 128).unwrap()
}

pub(crate) fn member(user: &str) -> Member {
    Member::parse(&format!(r#"{{"user_id":"{user}"}}"#), &Limits::default()).unwrap()
}

pub(crate) fn at(millis: u64) -> Moment {
    Moment::from_start(Duration::from_millis(millis))
}

pub(crate) fn living(now: u64, millis: u64) -> Lifetime {
    Lifetime {
        now: at(now),
        ttl: Duration::from_millis(millis),
    }
}

/// The event number `n` of a channel or a user.
pub(crate) fn event(key: &Key, n: usize) -> Frame {
    let data = n.to_string();
    ServerMessage::Event {
        event: "e",
        channel: &name(key),
        data: &data,
        user_id: None,
    }
    .encode()
}

pub(crate) fn send(frame: Frame) -> Send {
    Send {
        frame,
        except: None,
    }
}

pub(crate) fn cached(frame: &Frame, until: u64, version: u64) -> Cached {
    Cached {
        frame: frame.clone(),
        until: at(until),
        version,
    }
}

pub(crate) fn text(frame: &Frame) -> String {
    String::from_utf8(frame.text().to_vec()).unwrap()
}

pub(crate) fn acknowledged(key: &Key) -> String {
    let channel = channel(key).as_str();
    text(&ServerMessage::SubscriptionSucceeded { channel }.encode())
}

pub(crate) fn missed(key: &Key) -> String {
    let channel = channel(key);
    text(&ServerMessage::CacheMiss { channel }.encode())
}

pub(crate) fn counted(key: &Key, count: u64) -> String {
    let channel = channel(key);
    text(&ServerMessage::SubscriptionCount { channel, count }.encode())
}

pub(crate) fn close() -> Close {
    Close::new(CloseCode::Unauthorized, "Terminated by the application")
}

pub(crate) fn closing(close: &Close) -> String {
    format!("CLOSE {} {}", close.code().number(), close.reason())
}

pub(crate) fn finish(drain: Option<Drain>) {
    if let Some(mut drain) = drain {
        while drain.run(3) == Progress::More {}
    }
}

/// A subscriber to begin with: hears everything, comes at the start.
pub(crate) fn subscriber(id: u64) -> (Arc<Inbox>, Subscribe) {
    let inbox = Arc::new(Inbox::default());
    let mailbox: Arc<dyn Mailbox> = Arc::clone(&inbox) as _;
    let subscribe = Subscribe {
        socket: socket(id),
        mailbox,
        greeting: None,
        member: None,
        max_members: 2,
        hearing: Hearing::Everything,
        now: at(0),
    };
    (inbox, subscribe)
}

/// Subscribes at the start of time, and drains nothing yet.
pub(crate) fn join(hub: &Hub, key: &Key, id: u64) -> (Arc<Inbox>, Option<Drain>) {
    let (inbox, subscribe) = subscriber(id);
    let drain = hub.subscribe(key, subscribe).unwrap();
    (inbox, drain)
}

/// The same as a member of a presence channel.
pub(crate) fn join_as(hub: &Hub, key: &Key, id: u64, user: &str) -> (Arc<Inbox>, Option<Drain>) {
    let (inbox, subscribe) = subscriber(id);
    let member = Some(member(user));
    let drain = hub.subscribe(
        key,
        Subscribe {
            member,
            ..subscribe
        },
    );
    (inbox, drain.unwrap())
}

/// Subscribes and is greeted.
pub(crate) fn joined(hub: &Hub, key: &Key, id: u64) -> Arc<Inbox> {
    let (inbox, drain) = join(hub, key, id);
    finish(drain);
    inbox
}

/// What one who subscribes now hears first.
pub(crate) fn newcomer_hears(hub: &Hub, key: &Key, now: u64) -> Vec<String> {
    const NEWCOMER: u64 = 999;
    let (inbox, subscribe) = subscriber(NEWCOMER);
    let now = at(now);
    finish(hub.subscribe(key, Subscribe { now, ..subscribe }).unwrap());
    finish(hub.unsubscribe(key, socket(NEWCOMER), None));
    inbox.heard()
}
