//! Subscribing: whose papers are in order, and how refusals are worded.

use foghorn_auth::sign_channel;
use foghorn_protocol::Limits;
use foghorn_session::{ClientEvents, Policy};

use crate::world::{World, auth, credential, error, policy, subscribe, unsubscribe};

#[test]
fn subscribing_and_unsubscribing() {
    let mut world = World::new();
    world.check(&subscribe("news", "", None), &["SUBSCRIBE news"]);
    world.check(
        &subscribe("news", "", None),
        &[&error("Existing subscription to channel news")],
    );
    let data = r#"{"user_id":17,"user_info":{"nick":"Zoë"}}"#;
    world.check(
        &subscribe(
            "presence-lobby",
            &auth("presence-lobby", Some(data)),
            Some(data),
        ),
        &[r#"SUBSCRIBE presence-lobby as 17 {"nick":"Zoë"}"#],
    );
    assert_eq!(world.session.subscriptions(), 2);
    let unsubscribe = unsubscribe("presence-lobby");
    world.check(&unsubscribe, &["UNSUBSCRIBE presence-lobby as 17"]);
    world.check(
        &unsubscribe,
        &[&error(
            "No current subscription to channel presence-lobby, or subscription in progress",
        )],
    );
    assert_eq!(world.end(), ["UNSUBSCRIBE news"]);
    assert_eq!(world.session.subscriptions(), 0);
}

/// Each authenticated prefix, each way of being wrong: refused, told, and the session goes on.
#[test]
fn wrong_papers_are_refused_on_every_authenticated_prefix() {
    for prefix in [
        "private-",
        "private-cache-",
        "private-encrypted-",
        "private-encrypted-cache-",
        "presence-",
        "presence-cache-",
    ] {
        let channel = format!("{prefix}x");
        let presence = prefix.starts_with("presence");
        let data = presence.then_some(r#"{"user_id":"u"}"#);
        let good = auth(&channel, data);
        let other_socket = sign_channel(&credential(), "1.1", &channel, data);
        let wrong_key = good.replacen('k', "z", 1);
        for bad in [
            "",
            "k7f3d0c1b2a39485",
            "k7f3d0c1b2a39485:",
            "k7f3d0c1b2a39485:00",
            &other_socket,
            &wrong_key,
            &auth("private-y", data),
            &format!("{good}0"),
        ] {
            let mut world = World::new();
            let out = world.feed(&subscribe(&channel, bad, data));
            assert!(
                out[0].starts_with(r#"{"event":"pusher:error","data":{"code":null"#),
                "{out:?}"
            );
            let told_twice = !prefix.contains("encrypted");
            assert_eq!(out.len(), if told_twice { 2 } else { 1 }, "{out:?}");
            let digest = good.split_once(':').unwrap().1;
            assert!(
                bad.contains(digest) || !out.concat().contains(digest),
                "never the expected digest"
            );
            world.check(
                &subscribe(&channel, &good, data),
                &[&format!(
                    "SUBSCRIBE {channel}{}",
                    if presence { " as u" } else { "" }
                )],
            );
        }
        // Re-serialised channel_data is other data.
        if presence {
            let mut world = World::new();
            let out = world.feed(&subscribe(&channel, &good, Some(r#"{"user_id": "u"}"#)));
            assert!(out[0].contains("Invalid signature"), "{out:?}");
        }
    }
}

#[test]
fn refusals_are_worded_as_people_search_for_them() {
    let mut world = World::new();
    world.check(
        &subscribe("private-orders", "", None),
        &[
            &error("Auth info required to subscribe to private-orders"),
            r#"{"event":"pusher:subscription_error","channel":"private-orders","data":"{\"type\":\"AuthError\",\"error\":\"Auth info required to subscribe to private-orders\",\"status\":401}"}"#,
        ],
    );
    let out = world.feed(&subscribe("private-orders", "k7f3d0c1b2a39485:abcd", None));
    assert!(out[0].contains(
        "Invalid signature: Expected HMAC SHA256 hex digest of 52107.884321:private-orders, but got "
    ));
    let out = world.feed(&subscribe("private-orders", "other:abcd", None));
    assert!(
        out[0].contains("Invalid key in subscription auth data: 'other'"),
        "{out:?}"
    );
    let out = world.feed(&subscribe("a#b", "", None));
    assert!(out[0].contains("channel name contains '#'"), "{out:?}");
    assert_eq!(out.len(), 1);
    world.host.full = true;
    let data = r#"{"user_id":"u"}"#;
    let out = world.feed(&subscribe(
        "presence-x",
        &auth("presence-x", Some(data)),
        Some(data),
    ));
    assert_eq!(
        out[0],
        error("Presence channel presence-x is full (100 members, the limit is 100)")
    );
    assert!(
        out[1].contains(r#"\"type\":\"LimitReached\""#) && out[1].contains("4100"),
        "{out:?}"
    );
}

#[test]
fn presence_data_is_checked_after_its_signature() {
    let mut world = World::new();
    let out = world.feed(&subscribe("presence-x", &auth("presence-x", None), None));
    assert!(
        out[0].contains("channel_data with a user_id, or a sign-in, is required"),
        "{out:?}"
    );
    let large = format!(
        r#"{{"user_id":"u","user_info":{{"x":"{}"}}}}"#,
        "x".repeat(2_048)
    );
    for (data, expect, status) in [
        ("{}", "no user_id", "401"),
        (
            r#"{"user_id":"u","user_info":7}"#,
            "user_info must be an object",
            "401",
        ),
        (&large, "the limit is 2048", "4301"),
    ] {
        let papers = auth("presence-x", Some(data));
        let out = world.feed(&subscribe("presence-x", &papers, Some(data)));
        assert!(out[0].contains(expect), "{out:?}");
        assert!(
            out[1].contains(&format!("\\\"status\\\":{status}")),
            "{out:?}"
        );
    }
}

#[test]
fn a_private_channel_takes_signatures_with_and_without_its_channel_data() {
    for signed in [None, Some(r#"{"note":"x"}"#)] {
        let mut world = World::new();
        let papers = auth("private-orders", signed);
        world.check(
            &subscribe("private-orders", &papers, Some(r#"{"note":"x"}"#)),
            &["SUBSCRIBE private-orders"],
        );
    }
}

#[test]
fn there_is_no_room_on_a_busy_channel_or_beyond_the_limit_of_a_connection() {
    let limits = Limits {
        max_channels_per_connection: 1,
        ..Limits::default()
    };
    let mut world = World::of(Policy {
        limits,
        ..policy(ClientEvents::Allowed)
    });
    world.host.busy = true;
    world.check(
        &subscribe("news", "", None),
        &[
            &error("Channel news is over capacity, try again later"),
            r#"{"event":"pusher:subscription_error","channel":"news","data":"{\"type\":\"LimitReached\",\"error\":\"Channel news is over capacity, try again later\",\"status\":4100}"}"#,
        ],
    );
    world.host.busy = false;
    world.check(&subscribe("news", "", None), &["SUBSCRIBE news"]);
    let full = "Cannot subscribe to other: the connection has 1 subscriptions, the limit is 1";
    world.check(&subscribe("other", "", None), &[&error(full)]);
    world.check(&unsubscribe("news"), &["UNSUBSCRIBE news"]);
    world.check(&subscribe("other", "", None), &["SUBSCRIBE other"]);
}
