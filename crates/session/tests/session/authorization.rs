//! Connections that somebody has to vouch for.

use std::time::Duration;

use foghorn_protocol::{Close, CloseCode};
use foghorn_session::{AuthorizationRule, ClientEvents, Policy, Timing};

use crate::world::{World, auth, error_of, policy, sign_in, subscribe};

const REASON: &str = "Connection not authorized within timeout";
const CLOSED: &str = "CLOSE 4009 Connection not authorized within timeout";
const TIME: u64 = 30_000;

fn strict() -> Policy {
    Policy {
        authorization: AuthorizationRule::Within(Duration::from_millis(TIME)),
        ..policy(ClientEvents::Allowed)
    }
}

fn subscribe_to(channel: &str) -> String {
    let data = channel
        .starts_with("presence")
        .then_some(r#"{"user_id":"u"}"#);
    subscribe(channel, &auth(channel, data), data)
}

#[test]
fn who_is_not_vouched_for_in_time_is_closed_once() {
    let mut world = World::of(strict());
    let until = world.now.after(Duration::from_millis(TIME));
    assert_eq!(world.session.deadline(), until);
    world.later(TIME - 1);
    assert_eq!(world.time_out(), Vec::<String>::new());
    // A sign of life is no sign of trust.
    world.session.on_activity(world.now);
    assert_eq!(world.session.deadline(), until);
    world.later(1);
    assert_eq!(world.time_out(), [CLOSED]);
    assert!(world.session.deadline() > world.now);
    assert_eq!(world.time_out(), Vec::<String>::new());
    // Too late.
    let out = world.feed(&sign_in(r#"{"id":"u"}"#));
    assert!(!out.contains(&"AUTHORIZED".to_owned()), "{out:?}");
}

#[test]
fn clients_of_protocol_5_hear_why() {
    let mut world = World::with(strict(), "5");
    world.out();
    world.later(TIME);
    assert_eq!(world.time_out(), [&error_of("4009", REASON), CLOSED]);
}

#[test]
fn signing_in_or_an_authenticated_subscription_settles_it() {
    let sign_in = sign_in(r#"{"id":"u"}"#);
    let channels = [
        "private-x",
        "private-cache-x",
        "private-encrypted-x",
        "presence-x",
    ];
    let subscriptions = channels.map(subscribe_to);
    for text in subscriptions.iter().chain([&sign_in]) {
        let mut world = World::of(strict());
        let out = world.feed(text);
        assert_eq!(out[0], "AUTHORIZED", "before anybody hears of it: {text}");
        assert!(out.len() > 1, "{out:?}");
        let silence = world.now.after(Timing::default().activity_timeout);
        assert_eq!(world.session.deadline(), silence);
        world.later(TIME);
        assert_eq!(world.time_out(), Vec::<String>::new());
        // Once is enough.
        for more in [&sign_in, &subscribe_to("private-y")] {
            let out = world.feed(more);
            assert!(!out.contains(&"AUTHORIZED".to_owned()), "{out:?}");
        }
    }
}

#[test]
fn nothing_else_does() {
    let mut world = World::of(strict());
    world.host.full = true;
    let full = subscribe_to("presence-x");
    assert!(world.feed(&full)[1].contains("is full"));
    world.host.full = false;
    world.host.busy = true;
    assert!(world.feed(&sign_in(r#"{"id":"u"}"#))[1].contains("over capacity"));
    world.host.busy = false;
    for text in [
        &subscribe_to("news"),
        &subscribe_to("cache-news"),
        &subscribe("private-x", "k7f3d0c1b2a39485:00", None),
        &subscribe("#server-to-user-u", "", None),
        &sign_in("{}"),
        r#"{"event":"pusher:ping"}"#,
    ] {
        let out = world.feed(text);
        assert!(!out.contains(&"AUTHORIZED".to_owned()), "{out:?}");
    }
    world.later(TIME);
    assert_eq!(world.time_out(), [CLOSED]);
}

#[test]
fn an_app_that_does_not_mind_is_not_asked() {
    let mut world = World::new();
    world.check(&subscribe_to("private-x"), &["SUBSCRIBE private-x"]);
    let out = world.feed(&sign_in(r#"{"id":"u"}"#));
    assert_eq!(out.len(), 2, "{out:?}");
    world.later(TIME);
    assert_eq!(world.time_out(), Vec::<String>::new());
}

#[test]
fn an_app_that_is_full_closes_whom_somebody_vouches_for() {
    let close = Close::new(CloseCode::OverConnectionQuota, "The app is full");
    for text in [subscribe_to("private-x"), sign_in(r#"{"id":"u"}"#)] {
        let mut world = World::of(strict());
        world.host.no_place = Some(close.clone());
        let out = world.feed(&text);
        assert_eq!(out, ["AUTHORIZED", "CLOSE 4004 The app is full"]);
        assert!(world.end().is_empty(), "nothing was begun");
    }
}

#[test]
fn whichever_is_sooner_is_looked_at_first() {
    let timing = Timing {
        activity_timeout: Duration::from_millis(TIME / 3),
        ..Timing::default()
    };
    let mut world = World::of(Policy { timing, ..strict() });
    let opened = world.now;
    assert_eq!(
        world.session.deadline(),
        opened.after(timing.activity_timeout)
    );
    world.later(TIME / 3);
    assert_eq!(world.time_out(), ["PING"]);
    assert_eq!(
        world.session.deadline(),
        opened.after(Duration::from_millis(TIME)),
        "before the pong is late"
    );
}
