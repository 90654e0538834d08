//! Messages of an app, as a quota counts them, and what operators hear of it.

use foghorn_node::{AppSpec, Day, NearQuota, Quantity, Quota, UsedToday};
use foghorn_protocol::{Ceiling, UnixSeconds};
use serde_json::json;
use std::sync::Arc;

use crate::site::{ONE, Setup, Site, TWO, spec};
use crate::world::World;

/// 21 November 2026, 22:00:00.
const EVENING: UnixSeconds = UnixSeconds(1_795_298_400);
const MORNING: UnixSeconds = UnixSeconds(EVENING.0 + 8 * 3_600);

fn limit(app: &mut AppSpec) {
    Arc::make_mut(&mut app.policy).limits.max_connections = Ceiling::AtMost(5);
    app.quota = Quota {
        messages_per_day: Some(10),
        ..Quota::default()
    };
}

fn used(site: &Site) -> u64 {
    site.app(ONE).usage().today(EVENING)
}

/// Messages of app [`ONE`] that `what` takes, all drains included.
fn cost<R>(site: &Site, what: impl FnOnce() -> R) -> u64 {
    let before = used(site);
    what();
    for mut drain in site.drains() {
        site.finish(&mut drain, 16);
    }
    used(site) - before
}

#[test]
fn a_publish_counts_once_and_once_for_each_delivery() {
    let site = Site::alone();
    assert_eq!(cost(&site, || site.publish(&["news"], "1")), 1);
    let many: Vec<_> = (0..50).map(|_| site.subscriber("news")).collect();
    assert_eq!(cost(&site, || site.publish(&["news"], "2")), 51);
    assert_eq!(cost(&site, || site.publish(&["news", "other"], "3")), 52);
    assert_eq!(site.app(TWO).usage().today(EVENING), 0);
    drop(many);
}

#[test]
fn a_client_event_counts_once_and_once_for_each_delivery() {
    let site = Site::alone();
    let mut sender = site.client();
    let mut others = [site.client(), site.client(), site.client()];
    for client in [&mut sender].into_iter().chain(&mut others) {
        client.subscribe("private-room");
    }
    let event = json!({ "event": "client-x", "channel": "private-room", "data": {} });
    assert_eq!(cost(&site, || sender.say(&event)), 1 + 3);
    let refused = json!({ "event": "client-x", "channel": "private-other", "data": {} });
    assert_eq!(cost(&site, || sender.say(&refused)), 0);
}

#[test]
fn members_who_come_and_go_count_where_they_are_told() {
    let site = Site::alone();
    let _ann = site.member("presence-lobby", "ann");
    let _ben = site.member("presence-lobby", "ben");
    let before = used(&site);
    let cem = site.member("presence-lobby", "cem");
    assert_eq!(used(&site) - before, 2);
    drop(cem);
    assert_eq!(used(&site) - before, 4);
}

#[test]
fn each_node_counts_what_it_delivers() {
    let mut world = World::of(2);
    let _here = world.sites[0].subscriber("news");
    let _there = [
        world.sites[1].subscriber("news"),
        world.sites[1].subscriber("news"),
    ];
    world.settle();
    world.sites[0].publish(&["news"], "1").unwrap();
    world.settle();
    assert_eq!([0, 1].map(|at| used(&world.sites[at])), [2, 2]);
}

#[test]
fn operators_hear_once_a_day_of_what_is_nearly_used_up() {
    let site = Site::new(
        1,
        Setup {
            rules: limit,
            ..Setup::default()
        },
    );
    let near = |quantity, used, limit| NearQuota {
        app: ONE.into(),
        quantity,
        used,
        limit,
    };
    let publish = |times| (0..times).for_each(|_| site.publish(&["news"], "").unwrap());
    let look = |now| site.node.look_at_quotas(now);
    publish(7);
    let mut clients: Vec<_> = (0..3).map(|_| site.client()).collect();
    assert_eq!(look(EVENING), []);
    assert_eq!(site.gauge("foghorn_messages_used", ONE), 7);
    assert_eq!(site.gauge("foghorn_messages_limit", ONE), 10);
    assert_eq!(site.gauge("foghorn_connections_limit", ONE), 5);
    publish(1);
    assert_eq!(look(EVENING), [near(Quantity::Messages, 8, 10)]);
    publish(5);
    clients.push(site.client());
    assert_eq!(look(EVENING), [near(Quantity::Connections, 4, 5)]);
    assert_eq!(look(EVENING), []);
    // The connections are still there in the morning.
    assert_eq!(look(MORNING), [near(Quantity::Connections, 4, 5)]);
    assert_eq!(site.gauge("foghorn_messages_used", ONE), 0);
    publish(8);
    assert_eq!(look(MORNING), [near(Quantity::Messages, 8, 10)]);
}

#[test]
fn a_new_life_goes_on_where_the_former_stopped() {
    let former = Site::alone();
    assert_eq!(former.node.usage(), []);
    former.publish(&["news"], "1").unwrap();
    former.node.look_at_quotas(EVENING);
    let mut kept = former.node.usage();
    let day = Day::of(EVENING);
    let of = |app: &str, messages| UsedToday {
        app: app.into(),
        day,
        messages,
    };
    assert_eq!(kept, [of(ONE, 1), of(TWO, 0), of("off", 0)]);

    let site = Site::alone();
    kept.push(of("late", 7));
    site.node.restore_usage(kept, EVENING);
    site.publish(&["news"], "2").unwrap();
    assert_eq!(used(&site), 2);
    site.node.change_apps(vec![spec("late")], &[]).unwrap();
    assert_eq!(site.app("late").usage().today(EVENING), 7);
    assert_eq!(site.app("late").usage().today(MORNING), 0);
}

#[test]
fn days_that_have_yet_to_come_are_not_restored() {
    let of = |app: &str| UsedToday {
        app: app.into(),
        day: Day::of(MORNING),
        messages: 7,
    };
    let site = Site::alone();
    let kept = vec![of(ONE), of("late")];
    site.node.restore_usage(kept.clone(), EVENING);
    site.node.change_apps(vec![spec("late")], &[]).unwrap();
    for app in [ONE, "late"] {
        let app = site.app(app);
        assert_eq!(app.usage().today(EVENING), 0);
        assert_eq!(app.usage().reset(EVENING).on, Day::of(MORNING));
    }
    let site = Site::alone();
    site.node.restore_usage(kept, MORNING);
    assert_eq!(site.app(ONE).usage().today(MORNING), 7);
}

#[test]
fn dashboards_forget_apps_that_are_gone() {
    let site = Site::alone();
    let quotas = [
        "foghorn_messages_used",
        "foghorn_messages_limit",
        "foghorn_connections_limit",
    ];
    let shown = |app| quotas.map(|name| site.shows(name, app));
    let limited = || {
        let mut app = spec("limited");
        limit(&mut app);
        app
    };
    site.node.change_apps(vec![limited()], &[]).unwrap();
    site.node.look_at_quotas(EVENING);
    assert_eq!(shown("limited"), [true; 3]);
    site.node.change_apps(Vec::new(), &["limited"]).unwrap();
    site.node.look_at_quotas(EVENING);
    assert_eq!(shown("limited"), [false; 3]);
    assert_eq!(shown(ONE), [true, false, false]);
    site.node.change_apps(vec![limited()], &[]).unwrap();
    site.node.look_at_quotas(EVENING);
    assert_eq!(shown("limited"), [true; 3]);
}
