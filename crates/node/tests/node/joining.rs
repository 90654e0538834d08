//! A bus whose joins complete later: nobody is greeted who could still miss something.

use foghorn_cluster::{Inbound, Joining, Message, Topic};
use foghorn_node::{Clustering, Effect};
use foghorn_protocol::{Frame, Moment};

use crate::client::{Client, name};
use crate::site::{ONE, Setup, Site};

const NEWS: &str = "news";
const ACK: &str = "pusher_internal:subscription_succeeded news {}";

fn site() -> Site {
    Site::new(
        1,
        Setup {
            clustering: Clustering::Linked(Joining::Later),
            ..Setup::default()
        },
    )
}

fn topic() -> Topic {
    Topic::Audience {
        app: ONE.into(),
        recipient: name(NEWS).into(),
    }
}

/// What a driver would do about the effects that wait: the topics to join and to leave, of those
/// that the node still wants, or no longer wants, by now.
fn driver(site: &Site) -> Vec<String> {
    let asked = site
        .effects()
        .into_iter()
        .filter_map(|effect| match effect {
            Effect::Join(topic) if site.node.wants(&topic) => Some(format!("join {topic}")),
            Effect::Leave(topic) if !site.node.wants(&topic) => Some(format!("leave {topic}")),
            _ => None,
        });
    asked.collect()
}

fn inbound(site: &Site, inbound: Inbound) {
    site.node.on_inbound(inbound, Moment::default());
}

fn event_from_elsewhere(site: &Site, text: &str) {
    let message = Message::Event {
        app: ONE.into(),
        recipient: name(NEWS).into(),
        except: None,
        stamp: None,
        frame: Frame::from_text(text.as_bytes()),
    };
    let bytes = message.encode(foghorn_cluster::NodeId::from_random(2));
    let topic = topic();
    inbound(site, Inbound::Message { topic, bytes });
}

fn subscribed(site: &Site) -> Client {
    let mut client = site.client();
    client.subscribe(NEWS);
    client
}

#[test]
fn the_greeting_waits_for_the_topic() {
    let site = site();
    let first = subscribed(&site);
    let second = subscribed(&site);
    assert_eq!(driver(&site), ["join audience/one/news"]);
    event_from_elsewhere(&site, r#"{"event":"e","channel":"news","data":"1"}"#);
    site.publish(&[NEWS], "2").unwrap();
    assert_eq!(first.heard(), [""; 0]);
    inbound(&site, Inbound::Joined(topic()));
    for client in [&first, &second] {
        assert_eq!(client.heard(), [ACK, "e news 1", "e news 2"]);
    }
    // From now on nobody waits.
    let third = subscribed(&site);
    assert_eq!(third.heard(), [ACK]);
    inbound(&site, Inbound::Joined(topic()));
    assert_eq!(third.heard(), [""; 0]);
}

#[test]
fn the_topic_is_left_with_the_last_subscriber() {
    let site = site();
    let (first, second) = (subscribed(&site), subscribed(&site));
    driver(&site);
    inbound(&site, Inbound::Joined(topic()));
    drop(first);
    assert_eq!(driver(&site), [""; 0]);
    drop(second);
    assert_eq!(driver(&site), ["leave audience/one/news"]);
    assert!(!site.node.wants(&topic()));
    site.assert_empty();
    // Whoever comes before the driver's turn keeps it.
    drop(subscribed(&site));
    let _stays = subscribed(&site);
    assert!(site.node.wants(&topic()));
}

#[test]
fn nobody_waits_for_a_link_that_is_down() {
    let site = site();
    let client = subscribed(&site);
    inbound(&site, Inbound::LinkDown);
    assert_eq!(client.heard(), [ACK]);
    site.publish(&[NEWS], "1").unwrap();
    assert_eq!(client.heard(), ["e news 1"]);
    inbound(&site, Inbound::LinkUp);
    inbound(&site, Inbound::Joined(topic()));
    assert_eq!(client.heard(), [""; 0]);
    drop(client);
    site.assert_empty();
}

#[test]
fn whoever_comes_while_the_link_is_down_does_not_wait_either() {
    let site = site();
    inbound(&site, Inbound::LinkDown);
    let client = subscribed(&site);
    assert_eq!(client.heard(), [ACK]);
}

#[test]
fn one_who_goes_before_the_driver_looks_does_not_block_the_next() {
    let site = site();
    drop(subscribed(&site));
    let mut joined = driver(&site);
    let next = subscribed(&site);
    joined.extend(driver(&site));
    // The driver says `Joined` for what it has joined, and for nothing else.
    for _ in joined.iter().filter(|asked| asked.starts_with("join")) {
        inbound(&site, Inbound::Joined(topic()));
    }
    assert_eq!(next.heard(), [ACK]);
    drop(next);
    site.assert_empty();
}

#[test]
fn one_who_goes_while_the_topic_is_being_joined_leaves_nothing() {
    let site = site();
    let client = subscribed(&site);
    assert_eq!(driver(&site), ["join audience/one/news"]);
    drop(client);
    inbound(&site, Inbound::Joined(topic()));
    assert_eq!(driver(&site), ["leave audience/one/news"]);
    site.assert_empty();
}

#[test]
fn what_is_not_known_is_not_wanted() {
    let site = site();
    let node = site.node.id();
    let other = foghorn_cluster::NodeId::from_random(2);
    let elsewhere = Topic::Audience {
        app: "nowhere".into(),
        recipient: name(NEWS).into(),
    };
    for (topic, wanted) in [
        (Topic::Control, true),
        (Topic::Node(node), true),
        (Topic::Node(other), false),
        (topic(), false),
        (elsewhere, false),
    ] {
        assert_eq!(site.node.wants(&topic), wanted, "{topic}");
    }
}
