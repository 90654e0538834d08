//! What clients may send to each other.

use foghorn_protocol::{Limits, Rate};
use foghorn_session::{ClientEvents, Policy};

use crate::world::{World, auth, error, policy, subscribe};

fn subscribed_world() -> World {
    let mut world = World::new();
    let data = r#"{"user_id":"u-17"}"#;
    world.feed(&subscribe(
        "presence-lobby",
        &auth("presence-lobby", Some(data)),
        Some(data),
    ));
    world.feed(&subscribe("private-x", &auth("private-x", None), None));
    world.feed(&subscribe(
        "private-encrypted-x",
        &auth("private-encrypted-x", None),
        None,
    ));
    world.feed(&subscribe("news", "", None));
    world
}

#[test]
fn client_events_are_passed_on_with_the_true_sender() {
    let mut world = subscribed_world();
    world.check(
        r#"{"event":"client-typing","channel":"presence-lobby","data":{"on":true},"user_id":"forged"}"#,
        &[r#"PUBLISH presence-lobby {"event":"client-typing","channel":"presence-lobby","data":"{\"on\":true}","user_id":"u-17"}"#],
    );
    world.check(
        r#"{"event":"client-a","channel":"private-x","data":"text"}"#,
        &[r#"PUBLISH private-x {"event":"client-a","channel":"private-x","data":"text"}"#],
    );
    let sealed = r#"{"event":"client-a","channel":"private-encrypted-x","data":{"nonce":"n","ciphertext":"c"}}"#;
    assert!(world.feed(sealed)[0].starts_with("PUBLISH private-encrypted-x"));
}

#[test]
fn client_events_are_refused_by_rule() {
    let long_name = format!("client-{}", "x".repeat(194));
    let long_data = "x".repeat(10_241);
    for (event, channel, data, expect) in [
        (
            "client-a",
            "news",
            "1",
            "neither a private nor a presence channel",
        ),
        (
            "client-a",
            "cache-x",
            "1",
            "neither a private nor a presence channel",
        ),
        (
            "client-a",
            "private-other",
            "1",
            "not subscribed to private-other",
        ),
        (
            "client-a",
            "private encrypted",
            "1",
            "channel name contains",
        ),
        (
            "client-a",
            "private-encrypted-x",
            "{}",
            "must hold nonce and ciphertext",
        ),
        (
            &long_name,
            "private-x",
            "1",
            "event name is 201 characters long, the limit is 200",
        ),
        (
            "client-a",
            "private-x",
            &long_data,
            "data is 10241 bytes long, the limit is 10240",
        ),
    ] {
        let mut world = subscribed_world();
        let message = serde_json::json!({"event": event, "channel": channel, "data": data});
        let out = world.feed(&message.to_string());
        assert_eq!(out.len(), 1, "{out:?}");
        assert!(
            out[0].contains(r#""code":null"#) && out[0].contains(expect),
            "{out:?}"
        );
    }
}

#[test]
fn client_events_need_channel_data_permission_and_room() {
    let mut world = subscribed_world();
    for text in [
        r#"{"event":"client-a","channel":"private-x"}"#,
        r#"{"event":"client-a","data":"x"}"#,
    ] {
        world.check(
            text,
            &[&error(
                "Invalid client event (must contain channel and data)",
            )],
        );
    }
    let mut world = World::with(policy(ClientEvents::Refused), "7");
    world.host.out.clear();
    let out = world.feed(r#"{"event":"client-a","channel":"private-x","data":1}"#);
    assert!(out[0].contains("To send client events, you must enable this feature in the Settings"));
    let mut world = subscribed_world();
    world.host.busy = true;
    let out = world.feed(r#"{"event":"client-a","channel":"private-x","data":1}"#);
    assert!(out[0].contains("over capacity"), "{out:?}");
}

#[test]
fn the_eleventh_client_event_of_a_second_is_4301_and_not_passed_on() {
    let mut world = subscribed_world();
    let message = r#"{"event":"client-a","channel":"private-x","data":1}"#;
    for _ in 0..10 {
        assert!(world.feed(message)[0].starts_with("PUBLISH"));
    }
    world.check(message, &[r#"{"event":"pusher:error","data":{"code":4301,"message":"The client event rate limit of 10 per second has been exceeded: 0 left, the next in 100 ms"}}"#]);
    world.later(100);
    assert!(world.feed(message)[0].starts_with("PUBLISH"));
    let limits = Limits {
        client_events_per_second: Rate::Unlimited,
        ..Limits::default()
    };
    let mut world = World::with(
        Policy {
            limits,
            ..policy(ClientEvents::Allowed)
        },
        "7",
    );
    world.feed(&subscribe("private-x", &auth("private-x", None), None));
    assert!((0..1_000).all(|_| world.feed(message)[0].starts_with("PUBLISH")));
}
