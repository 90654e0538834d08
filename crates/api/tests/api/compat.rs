//! Answers for back ends that came from soketi.

use foghorn_api::{ChannelInfo, Options, Success, Unavailable};
use serde_json::json;

use crate::world::{HIDDEN, SHARED, World};

#[test]
fn a_success_may_say_ok() {
    let world = World::answering(Options {
        success: Success::Ok,
        ..Options::default()
    });
    let ok = r#"{"ok":true}"#;
    let event = json!({ "name": "e", "channel": "news", "data": "1" });
    world.trigger(&event).is(ok);
    let batch = json!({ "batch": [event] }).to_string();
    world.post(&HIDDEN, "batch_events", &batch).is(ok);
    world
        .post(&HIDDEN, "users/ann/terminate_connections", "{}")
        .is(ok);
    world
        .post_with(&HIDDEN, "channels/news/events", &[("name", "e")], b"1")
        .is_with(202, ok);
    // What has something to say says that alone.
    let asking = json!({ "name": "e", "channel": "news", "data": "1", "info": "user_count" });
    world.trigger(&asking).is(r#"{"channels":{"news":{}}}"#);
    world.get(&HIDDEN, "channels", &[]).is(r#"{"channels":{}}"#);
    world
        .get(&HIDDEN, "channels/news", &[])
        .is(r#"{"occupied":false}"#);
    world
        .get(&HIDDEN, "channels/presence-a/users", &[])
        .is(r#"{"users":[]}"#);
    world
        .trigger(&json!({}))
        .is_refusal(400, "name is required");
}

#[test]
fn channels_may_tell_all_without_being_asked() {
    let world = World::answering(Options {
        channel_info: ChannelInfo::Soketi,
        ..Options::default()
    });
    let _listeners =
        ["ann", "ann", "zoe"].map(|user| world.listener(&HIDDEN, user, &["news", "presence-a"]));
    for (path, expect) in [
        (
            "channels/news",
            r#"{"occupied":true,"subscription_count":3}"#,
        ),
        (
            "channels/presence-a",
            r#"{"occupied":true,"user_count":2,"subscription_count":3}"#,
        ),
        (
            "channels/nobody",
            r#"{"occupied":false,"subscription_count":0}"#,
        ),
        (
            "channels",
            r#"{"channels":{"news":{"occupied":true,"subscription_count":3},"presence-a":{"occupied":true,"user_count":2,"subscription_count":3}}}"#,
        ),
    ] {
        world.get(&HIDDEN, path, &[]).is(expect);
    }
    world
        .get(&HIDDEN, "channels/cache-a", &[("info", "cache")])
        .is(r#"{"occupied":false,"subscription_count":0,"cache":null}"#);
}

#[test]
fn what_a_channel_does_not_have_may_be_left_out() {
    let world = World::answering(Options {
        unavailable: Unavailable::LeftOut,
        ..Options::default()
    });
    let _listeners =
        [&HIDDEN, &SHARED].map(|account| world.listener(account, "ann", &["news", "presence-a"]));
    let all = ("info", "user_count,subscription_count,cache");
    for (account, path, params, expect) in [
        (&HIDDEN, "channels/news", &[all][..], r#"{"occupied":true}"#),
        (
            &HIDDEN,
            "channels/presence-a",
            &[all],
            r#"{"occupied":true,"user_count":1}"#,
        ),
        (
            &SHARED,
            "channels/news",
            &[all],
            r#"{"occupied":true,"subscription_count":1}"#,
        ),
        (
            &SHARED,
            "channels/cache-a",
            &[all],
            r#"{"occupied":false,"subscription_count":0,"cache":null}"#,
        ),
        (
            &SHARED,
            "channels",
            &[all],
            r#"{"channels":{"news":{"subscription_count":1},"presence-a":{"user_count":1}}}"#,
        ),
    ] {
        world.get(account, path, params).is(expect);
    }
    // What nobody has is a mistake all the same.
    world
        .get(&HIDDEN, "channels/news", &[("info", "age")])
        .is_refusal(400, "Unknown attribute \"age\" in info");
    world
        .get(&HIDDEN, "channels/news/users", &[])
        .is_refusal(400, "Users can only be retrieved for presence channels");
}
