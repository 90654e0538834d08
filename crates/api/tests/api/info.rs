//! Attributes that `events` and `batch_events` tell about their channels (checklist 4).

use serde_json::json;

use crate::world::{Account, HIDDEN, Listener, SHARED, World};

/// Two users with three connections on the lobby, three connections on news.
fn audience(world: &World, account: &Account) -> Vec<Listener> {
    ["ann", "zoe", "zoe"]
        .map(|user| world.listener(account, user, &["presence-lobby", "news"]))
        .into()
}

#[test]
fn an_events_answer_has_an_object_by_channel() {
    let world = World::new();
    let _listeners = [audience(&world, &HIDDEN), audience(&world, &SHARED)];
    for (account, info, expect) in [
        (
            &HIDDEN,
            "user_count",
            r#"{"channels":{"news":{},"presence-lobby":{"user_count":2},"private-x":{}}}"#,
        ),
        (
            &HIDDEN,
            "subscription_count",
            r#"{"channels":{"news":{},"presence-lobby":{},"private-x":{}}}"#,
        ),
        (
            &SHARED,
            "subscription_count",
            r#"{"channels":{"news":{"subscription_count":3},"presence-lobby":{},"private-x":{"subscription_count":0}}}"#,
        ),
        (
            &SHARED,
            "user_count,subscription_count",
            r#"{"channels":{"news":{"subscription_count":3},"presence-lobby":{"user_count":2},"private-x":{"subscription_count":0}}}"#,
        ),
        (
            &SHARED,
            " subscription_count , ,user_count,",
            r#"{"channels":{"news":{"subscription_count":3},"presence-lobby":{"user_count":2},"private-x":{"subscription_count":0}}}"#,
        ),
        (&SHARED, "", "{}"),
        (&SHARED, ",", "{}"),
    ] {
        let body = json!({
            "name": "e",
            "data": "1",
            "channels": ["presence-lobby", "news", "private-x", "news"],
            "info": info,
        });
        world.post(account, "events", &body.to_string()).is(expect);
    }
}

#[test]
fn a_batchs_answer_has_an_object_by_place() {
    let world = World::new();
    let _listeners = audience(&world, &SHARED);
    let item = |channel: &str, info: Option<&str>| json!({ "name": "e", "data": "1", "channel": channel, "info": info });
    for (items, expect) in [
        (
            vec![
                item("news", None),
                item("presence-lobby", Some("user_count")),
            ],
            r#"{"batch":[{},{"user_count":2}]}"#,
        ),
        (
            vec![
                item("news", Some("subscription_count,user_count")),
                item("nobody", Some("user_count")),
                item("presence-lobby", Some("subscription_count")),
            ],
            r#"{"batch":[{"subscription_count":3},{},{}]}"#,
        ),
        (
            vec![item("news", None), item("presence-lobby", Some(""))],
            "{}",
        ),
    ] {
        let body = json!({ "batch": items }).to_string();
        world.post(&SHARED, "batch_events", &body).is(expect);
    }
}

#[test]
fn an_unknown_attribute_is_refused_and_nothing_is_delivered() {
    let world = World::new();
    let listener = world.listener(&HIDDEN, "", &["news"]);
    let item = json!({ "name": "e", "data": "1", "channel": "news", "info": "user_count,age" });
    let error = "Unknown attribute \"age\" in info";
    world.trigger(&item).is_refusal(400, error);
    let good = json!({ "name": "e", "data": "1", "channel": "news" });
    let batch = json!({ "batch": [good, item] }).to_string();
    world
        .post(&HIDDEN, "batch_events", &batch)
        .is_refusal(400, error);
    assert_eq!(listener.heard(), [""; 0]);
}
