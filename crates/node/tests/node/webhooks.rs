//! What webhooks hear of, from one node and from two.

use std::time::Duration;

use foghorn_node::{AppSpec, Departures, DueWebhooks, Effect, Pace};
use foghorn_webhooks::{Batching, Mark, UnixMillis, Webhook, Webhooks};
use serde_json::{Value, json};

use crate::client::{Client, event};
use crate::site::{ONE, Setup, Site, spec};
use crate::world::World;

pub(crate) const TIME: UnixMillis = UnixMillis(1_760_000_000_000);
/// What events say of themselves.
const MEMBERS: [&str; 7] = [
    "name",
    "channel",
    "event",
    "data",
    "socket_id",
    "user_id",
    "subscription_count",
];
pub(crate) const DELAY: Duration = Duration::from_secs(3);

/// The app has one webhook that hears of everything.
pub(crate) fn all(app: &mut AppSpec) {
    let spec = json!({ "url": "http://a.example/hook" });
    app.webhooks = Webhooks {
        webhooks: vec![Webhook::new(serde_json::from_value(spec).unwrap()).unwrap()],
        delay: DELAY,
        ..Webhooks::default()
    };
    app.subscription_count = foghorn_node::SubscriptionCount::Shared;
}

/// A client that subscribes to `channel`.
fn subscriber(site: &Site, channel: &str) -> Client {
    let mut client = site.client();
    client.subscribe(channel);
    client
}

fn setup() -> Setup {
    Setup {
        rules: all,
        ..Setup::default()
    }
}

/// The app as it comes again.
fn hooked() -> AppSpec {
    let mut app = spec(ONE);
    all(&mut app);
    app
}

/// The events that are due at a site, as JSON without its outermost shape.
fn due(site: &Site) -> Vec<String> {
    let now = site.clock.now();
    events(
        &site
            .node
            .due_webhooks(now, TIME, Departures::Told, &|_| Pace::Abreast),
    )
}

pub(crate) fn events(due: &DueWebhooks) -> Vec<String> {
    let bodies = due.deliveries.iter().map(|delivery| {
        assert_eq!(&*delivery.app, ONE);
        let body: Value = serde_json::from_slice(&delivery.body).unwrap();
        let [event] = body["events"].as_array().unwrap().as_slice() else {
            panic!("{body}");
        };
        let members = MEMBERS.iter().filter_map(|member| match &event[member] {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        });
        members.collect::<Vec<_>>().join(" ")
    });
    bodies.collect()
}

#[test]
fn one_webhook_for_each_transition() {
    let site = Site::new(1, setup());
    let first = subscriber(&site, "private-room");
    assert!(matches!(site.next_effect(), Some(Effect::WebhooksWaiting)));
    let second = subscriber(&site, "private-room");
    assert_eq!(
        due(&site),
        [
            "channel_occupied private-room",
            "subscription_count private-room 1",
            "subscription_count private-room 2"
        ]
    );
    drop(first);
    assert_eq!(due(&site), ["subscription_count private-room 1"]);
    drop(second);
    assert_eq!(due(&site), ["subscription_count private-room 0"]);
    site.clock.wait(DELAY - Duration::from_millis(1));
    assert_eq!(due(&site), Vec::<String>::new());
    site.clock.wait(Duration::from_millis(1));
    let last = site
        .node
        .due_webhooks(site.clock.now(), TIME, Departures::Told, &|_| Pace::Abreast);
    assert_eq!(events(&last), ["channel_vacated private-room"]);
    assert!(
        matches!(&*last.marks, [(_, Mark::TakenBack(_))]),
        "{last:?}"
    );
    assert_eq!(last.next, None);
}

#[test]
fn a_page_that_is_reloaded_is_no_news() {
    let site = Site::new(1, setup());
    let page = site.member("presence-doc", "zoe");
    assert_eq!(
        due(&site),
        [
            "channel_occupied presence-doc",
            "member_added presence-doc zoe"
        ]
    );
    drop(page);
    let next = site
        .node
        .due_webhooks(site.clock.now(), TIME, Departures::Told, &|_| Pace::Abreast)
        .next;
    assert_eq!(next, Some(site.clock.now().after(DELAY)));
    site.clock.wait(Duration::from_secs(2));
    let page = site.member("presence-doc", "zoe");
    site.clock.wait(Duration::from_secs(60));
    assert_eq!(due(&site), Vec::<String>::new());
    drop(page);
    due(&site);
    site.clock.wait(DELAY);
    assert_eq!(
        due(&site),
        [
            "member_removed presence-doc zoe",
            "channel_vacated presence-doc"
        ]
    );
}

#[test]
fn client_events_and_misses() {
    let site = Site::new(1, setup());
    let mut zoe = site.member("presence-doc", "7");
    due(&site);
    zoe.say(&json!({ "event": "client-typing", "channel": "presence-doc", "data": {"on": true} }));
    zoe.say(&json!({ "event": "client-typing", "channel": "presence-none", "data": "1" }));
    let socket = zoe.socket();
    assert_eq!(
        due(&site),
        [format!(
            "client_event presence-doc client-typing {{\"on\":true}} {socket} 7"
        )]
    );
    let _watching = [site.client(), site.client()].map(|mut client| {
        client.subscribe("cache-car");
        client
    });
    let heard = due(&site);
    let misses = heard
        .iter()
        .filter(|event| *event == "cache_miss cache-car");
    assert_eq!(misses.count(), 1, "{heard:?}");
    // It is missed again after it was there.
    let app = site.app(ONE);
    let cached = site
        .node
        .publish(&app, &[event(&["cache-car"], "1")], site.clock.now());
    assert!(cached.is_ok());
    site.clock.wait(Duration::from_secs(3_600));
    site.node.on_tick(site.clock.now());
    site.client().subscribe("cache-car");
    assert!(due(&site).contains(&"cache_miss cache-car".to_owned()));
}

#[test]
fn nobody_is_woken_where_nobody_listens() {
    let site = Site::alone();
    let mut client = subscriber(&site, "private-room");
    client.say(&json!({ "event": "client-a", "channel": "private-room", "data": "1" }));
    drop(client);
    assert!(site.effects().is_empty());
    assert_eq!(due(&site), Vec::<String>::new());
}

/// What is due at all sites together, once all is quiet.
fn due_everywhere(world: &mut World) -> Vec<String> {
    world.settle();
    world.sites.iter().flat_map(due).collect()
}

#[test]
fn two_nodes_tell_once() {
    let mut world = World::with(2, setup());
    let count = |heard: &[String], kind: &str| {
        let told = heard.iter().filter(|event| event.starts_with(kind));
        told.count()
    };
    for room in [
        "private-a",
        "private-b",
        "private-c",
        "private-d",
        "private-e",
    ] {
        world.settle();
        let here = subscriber(&world.sites[0], room);
        let there = subscriber(&world.sites[1], room);
        let heard = due_everywhere(&mut world);
        assert_eq!(count(&heard, "channel_occupied"), 1, "{heard:?}");
        drop(here);
        due_everywhere(&mut world);
        world.sites[0].clock.wait(DELAY);
        let heard = due_everywhere(&mut world);
        assert_eq!(count(&heard, "channel_vacated"), 0, "{heard:?}");
        drop(there);
        due_everywhere(&mut world);
        world.sites[0].clock.wait(DELAY);
        let heard = due_everywhere(&mut world);
        assert_eq!(count(&heard, "channel_vacated"), 1, "{heard:?}");
    }
}

#[test]
fn what_a_former_life_told_is_taken_back_or_goes_on() {
    let before = Site::new(1, setup());
    let clients = [
        before.member("presence-doc", "zoe"),
        before.member("presence-doc", "joe"),
    ];
    let told = before
        .node
        .due_webhooks(before.clock.now(), TIME, Departures::Told, &|_| {
            Pace::Abreast
        });
    let told = told.marks.into_iter().map(|(app, mark)| match mark {
        Mark::Told(subject) => (app, subject),
        Mark::TakenBack(_) => panic!("everybody is there"),
    });
    let told: Vec<_> = told.collect();
    assert_eq!(told.len(), 3);
    // A second server will not have the app for a while.
    let kept = told.clone();
    // Its own end is no news.
    drop(clients);
    let due_at_the_end = |wait| {
        before.clock.wait(wait);
        before
            .node
            .due_webhooks(before.clock.now(), TIME, Departures::Kept, &|_| {
                Pace::Abreast
            })
    };
    assert_eq!(
        events(&due_at_the_end(Duration::ZERO)),
        Vec::<String>::new()
    );
    assert_eq!(
        events(&due_at_the_end(Duration::from_secs(600))),
        Vec::<String>::new()
    );

    let after = Site::new(2, setup());
    after.node.restore_told(told);
    assert_eq!(due(&after), Vec::<String>::new());
    let _zoe = after.member("presence-doc", "zoe");
    after.clock.wait(Duration::from_secs(30));
    assert_eq!(due(&after), ["member_removed presence-doc joe"]);

    let late = Site::new(3, setup());
    late.node.change_apps(Vec::new(), &[ONE]).unwrap();
    late.node.restore_told(kept);
    late.clock.wait(Duration::from_secs(600));
    assert_eq!(due(&late), Vec::<String>::new());
    late.node.change_apps(vec![hooked()], &[]).unwrap();
    assert_eq!(due(&late), Vec::<String>::new());
    let _zoe = late.member("presence-doc", "zoe");
    late.clock.wait(Duration::from_secs(30));
    assert_eq!(due(&late), ["member_removed presence-doc joe"]);
}

#[test]
fn a_server_that_will_remember_nothing_tells_what_waits() {
    let site = Site::new(1, setup());
    let client = subscriber(&site, "news");
    due(&site);
    drop(client);
    due(&site);
    let last = site
        .node
        .flush_webhooks(site.clock.now(), TIME, Departures::Told);
    assert_eq!(events(&last), ["channel_vacated news"]);
}

#[test]
fn batches_stay_open_while_earlier_requests_wait() {
    let batched = |app: &mut AppSpec| {
        all(app);
        app.webhooks.batching = Batching::Within {
            window: Batching::WINDOW,
            most: Batching::MOST,
        };
    };
    let site = Site::new(
        1,
        Setup {
            rules: batched,
            ..Setup::default()
        },
    );
    for (name, pace, window) in [
        ("a", Pace::Abreast, Batching::WINDOW),
        ("b", Pace::Behind, Batching::WINDOW_BEHIND),
    ] {
        let _client = subscriber(&site, name);
        let start = site.clock.now();
        let due = |site: &Site| {
            let now = site.clock.now();
            site.node
                .due_webhooks(now, TIME, Departures::Told, &|_| pace)
        };
        let held = due(&site);
        assert!(held.deliveries.is_empty(), "{held:?}");
        assert_eq!(held.next, Some(start.after(window)));
        site.clock.wait(window);
        assert_eq!(due(&site).deliveries.len(), 1);
    }
}

#[test]
fn webhooks_that_are_added_hear_of_what_is_there() {
    let site = Site::new(1, setup());
    let listening = |kinds: Value| {
        let spec = json!({ "url": "http://a.example/hook", "event_types": kinds });
        let mut app = hooked();
        app.webhooks.webhooks = vec![Webhook::new(serde_json::from_value(spec).unwrap()).unwrap()];
        site.node.change_apps(vec![app], &[]).unwrap();
    };
    let silent = || site.node.change_apps(vec![spec(ONE)], &[]).unwrap();
    silent();
    let news = subscriber(&site, "news");
    let zoe = site.member("presence-doc", "zoe");
    let gone = subscriber(&site, "gone");
    assert_eq!(due(&site), Vec::<String>::new());
    let occupied = |channel: &str| format!("channel_occupied {channel}");
    let sorted = || {
        let mut told = due(&site);
        told.sort();
        told
    };
    listening(json!(["channel_vacated", "channel_occupied"]));
    assert_eq!(
        sorted(),
        [occupied("gone"), occupied("news"), occupied("presence-doc")]
    );
    // Nobody is told twice, and members are told of as soon as somebody asks for them.
    listening(json!(null));
    assert_eq!(due(&site), ["member_added presence-doc zoe"]);
    // It comes and goes while nobody listens, and the desk is not asked in between.
    silent();
    drop(gone);
    listening(json!(null));
    assert_eq!(due(&site), Vec::<String>::new());
    site.clock.wait(DELAY);
    assert_eq!(due(&site), ["channel_vacated gone"]);
    silent();
    assert_eq!(due(&site), Vec::<String>::new());
    drop(news);
    listening(json!(null));
    assert_eq!(
        due(&site),
        [
            "channel_occupied presence-doc",
            "member_added presence-doc zoe"
        ]
    );
    drop(zoe);
    due(&site);
    site.clock.wait(DELAY);
    assert_eq!(
        due(&site),
        [
            "member_removed presence-doc zoe",
            "channel_vacated presence-doc"
        ]
    );
}
