//! What cache channels remember (protocol.md §8), on one node and on several, in virtual time.

use std::sync::Arc;
use std::time::Duration;

use foghorn_channels::QueueLimits;
use foghorn_cluster::{Message, Topic};
use foghorn_node::Effect;
use serde_json::json;

use crate::client::{Client, event};
use crate::site::{ONE, SUSPECT_AFTER, Setup, Site};
use crate::world::{Fate, World};

const CAR: &str = "cache-car";
const ACK: &str = "pusher_internal:subscription_succeeded cache-car {}";
const MISS: &str = "pusher:cache_miss cache-car {}";
const TTL: Duration = Duration::from_secs(60);
const MILLI: Duration = Duration::from_millis(1);

fn setup() -> Setup {
    Setup {
        rules: |app| Arc::make_mut(&mut app.policy).limits.cache_ttl = TTL,
        ..Setup::default()
    }
}

/// What a newcomer hears.
fn newcomer(site: &Site) -> Vec<String> {
    let mut client = site.client();
    client.subscribe(CAR);
    client.heard()
}

fn hit(data: &str) -> [String; 2] {
    [ACK.to_owned(), format!("e {CAR} {data}")]
}

fn all_remember(world: &World, data: Option<&str>) {
    for (number, site) in world.sites.iter().enumerate() {
        assert_eq!(site.cached(CAR).as_deref(), data, "site {number}");
    }
}

#[test]
fn newcomers_get_the_last_event_and_nobody_else_does() {
    let site = Site::new(1, setup());
    let mut old = site.client();
    old.subscribe(CAR);
    assert_eq!(old.heard(), [ACK, MISS]);
    site.publish(&[CAR, "news"], "1").unwrap();
    site.publish(&[CAR], "2").unwrap();
    assert_eq!(old.heard(), ["e cache-car 1", "e cache-car 2"]);
    assert_eq!(newcomer(&site), hit("2"));
    assert_eq!(old.heard(), [""; 0]);
    // To come again is to be new.
    old.unsubscribe(CAR);
    old.subscribe(CAR);
    assert_eq!(old.heard(), hit("2"));
    let mut plain = site.client();
    plain.subscribe("news");
    assert_eq!(plain.heard().len(), 1);
}

#[test]
fn every_kind_of_cache_channel_remembers() {
    let site = Site::new(1, setup());
    for channel in [
        "cache-a",
        "private-cache-a",
        "private-encrypted-cache-a",
        "presence-cache-a",
    ] {
        site.publish(&[channel], "1").unwrap();
        let mut client = site.client();
        match channel.starts_with("presence-") {
            true => client.join(channel, r#"{"user_id":"ann"}"#),
            false => client.subscribe(channel),
        }
        let heard = client.heard();
        assert_eq!(heard.len(), 2, "{heard:?}");
        assert_eq!(heard[1], format!("e {channel} 1"));
    }
}

#[test]
fn only_the_applications_events_are_remembered_also_with_an_exception() {
    let site = Site::new(1, setup());
    let channel = "private-cache-car";
    let mut sender = site.client();
    sender.subscribe(channel);
    let mut publish = event(&[channel], "1");
    publish.except = Some(sender.socket());
    site.node
        .publish(&site.app(ONE), &[publish], site.clock.now())
        .unwrap();
    sender.letters();
    sender.say(&json!({ "event": "client-e", "channel": channel, "data": "2" }));
    assert_eq!(site.cached(channel).as_deref(), Some("1"));
    let mut late = site.client();
    late.subscribe(channel);
    assert_eq!(late.heard()[1], format!("e {channel} 1"));
}

#[test]
fn it_is_forgotten_in_time_whoever_is_there() {
    let site = Site::new(1, setup());
    let look = |after| {
        site.clock.wait(after);
        site.node.on_tick(site.clock.now());
    };
    site.publish(&[CAR], "1").unwrap();
    look(TTL - MILLI);
    // A new event, a new time.
    site.publish(&[CAR], "2").unwrap();
    look(TTL - MILLI);
    assert_eq!(newcomer(&site), hit("2"));
    assert_eq!(site.node.channels(), 1);
    look(MILLI);
    assert_eq!(site.cached(CAR), None);
    assert_eq!(newcomer(&site), [ACK, MISS]);
    site.assert_empty();
    // Before anybody ticks, nobody gets what is over either.
    let stays = site.subscriber("news");
    site.publish(&[CAR], "3").unwrap();
    site.clock.wait(TTL);
    assert_eq!(newcomer(&site), [ACK, MISS]);
    assert_eq!(site.cached(CAR), None);
    drop(stays);
    look(MILLI);
    site.assert_empty();
}

#[test]
fn what_there_is_no_room_for_is_forgotten_soonest_first() {
    let site = Site::new(
        1,
        Setup {
            queue_limits: QueueLimits {
                // One event, with what its channel costs.
                cached_bytes: 1_000,
                ..QueueLimits::default()
            },
            ..setup()
        },
    );
    let data = "x".repeat(60);
    for channel in ["cache-a", "cache-b", "cache-c"] {
        site.publish(&[channel], &data).unwrap();
        site.clock.wait(MILLI);
    }
    site.node.on_tick(site.clock.now());
    let remembered = ["cache-a", "cache-b", "cache-c"].map(|channel| site.cached(channel));
    assert_eq!(
        remembered.map(|cached| cached.is_some()),
        [false, false, true]
    );
    assert_eq!(site.counter("foghorn_cache_evictions_total", &[]), 2);
}

#[test]
fn the_first_subscriber_on_another_node_gets_it() {
    let mut world = World::with(3, setup());
    world.sites[0].publish(&[CAR], "1").unwrap();
    world.sites[0].publish(&[CAR], "2").unwrap();
    world.settle();
    all_remember(&world, Some("2"));
    for site in &world.sites {
        assert_eq!(newcomer(site), hit("2"));
        assert_eq!(site.occupied(""), []);
    }
    // Whichever node publishes next, it is the later one.
    world.sites[2].publish(&[CAR], "3").unwrap();
    world.settle();
    all_remember(&world, Some("3"));
    assert_eq!(newcomer(&world.sites[0]), hit("3"));
}

#[test]
fn subscribers_on_other_nodes_hear_it_once() {
    let mut world = World::with(3, setup());
    let clients: Vec<Client> = [0, 1, 1, 2]
        .map(|site| {
            let mut client = world.sites[site].client();
            client.subscribe(CAR);
            assert_eq!(client.heard(), [ACK, MISS]);
            client
        })
        .into();
    world.second();
    for data in ["1", "2"] {
        world.sites[0].publish(&[CAR], data).unwrap();
        world.settle();
        for client in &clients {
            assert_eq!(client.heard(), [format!("e {CAR} {data}")]);
        }
    }
    world.quiesce();
    for client in &clients {
        assert_eq!(client.heard(), [""; 0]);
    }
    all_remember(&world, Some("2"));
}

/// Who heard of it as a fact before the event itself came would hear it twice.
#[test]
fn the_event_goes_out_before_the_fact() {
    let world = World::with(1, setup());
    let site = &world.sites[0];
    site.effects();
    site.publish(&[CAR], "1").unwrap();
    let effects = site.effects();
    let at = |wanted: fn(&Effect) -> bool| effects.iter().position(wanted).unwrap();
    let event = at(|effect| matches!(effect, Effect::Publish(Topic::Audience { .. }, _)));
    let fact = at(|effect| matches!(effect, Effect::FactsWaiting));
    assert!(event < fact, "{effects:?}");
}

#[test]
fn a_node_that_comes_later_learns_it_with_the_time_that_is_left() {
    let mut world = World::with(2, setup());
    world.sites[0].publish(&[CAR], "1").unwrap();
    world.settle();
    world.second();
    world.wait(TTL / 2);
    world.second();
    let late = world.add();
    assert_eq!(world.sites[late].cached(CAR), None);
    world.second();
    assert_eq!(newcomer(&world.sites[late]), hit("1"));
    // 30 seconds and 3 have gone.
    world.wait(TTL / 2 - Duration::from_secs(3) - MILLI);
    all_remember(&world, Some("1"));
    world.wait(MILLI);
    all_remember(&world, None);
    world.quiesce();
    world.sites.iter().for_each(Site::assert_empty);
}

#[test]
fn it_outlives_the_node_that_published_it() {
    for goodbye in [true, false] {
        let mut world = World::with(3, setup());
        world.sites[0].publish(&[CAR], "1").unwrap();
        world.second();
        if goodbye {
            world.sites[0].node.say_goodbye();
            world.settle();
        }
        for _ in 0..2 * SUSPECT_AFTER.as_secs() {
            world.second_of(&[1, 2]);
        }
        assert_eq!(newcomer(&world.sites[1]), hit("1"));
        // And may be passed on by those who never published it.
        let late = world.add();
        world.second_of(&[1, 2, 3]);
        assert_eq!(newcomer(&world.sites[late]), hit("1"));
    }
}

#[test]
fn nodes_that_publish_at_the_same_time_remember_the_same() {
    let mut world = World::with(3, setup());
    let listener = {
        let mut client = world.sites[2].client();
        client.subscribe(CAR);
        client.letters();
        client
    };
    world.settle();
    for round in 0..4 {
        for site in 0..3 {
            let data = format!("{round} {site}");
            world.sites[site].publish(&[CAR], &data).unwrap();
        }
        world.settle();
        let remembered = world.sites[0].cached(CAR).unwrap();
        assert!(remembered.starts_with(&format!("{round} ")), "{remembered}");
        all_remember(&world, Some(&remembered));
        assert_eq!(listener.heard().len(), 3);
    }
}

#[test]
fn a_fact_that_is_lost_is_made_up_for() {
    let mut world = World::with(2, setup());
    world.second();
    world.sites[0].publish(&[CAR], "1").unwrap();
    let mut lost = 0;
    world.settle_with(|_, message| match message {
        Message::Facts { .. } => {
            lost += 1;
            Fate::IsLost
        }
        _ => Fate::Arrives,
    });
    assert_eq!(lost, 1);
    assert_eq!(world.sites[1].cached(CAR), None);
    world.quiesce();
    all_remember(&world, Some("1"));
}

#[test]
fn apps_remember_for_themselves() {
    let mut world = World::with(2, setup());
    world.sites[0].publish(&[CAR], "1").unwrap();
    world.settle();
    let mut other = world.sites[1].open("two", "7");
    other.subscribe(CAR);
    assert_eq!(other.heard()[1..], [ACK, MISS]);
}

#[test]
fn what_comes_after_something_forgotten_is_later_than_that() {
    let mut world = World::with(2, setup());
    for data in ["1", "2"] {
        world.sites[0].publish(&[CAR], data).unwrap();
    }
    world.settle();
    world.wait(TTL);
    world.tick(0);
    world.sites[0].publish(&[CAR], "3").unwrap();
    world.settle();
    all_remember(&world, Some("3"));
    world.second();
    all_remember(&world, Some("3"));
}

/// It has heard of nothing yet, and still its event is the last.
#[test]
fn what_a_node_publishes_right_after_its_start_is_later_than_what_was_before() {
    let mut world = World::with(2, setup());
    for data in ["1", "2"] {
        world.sites[0].publish(&[CAR], data).unwrap();
    }
    world.second();
    let late = world.add();
    world.sites[late].publish(&[CAR], "3").unwrap();
    world.quiesce();
    all_remember(&world, Some("3"));
}
