//! Greeting, pings, silence and nonsense.

use std::time::Duration;

use foghorn_session::ClientEvents;

use crate::world::{World, error, policy};

#[test]
fn the_greeting_comes_first() {
    let world = World::with(policy(ClientEvents::Allowed), "7");
    assert_eq!(
        world.host.out,
        [
            r#"{"event":"pusher:connection_established","data":"{\"socket_id\":\"52107.884321\",\"activity_timeout\":120}"}"#
        ]
    );
}

#[test]
fn pings_are_answered_and_pongs_are_not() {
    let mut world = World::new();
    let pong = r#"{"event":"pusher:pong","data":"{}"}"#;
    world.check(r#"{"event":"pusher:ping","data":{}}"#, &[pong]);
    world.check(r#"{"event":"pusher:ping"}"#, &[pong]);
    world.check(r#"{"event":"pusher:pong","data":{}}"#, &[]);
}

#[test]
fn protocol_5_hears_the_error_before_the_close() {
    for (protocol, expect) in [("4", 2), ("5", 2), ("6", 1), ("7", 1)] {
        let mut world = World::with(policy(ClientEvents::Allowed), protocol);
        world.host.out.clear();
        world.later(120_000);
        world.session.on_timeout(world.now, &mut world.host);
        world.later(30_000);
        world.session.on_timeout(world.now, &mut world.host);
        assert_eq!(world.host.out[0], "PING");
        assert_eq!(world.host.out.len() - 1, expect, "{:?}", world.host.out);
        assert_eq!(
            world.host.out.last().unwrap(),
            "CLOSE 4201 Pong reply not received"
        );
        if expect == 2 {
            assert!(world.host.out[1].contains(r#""data":{"code":4201,"#));
        }
    }
}

#[test]
fn silence_is_asked_about_once_and_any_sign_of_life_counts() {
    let mut world = World::new();
    world.later(119_999);
    world.session.on_timeout(world.now, &mut world.host);
    assert!(world.host.out.is_empty());
    world.later(1);
    assert_eq!(world.session.deadline(), world.now);
    world.session.on_timeout(world.now, &mut world.host);
    world.session.on_timeout(world.now, &mut world.host);
    assert_eq!(world.host.out, ["PING"]);
    world.later(29_999);
    world.session.on_activity(world.now);
    world.later(1);
    world.session.on_timeout(world.now, &mut world.host);
    assert_eq!(world.host.out, ["PING"]);
    assert_eq!(
        world.session.deadline(),
        world.now.after(Duration::from_millis(119_999))
    );
}

#[test]
fn nonsense_is_answered_and_the_session_goes_on() {
    let mut world = World::new();
    for text in ["", "null", "{", "[1]", r#"{"event":1}"#] {
        let out = world.feed(text);
        assert!(out[0].contains("Invalid message"), "{text}: {out:?}");
    }
    world.check(
        r#"{"event":"pusher:nope","data":{}}"#,
        &[&error(
            "Unsupported event received on socket: 'pusher:nope'",
        )],
    );
    let long = format!(r#"{{"event":"{}"}}"#, "x".repeat(60_000));
    assert!(
        world.feed(&long)[0].len() < 400,
        "what comes back is bounded"
    );
}
