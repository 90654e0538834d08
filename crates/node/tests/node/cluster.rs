//! Two and three nodes on one bus, nothing lost.

use foghorn_cluster::{Fact, Inbound, Message, NodeId, Topic};
use foghorn_protocol::Frame;
use serde_json::json;

use crate::client::{Client, event, member_ids, name};
use crate::site::{ONE, SUSPECT_AFTER};
use crate::world::World;

const LOBBY: &str = "presence-lobby";

fn added(user: &str) -> String {
    format!(r#"pusher_internal:member_added {LOBBY} {{"user_id":"{user}"}}"#)
}

fn removed(user: &str) -> String {
    format!(r#"pusher_internal:member_removed {LOBBY} {{"user_id":"{user}"}}"#)
}

/// Lets everybody who is subscribed forget what was said so far.
fn forget(clients: &[&Client]) {
    for client in clients {
        client.letters();
    }
}

#[test]
fn an_event_reaches_the_subscribers_of_every_node_once() {
    let mut world = World::of(3);
    let [a, b, c] = [0, 1, 2].map(|site| world.sites[site].subscriber("news"));
    let deaf = world.sites[1].subscriber("other");
    world.settle();
    let mut publish = event(&["news"], "1");
    publish.except = Some(a.socket());
    let site = &world.sites[0];
    site.node
        .publish(&site.app(ONE), &[publish.clone()], world.now())
        .unwrap();
    world.settle();
    assert_eq!(a.heard(), [""; 0]);
    assert_eq!(b.heard(), ["e news 1"]);
    assert_eq!(c.heard(), ["e news 1"]);
    // The excepted connection may be on another node than the publisher.
    publish.except = Some(b.socket());
    let site = &world.sites[0];
    site.node
        .publish(&site.app(ONE), &[publish], world.now())
        .unwrap();
    world.settle();
    assert_eq!(a.heard(), ["e news 1"]);
    assert_eq!(b.heard(), [""; 0]);
    assert_eq!(c.heard(), ["e news 1"]);
    assert_eq!(deaf.heard(), [""; 0]);
}

#[test]
fn a_publisher_is_heard_in_its_order_everywhere() {
    let mut world = World::of(2);
    let local = world.sites[0].subscriber("news");
    let remote = world.sites[1].subscriber("news");
    world.settle();
    let expect: Vec<String> = (0..50).map(|number| number.to_string()).collect();
    for data in &expect {
        world.sites[0].publish(&["news"], data).unwrap();
    }
    world.settle();
    assert_eq!(local.heard_data(), expect);
    assert_eq!(remote.heard_data(), expect);
}

#[test]
fn a_node_without_subscribers_may_publish() {
    let mut world = World::of(2);
    let remote = world.sites[1].subscriber("news");
    world.sites[0].publish(&["news"], "1").unwrap();
    world.settle();
    assert_eq!(remote.heard(), ["e news 1"]);
}

#[test]
fn client_events_cross_nodes_but_never_come_back() {
    let mut world = World::of(2);
    let mut sender = world.sites[0].member(LOBBY, "zoe");
    let other_tab = world.sites[1].member(LOBBY, "zoe");
    world.settle();
    forget(&[&sender, &other_tab]);
    sender.say(&json!({ "event": "client-e", "channel": LOBBY, "data": "1" }));
    world.settle();
    assert_eq!(sender.texts(), [""; 0]);
    assert_eq!(
        other_tab.texts(),
        [r#"{"event":"client-e","channel":"presence-lobby","data":"1","user_id":"zoe"}"#]
    );
}

#[test]
fn apps_stay_apart_across_nodes() {
    let mut world = World::of(2);
    let one = world.sites[0].subscriber("room");
    let mut two = world.sites[1].open("two", "7");
    two.subscribe("room");
    world.settle();
    two.letters();
    world.sites[0].publish(&["room"], "1").unwrap();
    world.settle();
    assert_eq!(one.heard(), ["e room 1"]);
    assert_eq!(two.heard(), [""; 0]);
    assert_eq!(world.sites[0].occupancy("room"), (1, 0));
}

#[test]
fn first_and_last_are_the_clusters() {
    let mut world = World::of(3);
    let watchers = [0, 1, 2].map(|site| {
        let watcher = world.sites[site].member(LOBBY, "watcher");
        world.settle();
        watcher
    });
    forget(&watchers.each_ref());
    let on_a = world.sites[0].member(LOBBY, "zoe");
    world.settle();
    for watcher in &watchers {
        assert_eq!(watcher.heard(), [added("zoe")]);
    }
    let on_b = world.sites[1].member(LOBBY, "zoe");
    world.settle();
    assert_eq!(on_a.heard_members(), ["watcher", "zoe"]);
    assert_eq!(on_b.heard_members(), ["watcher", "zoe"]);
    drop(on_a);
    world.settle();
    for watcher in &watchers {
        assert_eq!(watcher.heard(), [""; 0]);
    }
    drop(on_b);
    world.settle();
    for watcher in &watchers {
        assert_eq!(watcher.heard(), [removed("zoe")]);
    }
}

#[test]
fn a_snapshot_lists_the_members_of_every_node() {
    let mut world = World::of(3);
    let _a = world.sites[0].member(LOBBY, "ann");
    let mut zoe = world.sites[1].client();
    zoe.join(LOBBY, r#"{"user_id":"zoe","user_info":{"nick":"Zoë"}}"#);
    world.settle();
    // On a node that had no part in the channel so far.
    let c = world.sites[2].member(LOBBY, "cem");
    let letters = c.letters();
    assert_eq!(member_ids(&letters[0]), ["ann", "cem", "zoe"]);
    assert!(letters[0].data.contains(r#""zoe":{"nick":"Zoë"}"#));
}

#[test]
fn the_newest_info_of_another_node_is_in_the_snapshot() {
    let mut world = World::of(2);
    // Everyone stays, so that the next one is news of a member who is known.
    let mut stay = Vec::new();
    for (site, info) in [(0, 1), (1, 2), (0, 3)] {
        let mut zoe = world.sites[site].client();
        let data = json!({ "user_id": "zoe", "user_info": { "v": info } });
        zoe.join(LOBBY, &data.to_string());
        world.settle();
        for at in 0..2 {
            let letter = &world.sites[at].member(LOBBY, "late").letters()[0];
            let expect = format!(r#""zoe":{{"v":{info}}}"#);
            assert!(letter.data.contains(&expect), "{}", letter.data);
            world.settle();
        }
        stay.push(zoe);
    }
}

#[test]
fn counts_are_the_clusters() {
    let mut world = World::of(3);
    let mut clients: Vec<Client> = [(0, "ann"), (0, "zoe"), (1, "zoe"), (2, "cem")]
        .map(|(site, user)| world.sites[site].member(LOBBY, user))
        .into();
    clients.push(world.sites[1].subscriber("news"));
    clients.push(world.sites[2].subscriber("news"));
    world.settle();
    for site in &world.sites {
        assert_eq!(site.occupancy(LOBBY), (4, 3));
        assert_eq!(site.occupancy("news"), (2, 0));
        assert_eq!(site.user_ids(LOBBY), ["ann", "cem", "zoe"]);
        assert_eq!(site.occupied(""), [("news".into(), 2), (LOBBY.into(), 4)]);
        assert_eq!(site.occupied("presence-"), [(LOBBY.into(), 4)]);
    }
    // Gauges are each node's own.
    assert_eq!(world.sites[0].gauge("foghorn_subscriptions", ONE), 2);
    clients.clear();
    world.settle();
    for site in &world.sites {
        site.assert_empty();
    }
}

#[test]
fn the_limit_of_members_is_the_clusters() {
    let mut world = World::of(2);
    let _members: Vec<Client> = (0..100)
        .map(|user| world.sites[user % 2].member(LOBBY, &user.to_string()))
        .collect();
    world.settle();
    let refused = world.sites[0].member(LOBBY, "100");
    assert_eq!(refused.letters()[0].event, "pusher:error");
    let present = world.sites[0].member(LOBBY, "1");
    assert_eq!(present.heard_members().len(), 100);
}

/// How a node can go.
enum Going {
    Goodbye,
    Silence,
}

#[test]
fn whoever_was_on_a_node_that_goes_is_gone() {
    for going in [Going::Goodbye, Going::Silence] {
        let mut world = World::of(3);
        let a = world.sites[0].member(LOBBY, "ann");
        let _b = world.sites[1].member(LOBBY, "zoe");
        let _b2 = world.sites[1].member(LOBBY, "bob");
        let c = world.sites[2].member(LOBBY, "zoe");
        world.second();
        forget(&[&a, &c]);
        match going {
            Going::Goodbye => {
                world.sites[1].node.say_goodbye();
                world.settle();
            }
            Going::Silence => {
                for _ in 1..SUSPECT_AFTER.as_secs() {
                    world.second_of(&[0, 2]);
                    assert_eq!(a.heard(), [""; 0]);
                }
                world.second_of(&[0, 2]);
            }
        }
        for (site, client) in [(0, &a), (2, &c)] {
            let site = &world.sites[site];
            assert_eq!(client.heard(), [removed("bob")]);
            assert_eq!(site.occupancy(LOBBY), (2, 2));
            assert_eq!(site.user_ids(LOBBY), ["ann", "zoe"]);
        }
    }
}

#[test]
fn goodbye_is_the_last_word() {
    let mut world = World::of(2);
    let a = world.sites[0].member(LOBBY, "ann");
    let b = world.sites[1].member(LOBBY, "bob");
    world.settle();
    world.sites[1].node.say_goodbye();
    world.settle();
    a.letters();
    // Its connections go one by one, and it ticks until it ends; nobody takes it for a new node.
    let _late = world.sites[1].member(LOBBY, "late");
    drop(b);
    world.second();
    assert_eq!(a.heard(), [""; 0]);
    assert_eq!(world.sites[0].user_ids(LOBBY), ["ann"]);
    assert_eq!(world.sites[0].occupancy(LOBBY), (1, 1));
}

#[test]
fn a_node_that_was_silent_is_taken_back() {
    let mut world = World::of(2);
    let a = world.sites[0].member(LOBBY, "ann");
    let _b = world.sites[1].member(LOBBY, "bob");
    world.second();
    a.letters();
    for _ in 0..SUSPECT_AFTER.as_secs() {
        world.second_of(&[0]);
    }
    assert_eq!(a.heard(), [removed("bob")]);
    world.second();
    assert_eq!(a.heard(), [added("bob")]);
    assert_eq!(world.sites[1].user_ids(LOBBY), ["ann", "bob"]);
}

#[test]
fn what_was_missed_while_the_link_was_down_is_not_silence() {
    let mut world = World::of(2);
    let a = world.sites[0].member(LOBBY, "ann");
    let _b = world.sites[1].member(LOBBY, "bob");
    world.second();
    a.letters();
    let node = std::sync::Arc::clone(&world.sites[0].node);
    node.on_inbound(Inbound::LinkDown, world.now());
    world.wait(20 * SUSPECT_AFTER);
    node.on_inbound(Inbound::LinkUp, world.now());
    world.second();
    assert_eq!(a.heard(), [""; 0]);
    assert_eq!(world.sites[0].user_ids(LOBBY), ["ann", "bob"]);
}

#[test]
fn what_makes_no_sense_is_counted_and_changes_nothing() {
    let world = World::of(1);
    let site = &world.sites[0];
    let watcher = site.subscriber("news");
    let say = |bytes| {
        let topic = Topic::Control;
        site.node
            .on_inbound(Inbound::Message { topic, bytes }, world.now());
    };
    say("no header".into());
    say("{\"v\":2,\"kind\":\"heartbeat\"}\n".into());
    let unreadable = "foghorn_cluster_unreadable_messages_total";
    assert_eq!(site.counter(unreadable, &[]), 2);
    // An app that this node does not have, and this node's own words coming back.
    let occupied = |app: &str| Message::Facts {
        first: 0,
        facts: vec![Fact::Occupied {
            app: app.into(),
            recipient: name("news").into(),
            count: 7,
        }],
    };
    say(occupied("nowhere").encode(NodeId::from_random(99)));
    say(occupied(ONE).encode(site.node.id()));
    let event = Message::Event {
        app: ONE.into(),
        recipient: name("news").into(),
        except: None,
        stamp: None,
        frame: Frame::from_text(b"{}"),
    };
    say(event.encode(site.node.id()));
    assert_eq!(site.counter(unreadable, &[]), 2);
    assert_eq!(site.occupancy("news"), (1, 0));
    assert_eq!(site.node.channels(), 1);
    assert_eq!(watcher.heard(), [""; 0]);
}
