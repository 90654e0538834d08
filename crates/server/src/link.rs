//! The link to other nodes: between a node's effects and a cluster driver.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use foghorn_cluster::{Bus, Inbox, Message, Topic};
use foghorn_node::Node;
use parking_lot::Mutex;
use prometheus::IntCounter;
use tokio::sync::{Notify, mpsc};
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::clock::Clock;
use crate::quotas;

/// Messages that may wait for the driver.
const WAITING_MESSAGES: usize = 16_384;

/// How long facts are gathered before they are announced together.
const GATHERING: Duration = Duration::from_millis(5);

/// How often a node says that it lives.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// Where a node's effects for others wait for the driver.
pub(crate) struct Outgoing {
    messages: mpsc::Sender<(Topic, Message)>,
    /// Topics whose being wanted may have changed. Level-triggered: the node is asked when the turn
    /// comes, so the order of wishes does not matter and there is at most one entry per topic.
    topics: Mutex<BTreeSet<Topic>>,
    topics_changed: Notify,
    facts_wait: Notify,
    users_wait: Notify,
    lost: IntCounter,
}

/// The end of the queue that the driver's task takes from.
pub(crate) struct Waiting(mpsc::Receiver<(Topic, Message)>);

impl Outgoing {
    /// An empty queue; `lost` counts what did not fit.
    pub(crate) fn new(lost: IntCounter) -> (Arc<Self>, Waiting) {
        let (messages, waiting) = mpsc::channel(WAITING_MESSAGES);
        let topics = Mutex::new(BTreeSet::new());
        let (topics_changed, facts_wait) = (Notify::new(), Notify::new());
        let users_wait = Notify::new();
        let outgoing = Self {
            messages,
            topics,
            topics_changed,
            facts_wait,
            users_wait,
            lost,
        };
        (Arc::new(outgoing), Waiting(waiting))
    }

    /// Hands a message to the driver. One that does not fit is lost for the other nodes and
    /// counted; lost facts leave a gap in their numbers, which repairs itself.
    pub(crate) fn publish(&self, topic: Topic, message: Message) {
        if self.messages.try_send((topic, message)).is_err() {
            self.lost.inc();
        }
    }

    /// Has the driver ask whether the topic is wanted.
    pub(crate) fn look_at(&self, topic: Topic) {
        self.topics.lock().insert(topic);
        self.topics_changed.notify_one();
    }

    /// Has the driver announce facts soon.
    pub(crate) fn facts_wait(&self) {
        self.facts_wait.notify_one();
    }

    /// Has the node look at its users soon.
    pub(crate) fn users_wait(&self) {
        self.users_wait.notify_one();
    }
}

/// Moves messages between `node` and the driver for ever.
pub(crate) async fn run<B: Bus, I: Inbox>(
    node: Arc<Node>,
    (bus, mut inbox): (B, I),
    outgoing: Arc<Outgoing>,
    Waiting(mut messages): Waiting,
    clock: Clock,
) {
    let listen = async {
        for topic in [Topic::Control, Topic::Node(node.id())] {
            report(bus.join(&topic).await, "cannot listen to a topic");
        }
        loop {
            outgoing.topics_changed.notified().await;
            let topics = std::mem::take(&mut *outgoing.topics.lock());
            for topic in topics {
                let done = match node.wants(&topic) {
                    true => bus.join(&topic).await,
                    false => bus.leave(&topic).await,
                };
                report(done, "cannot change what is listened to");
            }
        }
    };
    let publish = async {
        while let Some((topic, message)) = messages.recv().await {
            let published = bus.publish(&topic, message.encode(node.id())).await;
            if published.is_err() {
                outgoing.lost.inc();
            }
        }
    };
    let announce = async {
        loop {
            outgoing.facts_wait.notified().await;
            sleep(GATHERING).await;
            node.flush_facts();
        }
    };
    let watch = async {
        loop {
            outgoing.users_wait.notified().await;
            node.look_at_users(clock.now());
        }
    };
    // One message after the other: order is the point of the inbox.
    let receive = async {
        loop {
            let inbound = inbox.next().await;
            node.on_inbound(inbound, clock.now());
        }
    };
    let live = async {
        let mut ticks = interval(HEARTBEAT);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            node.on_tick(clock.now());
            quotas::look(&node);
        }
    };
    tokio::join!(listen, publish, announce, watch, receive, live);
}

fn report<E: std::fmt::Display>(done: Result<(), E>, what: &'static str) {
    if let Err(error) = done {
        tracing::warn!(%error, "{what}");
    }
}

#[cfg(test)]
mod tests {
    use foghorn_channels::{Delivery, Mailbox};
    use foghorn_cluster::local::LocalBus;
    use foghorn_node::{Connection, Publish, Transport};
    use foghorn_protocol::{ChannelName, Close, EventName, Frame};

    use super::*;
    use crate::composition::{self, Composed};

    /// Passes on what is delivered.
    struct Letters(mpsc::UnboundedSender<Frame>);

    impl Mailbox for Letters {
        fn deliver(&self, frames: &[Frame]) -> Delivery {
            for frame in frames {
                self.0.send(frame.clone()).unwrap();
            }
            Delivery::Accepted
        }
        fn put(&self, frame: &Frame) -> Delivery {
            self.deliver(std::slice::from_ref(frame))
        }
        fn flush(&self) {}
        fn ask_to_close(&self, _: &Close) {}
    }

    struct Client {
        letters: mpsc::UnboundedReceiver<Frame>,
        connection: Connection,
    }

    impl Client {
        fn connect(node: &Arc<Node>, random: u64) -> Self {
            let admission = composition::admitted(node, Transport::WebSocket);
            let (sender, letters) = mpsc::unbounded_channel();
            let mailbox = Arc::new(Letters(sender));
            let now = Clock::start().now();
            let connection = Connection::open(Arc::clone(node), admission, mailbox, random, now);
            Self {
                letters,
                connection,
            }
        }

        fn say(&mut self, text: &str) {
            assert_eq!(self.connection.on_text(text, Clock::start().now()), None);
        }

        /// Waits for a message that holds `part`.
        async fn hears(&mut self, part: &str) {
            loop {
                let frame = self.letters.recv().await.unwrap();
                if String::from_utf8_lossy(frame.text()).contains(part) {
                    return;
                }
            }
        }
    }

    fn node_on(bus: &LocalBus) -> Arc<Node> {
        let Composed { node, link, .. } = composition::unconfigured(bus);
        tokio::spawn(link.run(Clock::start()));
        node
    }

    /// Two nodes of one process, through the same pump that a broker's driver will use.
    #[tokio::test]
    async fn nodes_on_one_bus_share_events_and_facts() {
        let bus = LocalBus::new();
        // The second seat is taken before the first node looks, so neither thinks that it is alone.
        let (_other, _inbox) = bus.attach(foghorn_cluster::NodeId::from_random(7));
        let (a, b) = (node_on(&bus), node_on(&bus));
        let (mut on_a, mut on_b) = (Client::connect(&a, 1), Client::connect(&b, 2));
        let subscribe = r#"{"event":"pusher:subscribe","data":{"channel":"news"}}"#;
        for client in [&mut on_a, &mut on_b] {
            client.say(subscribe);
            client.hears("subscription_succeeded").await;
        }
        let event = Publish {
            recipients: vec![ChannelName::parse("news", 200).unwrap().into()],
            event: EventName::parse("hello", 200).unwrap(),
            data: "from a".into(),
            except: None,
        };
        let app = a.apps().with_id("app-id").unwrap();
        a.publish(&app, &[event], Clock::start().now()).unwrap();
        on_a.hears("from a").await;
        on_b.hears("from a").await;
        // Facts are gathered for a moment; the count of both nodes arrives all the same.
        let news = ChannelName::parse("news", 200).unwrap();
        while b
            .occupancy(&b.apps().with_id("app-id").unwrap(), &news)
            .subscriptions
            < 2
        {
            tokio::task::yield_now().await;
        }
    }
}
