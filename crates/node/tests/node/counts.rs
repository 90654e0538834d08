//! Telling subscribers how many they are (protocol.md §13).

use std::time::Duration;

use foghorn_cluster::Joining;
use foghorn_node::{Clustering, Handshake, SubscriptionCount};

use crate::client::Client;
use crate::site::{ONE, Setup, Site, handshake};
use crate::world::World;

/// How many are told of each who comes.
const CROWD: usize = 100;

fn shared() -> Setup {
    Setup {
        rules: |app| app.subscription_count = SubscriptionCount::Shared,
        ..Setup::default()
    }
}

fn count(channel: &str, count: u64) -> String {
    format!(r#"pusher_internal:subscription_count {channel} {{"subscription_count":{count}}}"#)
}

fn subscriber(site: &Site, channel: &str) -> Client {
    let mut client = site.client();
    client.subscribe(channel);
    client
}

/// A subscriber with another library.
fn foreign_subscriber(site: &Site, library: &str, channel: &str) -> Client {
    let admission = site.node.admit(&Handshake {
        client: Some(library),
        ..handshake("key-one", Some("5"))
    });
    let mut client = site.connect(ONE, admission.unwrap());
    client.letters();
    client.subscribe(channel);
    client
}

/// The counts that a client was told since it was last asked.
fn counts(client: &Client) -> Vec<String> {
    let letters = client.letters().into_iter();
    letters
        .filter(|letter| letter.event == "pusher_internal:subscription_count")
        .map(|letter| letter.data)
        .collect()
}

fn told(numbers: &[usize]) -> Vec<String> {
    let text = |number| format!(r#"{{"subscription_count":{number}}}"#);
    numbers.iter().map(text).collect()
}

#[test]
fn everybody_is_told_of_everybody() {
    let mut world = World::with(2, shared());
    let a = subscriber(&world.sites[0], "news");
    assert_eq!(
        a.heard(),
        [
            "pusher_internal:subscription_succeeded news {}",
            &count("news", 1)
        ]
    );
    let b = subscriber(&world.sites[1], "news");
    world.settle();
    assert_eq!(a.heard(), [count("news", 2)]);
    // On its own node it is the first, so that is what it hears before the other node is heard.
    assert_eq!(counts(&b).last(), told(&[2]).last());
    let c = subscriber(&world.sites[1], "news");
    world.settle();
    for client in [&a, &b, &c] {
        assert_eq!(counts(client), told(&[3]));
    }
    drop(b);
    world.settle();
    for client in [&a, &c] {
        assert_eq!(client.heard(), [count("news", 2)]);
    }
    drop(c);
    world.settle();
    assert_eq!(a.heard(), [count("news", 1)]);
    drop(a);
    world.settle();
    world.sites.iter().for_each(Site::assert_empty);
}

#[test]
fn a_node_that_goes_takes_its_numbers_along() {
    let mut world = World::with(2, shared());
    let a = subscriber(&world.sites[0], "news");
    let _b = subscriber(&world.sites[1], "news");
    world.second();
    a.letters();
    world.sites[1].node.say_goodbye();
    world.settle();
    assert_eq!(a.heard(), [count("news", 1)]);
}

#[test]
fn channels_without_members_are_counted_if_the_app_wants_it() {
    let site = Site::new(1, shared());
    for (channel, is_told) in [
        ("news", true),
        ("cache-a", true),
        ("private-a", true),
        ("private-cache-a", true),
        ("private-encrypted-a", true),
        ("presence-a", false),
        ("presence-cache-a", false),
    ] {
        let client = match channel.starts_with("presence-") {
            true => site.member(channel, "ann"),
            false => subscriber(&site, channel),
        };
        let expect = if is_told { told(&[1]) } else { Vec::new() };
        assert_eq!(counts(&client), expect, "{channel}");
    }
    let mut user = site.signed_in("ann");
    user.subscribe("#server-to-user-ann");
    assert_eq!(counts(&user), [""; 0]);
    let hidden = Site::alone();
    assert_eq!(counts(&subscriber(&hidden, "news")), [""; 0]);
}

/// Its library would try to decrypt the number, and throw.
#[test]
fn the_java_client_hears_no_counts_on_encrypted_channels() {
    let site = Site::new(1, shared());
    let encrypted = "private-encrypted-a";
    let java = foreign_subscriber(&site, "java-client", encrypted);
    let other = foreign_subscriber(&site, "js", encrypted);
    let on_private = foreign_subscriber(&site, "java-client", "private-a");
    site.publish(&[encrypted], "1").unwrap();
    assert_eq!(
        java.heard(),
        [
            format!("pusher_internal:subscription_succeeded {encrypted} {{}}"),
            format!("e {encrypted} 1")
        ]
    );
    // It counts all the same.
    assert_eq!(counts(&other), told(&[2]));
    assert_eq!(counts(&on_private), told(&[1]));
}

#[test]
fn a_crowd_is_told_now_and_then_and_the_last_number_always() {
    let mut world = World::with(2, shared());
    let mut crowd: Vec<Client> = (0..CROWD)
        .map(|at| subscriber(&world.sites[at % 2], "news"))
        .collect();
    world.settle();
    for client in &crowd {
        assert_eq!(counts(client).last(), told(&[CROWD]).last());
    }
    // Nobody hears of the next ones at once, newcomers neither; the next tick tells all.
    crowd.extend((0..5).map(|_| subscriber(&world.sites[0], "news")));
    world.settle();
    for client in &crowd {
        assert_eq!(counts(client), [""; 0]);
    }
    world.second();
    for client in &crowd {
        assert_eq!(counts(client), told(&[CROWD + 5]));
    }
    // From then on it takes five seconds, however much happens; what they hear then is true.
    for second in 1..5 {
        crowd.push(subscriber(&world.sites[0], "news"));
        world.second();
        for client in &crowd {
            assert_eq!(counts(client), [""; 0], "second {second}");
        }
    }
    world.second();
    for client in &crowd {
        assert_eq!(counts(client), told(&[CROWD + 9]));
    }
    world.quiesce();
    for client in &crowd {
        assert_eq!(counts(client), [""; 0]);
    }
}

#[test]
fn a_crowd_that_becomes_small_is_told_at_once_again() {
    let mut world = World::with(1, shared());
    let mut crowd: Vec<Client> = (0..CROWD + 2)
        .map(|_| subscriber(&world.sites[0], "news"))
        .collect();
    world.second();
    let stays = crowd.remove(0);
    assert_eq!(counts(&stays).last(), told(&[CROWD + 2]).last());
    crowd.pop();
    assert_eq!(counts(&stays), [""; 0]);
    crowd.pop();
    assert_eq!(counts(&stays), told(&[CROWD]));
    crowd.clear();
    world.quiesce();
    let expect: Vec<usize> = (1..CROWD).rev().collect();
    assert_eq!(counts(&stays), told(&expect));
    world.quiesce();
    assert_eq!(counts(&stays), [""; 0]);
}

#[test]
fn a_crowd_that_has_gone_is_forgotten() {
    let mut world = World::with(1, shared());
    let crowd: Vec<Client> = (0..=CROWD)
        .map(|_| subscriber(&world.sites[0], "news"))
        .collect();
    drop(crowd);
    world.quiesce();
    world.sites[0].assert_empty();
    let next = subscriber(&world.sites[0], "news");
    assert_eq!(counts(&next), told(&[1]));
}

#[test]
fn numbers_wait_for_the_topic_like_everything_else() {
    let site = Site::new(
        1,
        Setup {
            clustering: Clustering::Linked(Joining::Later),
            ..shared()
        },
    );
    let client = subscriber(&site, "news");
    assert_eq!(client.heard(), [""; 0]);
    site.clock.wait(Duration::from_secs(1));
    site.node
        .on_inbound(foghorn_cluster::Inbound::LinkDown, site.clock.now());
    assert_eq!(
        client.heard(),
        [
            "pusher_internal:subscription_succeeded news {}",
            &count("news", 1)
        ]
    );
}
