//! Messages get lost, nodes come late: heartbeats and snapshots bring everyone up to date.

use std::time::Duration;

use foghorn_cluster::local::LocalBus;
use foghorn_cluster::{Inbound, Message, Topic};

use crate::site::Site;
use crate::world::{Fate, World, is_control};

const LOBBY: &str = "presence-lobby";

/// Whether a message is of the kind that gets lost.
type IsMeant = fn(&Message) -> bool;

/// Whether the first facts were lost, so that there is something to repair.
#[derive(PartialEq, Eq)]
enum Gap {
    Wanted,
    Made,
}

fn assert_agree(world: &World, occupancy: (u64, usize), users: &[&str]) {
    for (number, site) in world.sites.iter().enumerate() {
        assert_eq!(site.occupancy(LOBBY), occupancy, "site {number}");
        assert_eq!(site.user_ids(LOBBY), users, "site {number}");
    }
}

#[test]
fn a_node_that_starts_late_catches_up() {
    let mut world = World::of(2);
    let a = world.sites[0].member(LOBBY, "ann");
    let _zoe = world.sites[1].member(LOBBY, "zoe");
    world.quiesce();
    let late = world.add();
    assert_eq!(world.sites[late].occupied(""), []);
    world.second();
    assert_agree(&world, (2, 2), &["ann", "zoe"]);
    a.letters();
    let c = world.sites[late].member(LOBBY, "cem");
    assert_eq!(c.heard_members(), ["ann", "cem", "zoe"]);
    world.settle();
    assert_eq!(a.heard_data(), [r#"{"user_id":"cem"}"#]);
    assert_agree(&world, (3, 3), &["ann", "cem", "zoe"]);
}

#[test]
fn those_who_are_there_before_a_late_snapshot_are_told_what_is_in_it() {
    let mut world = World::of(1);
    let _ann = world.sites[0].member(LOBBY, "ann");
    world.settle();
    let late = world.add();
    let zoe = world.sites[late].member(LOBBY, "zoe");
    assert_eq!(zoe.heard_members(), ["zoe"]);
    world.second();
    assert_eq!(zoe.heard_data(), [r#"{"user_id":"ann"}"#]);
    assert_agree(&world, (2, 2), &["ann", "zoe"]);
}

#[test]
fn every_kind_of_control_message_may_get_lost() {
    let kinds: [(&str, IsMeant); 4] = [
        ("facts", |m| matches!(m, Message::Facts { .. })),
        ("heartbeat", |m| matches!(m, Message::Heartbeat { .. })),
        ("request", |m| matches!(m, Message::SnapshotRequest)),
        ("snapshot", |m| matches!(m, Message::Snapshot { .. })),
    ];
    for (kind, is_meant) in kinds {
        let mut world = World::of(3);
        let a = world.sites[0].member(LOBBY, "ann");
        world.second();
        a.letters();
        let zoe = world.sites[1].member(LOBBY, "zoe");
        let gone = world.sites[1].member(LOBBY, "gone");
        drop(gone);
        let (mut gap, mut lost) = (Gap::Wanted, 0);
        let mut lose = |topic: &Topic, message: &Message| {
            assert!(is_control(topic));
            if gap == Gap::Wanted && matches!(message, Message::Facts { .. }) {
                gap = Gap::Made;
                return Fate::IsLost;
            }
            if is_meant(message) && lost < 4 {
                lost += 1;
                return Fate::IsLost;
            }
            Fate::Arrives
        };
        for _ in 0..3 {
            world.wait(Duration::from_secs(1));
            for site in 0..3 {
                world.tick(site);
            }
            // Facts of their own, for the case in which those are lost again.
            drop(world.sites[1].subscriber("news"));
            world.settle_with(&mut lose);
        }
        assert!(gap == Gap::Made && lost > 0, "{kind}");
        world.quiesce();
        assert_agree(&world, (2, 2), &["ann", "zoe"]);
        assert_eq!(a.heard_data(), [r#"{"user_id":"zoe"}"#], "{kind}");
        drop((a, zoe));
        world.quiesce();
        world.sites.iter().for_each(Site::assert_empty);
    }
}

#[test]
fn a_goodbye_that_is_lost_is_silence() {
    let mut world = World::of(2);
    let a = world.sites[0].member(LOBBY, "ann");
    let _bob = world.sites[1].member(LOBBY, "bob");
    world.second();
    a.letters();
    world.sites[1].node.say_goodbye();
    world.settle_with(|_, _| Fate::IsLost);
    assert_eq!(world.sites[0].user_ids(LOBBY), ["ann", "bob"]);
    for _ in 0..5 {
        world.second_of(&[0]);
    }
    assert_eq!(a.heard_data(), [r#"{"user_id":"bob"}"#]);
    assert_eq!(world.sites[0].user_ids(LOBBY), ["ann"]);
}

#[test]
fn an_inbox_that_overflows_is_a_link_that_was_down() {
    let mut world = World::on(LocalBus::with_capacity(4));
    for _ in 0..2 {
        world.add();
    }
    let a = world.sites[0].member(LOBBY, "ann");
    world.second();
    a.letters();
    let users = ["b", "c", "d", "e", "f", "g"];
    let members: Vec<_> = users.map(|user| world.sites[1].member(LOBBY, user)).into();
    // Each fact on its own, none of them heard yet.
    for _ in 0..3 {
        for _ in 0..4 {
            world.sites[1].publish(&["nobody-here"], "1").unwrap();
        }
        world.sites[1].node.flush_facts();
        while world.carry(1, |_, _| Fate::Arrives).is_some() {}
    }
    world.quiesce();
    assert_agree(&world, (7, 7), &["ann", "b", "c", "d", "e", "f", "g"]);
    assert_eq!(a.heard_data().len(), users.len());
    drop((a, members));
    world.quiesce();
    world.sites.iter().for_each(Site::assert_empty);
}

#[test]
fn more_facts_than_may_wait_become_a_snapshot() {
    let mut world = World::of(2);
    let _ann = world.sites[0].member(LOBBY, "ann");
    world.second();
    // Two facts for each way in and out; none is flushed meanwhile.
    for _ in 0..2_600 {
        drop(world.sites[1].member(LOBBY, "restless"));
    }
    let _bob = world.sites[1].member(LOBBY, "bob");
    world.quiesce();
    assert_agree(&world, (2, 2), &["ann", "bob"]);
}

#[test]
fn a_message_may_come_twice_and_long_after_its_time() {
    let mut world = World::of(1);
    let a = world.sites[0].member(LOBBY, "ann");
    world.settle();
    a.letters();
    // A node that starts late is asked for snapshots, so there are messages of every kind.
    let late = world.add();
    let mut heard = Vec::new();
    let mut listen = |topic: &Topic, message: &Message| {
        heard.push((topic.clone(), message.clone()));
        Fate::Arrives
    };
    let gone = world.sites[late].member(LOBBY, "gone");
    world.settle_with(&mut listen);
    drop(gone);
    let _bob = world.sites[late].member(LOBBY, "bob");
    // The first copy is lost, so that a snapshot is sent.
    world.sites[late].node.flush_facts();
    world.settle_with(|_, _| Fate::IsLost);
    for _ in 0..3 {
        world.wait(Duration::from_secs(1));
        (0..2).for_each(|site| world.tick(site));
        world.settle_with(&mut listen);
    }
    let _eve = world.sites[late].member(LOBBY, "eve");
    world.settle_with(&mut listen);
    let users = || a.heard_data().join(" ");
    let user = |id: &str| format!(r#"{{"user_id":"{id}"}}"#);
    let expect = ["gone", "gone", "bob", "eve"].map(user).join(" ");
    assert_eq!(users(), expect);
    let snapshots = heard
        .iter()
        .filter(|(_, message)| matches!(message, Message::Snapshot { .. }));
    assert!(snapshots.count() > 0);
    let (me, from) = (world.sites[0].node.id(), world.sites[late].node.id());
    for (topic, message) in heard {
        if topic == Topic::Control || topic == Topic::Node(me) {
            let bytes = message.encode(from);
            let again = Inbound::Message { topic, bytes };
            world.sites[0].node.on_inbound(again, world.now());
            assert_eq!(users(), "");
        }
    }
    world.second();
    assert_eq!(users(), "");
    assert_agree(&world, (3, 3), &["ann", "bob", "eve"]);
}
