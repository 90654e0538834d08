//! `GET channels`, one channel, and its users (http-api.md §6 and §7, checklist 6, 7 and 8).

use crate::world::{HIDDEN, SHARED, World};

const NOT_PRESENCE: &str =
    "Cannot retrieve the user count unless the channel is a presence channel";
const OF_PRESENCE: &str = "Cannot retrieve the subscription count of a presence channel";
const HIDDEN_COUNT: &str =
    "Cannot retrieve the subscription count unless the app's setting subscription_count is on";

/// PHP and Go cannot read an empty array.
#[test]
fn no_channels_are_an_empty_object() {
    let world = World::new();
    world.get(&HIDDEN, "channels", &[]).is(r#"{"channels":{}}"#);
    let listener = world.listener(&HIDDEN, "ann", &["news"]);
    let none = [("filter_by_prefix", "presence-")];
    world
        .get(&HIDDEN, "channels", &none)
        .is(r#"{"channels":{}}"#);
    world.get(&SHARED, "channels", &[]).is(r#"{"channels":{}}"#);
    drop(listener);
    world.get(&HIDDEN, "channels", &[]).is(r#"{"channels":{}}"#);
}

#[test]
fn the_list_has_what_is_occupied_and_asked_for() {
    let world = World::new();
    let _listeners = [&HIDDEN, &SHARED].map(|account| {
        [
            world.listener(account, "ann", &["presence-a", "presence-b", "news"]),
            world.listener(account, "ann", &["presence-a", "private-x"]),
            world.listener(account, "zoe", &["presence-a", "news"]),
        ]
    });
    let presence = ("filter_by_prefix", "presence-");
    for (account, params, expect) in [
        (
            &HIDDEN,
            &[][..],
            r#"{"channels":{"news":{},"presence-a":{},"presence-b":{},"private-x":{}}}"#,
        ),
        (
            &HIDDEN,
            &[("filter_by_prefix", "pr"), ("info", "")],
            r#"{"channels":{"presence-a":{},"presence-b":{},"private-x":{}}}"#,
        ),
        (
            &HIDDEN,
            &[presence, ("info", "user_count")],
            r#"{"channels":{"presence-a":{"user_count":2},"presence-b":{"user_count":1}}}"#,
        ),
        (
            &HIDDEN,
            &[("filter_by_prefix", "presence-b"), ("info", "user_count")],
            r#"{"channels":{"presence-b":{"user_count":1}}}"#,
        ),
        (
            &SHARED,
            &[("info", "subscription_count")],
            r#"{"channels":{"news":{"subscription_count":2},"presence-a":{},"presence-b":{},"private-x":{"subscription_count":1}}}"#,
        ),
        (
            &SHARED,
            &[presence, ("info", "user_count,subscription_count")],
            r#"{"channels":{"presence-a":{"user_count":2},"presence-b":{"user_count":1}}}"#,
        ),
    ] {
        world.get(account, "channels", params).is(expect);
    }
}

#[test]
fn the_list_refuses_what_it_cannot_tell() {
    let world = World::new();
    let prefixes = ["", "presence", "private-", "a-presence-"];
    for prefix in prefixes {
        let params = [("filter_by_prefix", prefix), ("info", "user_count")];
        let error = format!("{NOT_PRESENCE}: filter_by_prefix must begin with presence-");
        world
            .get(&HIDDEN, "channels", &params)
            .is_refusal(400, &error);
    }
    let count = [("info", "subscription_count")];
    world
        .get(&HIDDEN, "channels", &count)
        .is_refusal(400, HIDDEN_COUNT);
    let unknown = [("info", "age")];
    world
        .get(&HIDDEN, "channels", &unknown)
        .is_refusal(400, "Unknown attribute \"age\" in info");
}

#[test]
fn a_channel_that_nobody_ever_used_is_just_empty() {
    let world = World::new();
    for (account, path, params, expect) in [
        (&HIDDEN, "channels/news", &[][..], r#"{"occupied":false}"#),
        (
            &HIDDEN,
            "channels/presence-a",
            &[("info", "user_count")],
            r#"{"occupied":false,"user_count":0}"#,
        ),
        (
            &SHARED,
            "channels/news",
            &[("info", "subscription_count")],
            r#"{"occupied":false,"subscription_count":0}"#,
        ),
        (&HIDDEN, "channels/presence-a/users", &[], r#"{"users":[]}"#),
    ] {
        world.get(account, path, params).is(expect);
    }
}

#[test]
fn one_channel_tells_what_is_asked() {
    let world = World::new();
    let _listeners = [&HIDDEN, &SHARED].map(|account| {
        ["ann", "zoe", "zoe"].map(|user| world.listener(account, user, &["presence-a", "news"]))
    });
    for (account, path, params, expect) in [
        (&HIDDEN, "channels/news", &[][..], r#"{"occupied":true}"#),
        (
            &HIDDEN,
            "channels/presence-a",
            &[("info", ",")],
            r#"{"occupied":true}"#,
        ),
        (
            &HIDDEN,
            "channels/presence-a",
            &[("info", "user_count")],
            r#"{"occupied":true,"user_count":2}"#,
        ),
        (
            &SHARED,
            "channels/news",
            &[("info", "subscription_count")],
            r#"{"occupied":true,"subscription_count":3}"#,
        ),
    ] {
        world.get(account, path, params).is(expect);
    }
}

#[test]
fn one_channel_refuses_what_it_does_not_have() {
    let world = World::new();
    let _listener = world.listener(&SHARED, "ann", &["presence-a", "news"]);
    for (account, path, info, error) in [
        (&HIDDEN, "channels/news", "user_count", NOT_PRESENCE),
        (
            &SHARED,
            "channels/news",
            "subscription_count,user_count",
            NOT_PRESENCE,
        ),
        (
            &SHARED,
            "channels/presence-a",
            "subscription_count",
            OF_PRESENCE,
        ),
        (
            &SHARED,
            "channels/presence-a",
            "user_count,subscription_count",
            OF_PRESENCE,
        ),
        (&HIDDEN, "channels/news", "subscription_count", HIDDEN_COUNT),
        (
            &SHARED,
            "channels/news",
            "age",
            "Unknown attribute \"age\" in info",
        ),
    ] {
        world
            .get(account, path, &[("info", info)])
            .is_refusal(400, error);
    }
}

#[test]
fn users_are_distinct_and_their_ids_are_strings() {
    let world = World::new();
    let mut listeners = Vec::from(
        ["10", "zoe", "10", "ann"].map(|user| world.listener(&HIDDEN, user, &["presence-a"])),
    );
    let users = |expect| {
        world
            .get(&HIDDEN, "channels/presence-a/users", &[])
            .is(expect);
    };
    users(r#"{"users":[{"id":"10"},{"id":"ann"},{"id":"zoe"}]}"#);
    listeners.remove(0);
    users(r#"{"users":[{"id":"10"},{"id":"ann"},{"id":"zoe"}]}"#);
    listeners.clear();
    users(r#"{"users":[]}"#);
    // Further parameters do no harm.
    let extra = [("info", "age")];
    world
        .get(&HIDDEN, "channels/presence-a/users", &extra)
        .is(r#"{"users":[]}"#);
}

#[test]
fn only_presence_channels_have_users() {
    let world = World::new();
    for channel in ["news", "private-a", "presence", "private-presence-a"] {
        world
            .get(&HIDDEN, &format!("channels/{channel}/users"), &[])
            .is_refusal(400, "Users can only be retrieved for presence channels");
    }
}

#[test]
fn a_bad_name_is_400_not_empty() {
    let world = World::new();
    let too_long = "c".repeat(201);
    // The last two are no encoding of anything.
    for encoded in ["a%20b", "a%3Ab", "%23a", "a%2Fb", &too_long, "%zz", "%ff"] {
        for users in ["", "/users"] {
            let path = format!("channels/{encoded}{users}");
            let answer = world.get(&HIDDEN, &path, &[]);
            assert_eq!(answer.status, 400, "{path}: {}", answer.body);
            assert!(answer.body.starts_with(r#"{"error":"Invalid channel "#));
        }
    }
}
