//! How many connections an app may have, which of them count, and how fast back ends may be.

use std::sync::Arc;
use std::time::Duration;

use foghorn_node::{Action, AppSpec, Refusal};
use foghorn_protocol::{Ceiling, Close, CloseCode, Moment, Rate};
use foghorn_session::AuthorizationRule;
use serde_json::json;

use crate::client::Client;
use crate::site::{ONE, SUSPECT_AFTER, Setup, Site, TWO};
use crate::world::World;

const WITHIN: Duration = Duration::from_secs(30);

fn limited(app: &mut AppSpec) {
    Arc::make_mut(&mut app.policy).limits.max_connections = Ceiling::AtMost(2);
}

fn two_places() -> Setup {
    Setup {
        rules: limited,
        ..Setup::default()
    }
}

/// Two places, for those whom somebody vouches for.
fn authorized() -> Setup {
    Setup {
        rules: |app| {
            limited(app);
            Arc::make_mut(&mut app.policy).authorization = AuthorizationRule::Within(WITHIN);
        },
        ..Setup::default()
    }
}

fn full(code: CloseCode, taken: u64) -> Close {
    let reason = format!("The app has {taken} connections, the limit is 2");
    Close::new(code, reason)
}

fn refusal(site: &Site) -> Close {
    let Refusal { farewell, close } = site.admit("key-one", Some("7")).unwrap_err();
    assert_eq!(farewell, None);
    close
}

fn is_full(site: &Site) -> bool {
    site.admit("key-one", Some("7")).is_err()
}

#[test]
fn the_quota_is_exact_on_one_node_and_given_back() {
    let site = Site::new(1, two_places());
    let first = site.client();
    let admission = site.admit("key-one", Some("7")).unwrap();
    // Who is admitted has a place, connected or not.
    assert_eq!(refusal(&site), full(CloseCode::OverConnectionQuota, 2));
    let label = [("code", "4004")];
    assert_eq!(site.counter("foghorn_connections_refused_total", &label), 1);
    // Who is refused takes no place of the node's.
    assert_eq!(site.node.connections(), 2);
    drop(admission);
    let second = site.client();
    assert!(is_full(&site));
    // Others have their own.
    drop(site.open(TWO, "7"));
    drop(first);
    let third = site.client();
    assert!(is_full(&site));
    drop((second, third));
    site.assert_empty();
    let _again = [site.client(), site.client()];
}

#[test]
fn old_clients_hear_of_it_by_an_event() {
    let site = Site::new(1, two_places());
    let _full = [site.client(), site.client()];
    let refusal = site.admit("key-one", Some("5")).unwrap_err();
    let farewell = refusal.farewell.unwrap();
    let text = std::str::from_utf8(farewell.text()).unwrap();
    assert!(text.contains(r#""code":4004"#), "{text}");
}

#[test]
fn clients_of_soketi_are_told_in_its_way() {
    let site = Site::new(
        1,
        Setup {
            rules: |app| {
                limited(app);
                app.over_quota = CloseCode::OverCapacity;
            },
            ..Setup::default()
        },
    );
    let _full = [site.client(), site.client()];
    assert_eq!(refusal(&site), full(CloseCode::OverCapacity, 2));
}

#[test]
fn other_nodes_hear_of_it_with_the_next_tick() {
    let mut world = World::with(3, two_places());
    let a = world.sites[0].client();
    let b = world.sites[1].client();
    world.settle();
    // Nobody has ticked yet: each node knows of its own alone.
    for site in &world.sites {
        assert!(!is_full(site));
    }
    world.second();
    for site in &world.sites {
        assert_eq!(refusal(site), full(CloseCode::OverConnectionQuota, 2));
    }
    drop(a);
    assert!(!is_full(&world.sites[0]));
    assert!(is_full(&world.sites[2]));
    world.second();
    assert!(!is_full(&world.sites[2]));
    drop(b);
    world.second();
    let _both = [world.sites[2].client(), world.sites[2].client()];
    assert!(is_full(&world.sites[2]));
}

#[test]
fn more_than_there_may_be_is_told_truly() {
    let mut world = World::with(2, two_places());
    let _clients = [0, 0, 1, 1].map(|site| world.sites[site].client());
    world.second();
    for site in &world.sites {
        assert_eq!(refusal(site), full(CloseCode::OverConnectionQuota, 4));
    }
}

#[test]
fn a_node_that_goes_makes_room() {
    for goodbye in [true, false] {
        let mut world = World::with(2, two_places());
        let _clients = [(); 2].map(|()| world.sites[1].client());
        world.second();
        assert!(is_full(&world.sites[0]));
        if goodbye {
            world.sites[1].node.say_goodbye();
            world.settle();
        } else {
            for _ in 0..SUSPECT_AFTER.as_secs() {
                assert!(is_full(&world.sites[0]));
                world.second_of(&[0]);
            }
        }
        assert!(!is_full(&world.sites[0]));
    }
}

#[test]
fn a_node_that_comes_late_is_told_who_is_there() {
    let mut world = World::with(1, two_places());
    let _clients = [(); 2].map(|()| world.sites[0].client());
    world.second();
    let late = world.add();
    world.second();
    assert!(is_full(&world.sites[late]));
}

fn sign_in(client: &mut Client) -> Option<Action> {
    client.sign_in(r#"{"id":"ann"}"#)
}

#[test]
fn connections_that_nobody_vouches_for_count_for_nobody() {
    let site = Site::new(1, authorized());
    let mut crowd: Vec<Client> = (0..4).map(|_| site.client()).collect();
    // A public channel needs nobody's word.
    for client in &mut crowd {
        client.subscribe("news");
    }
    crowd[0].subscribe("private-a");
    assert_eq!(sign_in(&mut crowd[1]), None);
    // The third is one too many, by whichever way it comes.
    let over = Some(Action::Close(full(CloseCode::OverConnectionQuota, 2)));
    assert_eq!(sign_in(&mut crowd[2]), over);
    let auth =
        foghorn_auth::sign_channel(&crowd[3].credential, crowd[3].socket(), "private-a", None);
    let data = json!({ "channel": "private-a", "auth": auth });
    let subscribe = json!({ "event": "pusher:subscribe", "data": data });
    assert_eq!(crowd[3].say(&subscribe), over);
    // To be vouched for twice is to be vouched for.
    assert_eq!(sign_in(&mut crowd[0]), None);
    crowd[1].subscribe("private-a");
    // With the connection goes the place.
    crowd.remove(0);
    let mut next = site.client();
    assert_eq!(sign_in(&mut next), None);
    assert_eq!(sign_in(&mut site.client()), over);
    drop((crowd, next));
    site.assert_empty();
    let mut both = [site.client(), site.client()];
    for client in &mut both {
        assert_eq!(sign_in(client), None);
    }
}

#[test]
fn nobody_waits_longer_than_the_app_allows() {
    let site = Site::new(1, authorized());
    let mut anonymous = site.client();
    let [mut user, mut subscriber, mut refused] = [(); 3].map(|()| site.client());
    assert_eq!(sign_in(&mut user), None);
    subscriber.join("presence-a", r#"{"user_id":"bob"}"#);
    refused.say(&json!({
        "event": "pusher:subscribe",
        "data": { "channel": "private-a", "auth": "key-one:00" },
    }));
    let at = |span| Moment::default().after(span);
    for client in [&anonymous, &refused] {
        assert_eq!(client.connection.deadline(), at(WITHIN));
    }
    let early = at(WITHIN - Duration::from_millis(1));
    assert_eq!(anonymous.connection.on_timeout(early), None);
    let close = Close::new(
        CloseCode::Unauthorized,
        "Connection not authorized within timeout",
    );
    for client in [&mut anonymous, &mut refused] {
        let action = client.connection.on_timeout(at(WITHIN));
        assert_eq!(action, Some(Action::Close(close.clone())));
    }
    for client in [&mut user, &mut subscriber] {
        assert_eq!(client.connection.on_timeout(at(WITHIN)), None);
        assert!(client.connection.deadline() > at(WITHIN));
    }
}

#[test]
fn only_authorized_connections_are_counted_elsewhere() {
    let mut world = World::with(2, authorized());
    let mut there: Vec<Client> = (0..4).map(|_| world.sites[1].client()).collect();
    world.second();
    let mut here = [world.sites[0].client(), world.sites[0].client()];
    assert_eq!(sign_in(&mut here[0]), None);
    assert_eq!(sign_in(&mut there[0]), None);
    world.second();
    let over = Some(Action::Close(full(CloseCode::OverConnectionQuota, 2)));
    assert_eq!(sign_in(&mut here[1]), over);
    assert_eq!(sign_in(&mut there[1]), over);
}

#[test]
fn each_app_has_its_own_rates() {
    let site = Site::new(
        1,
        Setup {
            rules: |app| {
                Arc::make_mut(&mut app.policy).limits.api_events_per_second = Rate::PerSecond(5);
                Arc::make_mut(&mut app.policy).limits.api_reads_per_second = Rate::PerSecond(1);
            },
            ..Setup::default()
        },
    );
    let (one, two) = (&site.app(ONE), &site.app(TWO));
    let now = || site.clock.now();
    assert!(one.take_events(3, now()).is_ok());
    assert_eq!(one.take_events(3, now()).unwrap_err().remaining, 2);
    assert!(one.take_events(2, now()).is_ok());
    assert!(one.take_read(now()).is_ok());
    assert_eq!(one.take_read(now()).unwrap_err().limit, 1);
    for _ in 0..100 {
        assert!(two.take_events(1_000, now()).is_ok());
        assert!(two.take_read(now()).is_ok());
    }
    site.clock.wait(Duration::from_millis(200));
    assert!(one.take_events(1, now()).is_ok());
    assert!(one.take_events(1, now()).is_err());
    assert!(one.take_read(now()).is_err());
    site.clock.wait(Duration::from_millis(800));
    assert!(one.take_read(now()).is_ok());
}
