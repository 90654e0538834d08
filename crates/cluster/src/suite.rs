//! What every driver of the seam must do, as a test that any driver can run.
//!
//! It is told apart from the drivers so that none has a copy. Absence of a message is shown by a
//! later one that arrives first, never by waiting; so a driver that loses messages makes the suite
//! hang, and its caller puts a time limit around it.

use bytes::Bytes;
use foghorn_protocol::{Frame, Limits, Recipient};

use crate::{Bus, Inbound, Inbox, Joining, Message, NodeId, Topic};

/// How many messages each order is shown with.
const BURST: u64 = 50;

/// A node's place on the bus under test.
#[derive(Debug)]
pub struct Seat<B, I> {
    /// The node.
    pub node: NodeId,
    /// Its way out.
    pub bus: B,
    /// Its way in.
    pub inbox: I,
}

/// Runs the suite with three nodes that have just attached to one bus.
///
/// # Panics
/// The driver breaks a promise of the seam.
pub async fn run<B: Bus, I: Inbox>(mut seats: [Seat<B, I>; 3]) {
    for seat in &mut seats {
        seat.join(&Topic::Control).await;
        seat.join(&Topic::Node(seat.node)).await;
    }
    publishers_keep_their_order(&mut seats).await;
    nobody_hears_another_echo(&mut seats).await;
    a_node_topic_is_for_that_node(&mut seats).await;
    a_topic_can_be_left_and_joined_again(&mut seats).await;
}

/// Two nodes talk at once: each is heard in its own order.
async fn publishers_keep_their_order<B: Bus, I: Inbox>([a, b, c]: &mut [Seat<B, I>; 3]) {
    for number in 0..BURST {
        a.say(&Topic::Control, number).await;
        b.say(&Topic::Control, number).await;
    }
    let (mut of_a, mut of_b) = (Vec::new(), Vec::new());
    for _ in 0..2 * BURST {
        let (topic, from, number) = c.hear().await;
        assert_eq!(topic, Topic::Control);
        let heard = if from == a.node { &mut of_a } else { &mut of_b };
        heard.push(number);
    }
    let sent: Vec<u64> = (0..BURST).collect();
    assert_eq!(of_a, sent, "order of the first publisher");
    assert_eq!(of_b, sent, "order of the second publisher");
}

/// What the two talkers hear is the other's words, each once.
async fn nobody_hears_another_echo<B: Bus, I: Inbox>([a, b, c]: &mut [Seat<B, I>; 3]) {
    for number in 0..BURST {
        assert_eq!(a.hear().await, (Topic::Control, b.node, number));
        assert_eq!(b.hear().await, (Topic::Control, a.node, number));
    }
    c.say(&Topic::Control, BURST).await;
    for seat in [a, b] {
        assert_eq!(seat.hear().await, (Topic::Control, c.node, BURST));
    }
}

async fn a_node_topic_is_for_that_node<B: Bus, I: Inbox>([a, b, c]: &mut [Seat<B, I>; 3]) {
    let private = Topic::Node(b.node);
    a.say(&private, 1).await;
    assert_eq!(b.hear().await, (private, a.node, 1));
    a.say(&Topic::Control, 2).await;
    for seat in [b, c] {
        assert_eq!(seat.hear().await, (Topic::Control, a.node, 2));
    }
}

/// Payloads pass unchanged, and a joined topic delivers after any history of joins and leaves.
async fn a_topic_can_be_left_and_joined_again<B: Bus, I: Inbox>([a, b, _]: &mut [Seat<B, I>; 3]) {
    let name = "#server-to-user-A=@,.;9";
    let Ok(recipient) = Recipient::parse(name, &Limits::default()) else {
        unreachable!("the alphabet of user ids")
    };
    let app = "app id".into();
    let topic = Topic::Audience { app, recipient };
    assert_eq!(b.bus.leave(&topic).await, Ok(()), "leaving before joining");
    for _ in 0..2 {
        b.join(&topic).await;
        let bytes = event(&topic).encode(a.node);
        let published = a.bus.publish(&topic, bytes.clone()).await;
        assert_eq!(published, Ok(()));
        assert_eq!(b.hear_bytes().await, (topic.clone(), bytes));
        assert_eq!(b.bus.leave(&topic).await, Ok(()));
    }
}

/// An event whose body has everything that a careless driver could spoil.
fn event(topic: &Topic) -> Message {
    let Topic::Audience { app, recipient } = topic else {
        unreachable!("only audiences have events")
    };
    Message::Event {
        app: app.clone(),
        recipient: recipient.clone(),
        except: None,
        stamp: None,
        frame: Frame::from_text("{\"data\":\"ä\r\n\0 \\u0000\"}\n".as_bytes()),
    }
}

impl<B: Bus, I: Inbox> Seat<B, I> {
    async fn join(&mut self, topic: &Topic) {
        assert_eq!(self.bus.join(topic).await, Ok(()));
        if self.bus.joining() == Joining::AtOnce {
            return;
        }
        let expect = Inbound::Joined(topic.clone());
        while self.inbox.next().await != expect {}
    }

    async fn say(&self, topic: &Topic, number: u64) {
        let message = Message::Heartbeat { next: number };
        let published = self.bus.publish(topic, message.encode(self.node)).await;
        assert_eq!(published, Ok(()));
    }

    async fn hear(&mut self) -> (Topic, NodeId, u64) {
        let (topic, bytes) = self.hear_bytes().await;
        match Message::decode(&bytes) {
            Ok((from, Message::Heartbeat { next })) => (topic, from, next),
            other => unreachable!("not said in this suite: {other:?}"),
        }
    }

    /// The next message of another node.
    async fn hear_bytes(&mut self) -> (Topic, Bytes) {
        loop {
            match self.inbox.next().await {
                Inbound::Message { topic, bytes } => match Message::decode(&bytes) {
                    Ok((from, _)) if from == self.node => {}
                    _ => return (topic, bytes),
                },
                // The answer to a join or the first connection.
                Inbound::Joined(_) | Inbound::LinkUp => {}
                Inbound::LinkDown => unreachable!("a link that breaks cannot be tested"),
            }
        }
    }
}
