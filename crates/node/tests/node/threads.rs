//! Many threads at one node: nobody waits for ever, and in the end everybody was told the truth.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use foghorn_cluster::{Fact, Inbound, Joining, Message, NodeId, Topic};
use foghorn_node::{Clustering, Effect, SubscriptionCount};
use foghorn_session::Watchlists;
use serde_json::{Value, json};

use crate::client::{Client, Letters, recipient};
use crate::site::{ONE, Setup, Site};

const USERS: [&str; 3] = ["v0", "v1", "v2"];
const VISITS: usize = 150;

fn site() -> Site {
    let setup = Setup {
        clustering: Clustering::Linked(Joining::AtOnce),
        offline_delay: Duration::ZERO,
        rules: |app| {
            Arc::make_mut(&mut app.policy).watchlists = Watchlists::Served;
            app.subscription_count = SubscriptionCount::Shared;
        },
        ..Setup::default()
    };
    Site::new(1, setup)
}

/// Comes and goes as `user`, who watches everybody; the last visit stays.
fn visit(site: &Site, user: &str) -> (Client, Vec<Arc<Letters>>) {
    let user_data = json!({ "id": user, "watchlist": USERS }).to_string();
    let mut all = Vec::new();
    loop {
        let mut client = site.client();
        client.sign_in(&user_data);
        client.subscribe("private-cache-a");
        all.push(Arc::clone(&client.letters));
        if all.len() == VISITS {
            return (client, all);
        }
    }
}

/// What another node says of its connections of a user, who has none in the end.
fn hear_of(site: &Site, user: &str) {
    for number in 0..2 * VISITS as u64 {
        let fact = Fact::Occupied {
            app: ONE.into(),
            recipient: recipient(&format!("#server-to-user-{user}")),
            count: u32::from(number % 2 == 0),
        };
        let message = Message::Facts {
            first: number,
            facts: vec![fact],
        };
        let inbound = Inbound::Message {
            topic: Topic::Control,
            bytes: message.encode(NodeId::from_random(99)),
        };
        site.node.on_inbound(inbound, site.clock.now());
    }
}

fn publish(site: &Site) {
    for number in 0..VISITS {
        let channels = ["private-cache-a", "#server-to-user-v0"];
        site.publish(&channels, &number.to_string()).unwrap();
    }
}

/// Carries out what waits.
fn work(site: &Site) {
    while let Some(effect) = site.next_effect() {
        match effect {
            Effect::Drain(mut drain) => drop(site.finish(&mut drain, 64)),
            Effect::FactsWaiting => site.node.flush_facts(),
            Effect::UsersWaiting => site.node.look_at_users(site.clock.now()),
            Effect::CloseApp { .. } | Effect::WebhooksWaiting => {
                panic!("nobody operates here, or is to be told")
            }
            Effect::Join(_) | Effect::Leave(_) | Effect::Publish(..) | Effect::Sent { .. } => {}
        }
    }
}

/// Who is online by what one connection was told; it must have been news each time.
fn believed(letters: &Letters) -> BTreeMap<String, bool> {
    let mut online = BTreeMap::new();
    for letter in letters.take() {
        if letter.event != "pusher_internal:watchlist_events" {
            continue;
        }
        let is_first = online.is_empty();
        let data: Value = serde_json::from_str(&letter.data).unwrap();
        for event in data["events"].as_array().unwrap() {
            let now = event["name"] == "online";
            for user in event["user_ids"].as_array().unwrap() {
                let before = online.insert(user.as_str().unwrap().to_owned(), now);
                assert_eq!(before, (!is_first).then_some(!now), "{letter:?}");
            }
        }
        assert_eq!(online.len(), USERS.len(), "{letter:?}");
    }
    online
}

#[test]
fn everybody_hears_the_truth_whoever_is_faster() {
    let site = site();
    let site = &site;
    let is_over = &AtomicBool::new(false);
    let visits = std::thread::scope(|scope| {
        let visitors = ["v0", "v0", "v1"].map(|user| scope.spawn(move || visit(site, user)));
        let others = [
            scope.spawn(|| hear_of(site, "v2")),
            scope.spawn(|| publish(site)),
        ];
        scope.spawn(|| {
            while !is_over.load(Ordering::Acquire) {
                site.node.on_tick(site.clock.now());
                work(site);
                std::thread::yield_now();
            }
        });
        let visits = visitors.map(|visitor| visitor.join());
        let others = others.map(|other| other.join());
        // Before anybody panics: the last thread would never end.
        is_over.store(true, Ordering::Release);
        others.into_iter().for_each(Result::unwrap);
        visits.map(Result::unwrap)
    });
    work(site);
    site.node.on_tick(site.clock.now());
    work(site);
    let expect = [("v0", true), ("v1", true), ("v2", false)];
    let expect: BTreeMap<String, bool> = expect.map(|(user, is)| (user.to_owned(), is)).into();
    for (_client, letters) in &visits {
        let (last, gone) = letters.split_last().unwrap();
        for letters in gone {
            believed(letters);
        }
        assert_eq!(believed(last), expect);
    }
    assert_eq!(site.node.connections(), 3);
    drop(visits);
    work(site);
    for _ in 0..2 {
        site.clock.wait(Duration::from_secs(3_600));
        site.node.on_tick(site.clock.now());
        work(site);
    }
    site.assert_empty();
}
