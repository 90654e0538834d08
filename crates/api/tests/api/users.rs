//! Events for users, and users with what the application says of them (http-api.md §7 and §8).

use serde_json::{Value, json};

use crate::world::{HIDDEN, SHARED, World};

fn greet(recipients: &Value) -> Value {
    json!({ "name": "greet", "channels": recipients, "data": "1" })
}

#[test]
fn an_event_for_a_user_reaches_who_is_signed_in() {
    let world = World::new();
    let users = ["ann", "ann"].map(|user| world.signed_in(&HIDDEN, user));
    let others = [
        world.signed_in(&HIDDEN, "zoe"),
        world.signed_in(&SHARED, "ann"),
        world.listener(&HIDDEN, "ann", &["presence-lobby"]),
    ];
    let name = "#server-to-user-ann";
    world.trigger(&greet(&json!([name]))).is("{}");
    let expect = format!(r#"{{"event":"greet","channel":"{name}","data":"1"}}"#);
    for user in &users {
        assert_eq!(user.heard(), [&*expect]);
    }
    let item = json!({ "name": "greet", "channel": name, "data": "1" });
    let batch = json!({ "batch": [item, item] }).to_string();
    world.post(&HIDDEN, "batch_events", &batch).is("{}");
    for user in &users {
        assert_eq!(user.heard(), [&*expect, &*expect]);
    }
    // The excepted connection may be a user's.
    let mut event = greet(&json!([name]));
    event["socket_id"] = json!(users[0].socket_id());
    world.trigger(&event).is("{}");
    assert_eq!(users[0].heard(), [""; 0]);
    assert_eq!(users[1].heard(), [&*expect]);
    for other in &others {
        assert_eq!(other.heard(), [""; 0]);
    }
}

#[test]
fn channels_and_users_may_be_mixed_and_count_alike() {
    let world = World::new();
    let listener = world.listener(&SHARED, "", &["news"]);
    let user = world.signed_in(&SHARED, "ann");
    let mut event = greet(&json!([
        "news",
        "#server-to-user-ann",
        "#server-to-user-ann"
    ]));
    event["info"] = json!("subscription_count,user_count");
    world
        .post(&SHARED, "events", &event.to_string())
        .is(r##"{"channels":{"#server-to-user-ann":{},"news":{"subscription_count":1}}}"##);
    assert_eq!(listener.heard_data(), ["1"]);
    assert_eq!(user.heard_data(), ["1"]);
    let item =
        json!({ "name": "e", "channel": "#server-to-user-ann", "data": "", "info": "user_count" });
    world
        .post(
            &SHARED,
            "batch_events",
            &json!({ "batch": [item] }).to_string(),
        )
        .is(r#"{"batch":[{}]}"#);
    let users: Vec<String> = (0..101).map(|n| format!("#server-to-user-{n}")).collect();
    world.trigger(&greet(&json!(users[..100]))).is("{}");
    world
        .trigger(&greet(&json!(users)))
        .is_refusal(400, "101 channels in one request, the limit is 100");
}

#[test]
fn a_user_is_no_channel_that_can_be_asked_about() {
    let world = World::new();
    let _user = world.signed_in(&SHARED, "ann");
    world.get(&SHARED, "channels", &[]).is(r#"{"channels":{}}"#);
    let prefix = [("filter_by_prefix", "#")];
    world
        .get(&SHARED, "channels", &prefix)
        .is(r#"{"channels":{}}"#);
    for path in ["", "/users", "/stats"] {
        let path = format!("channels/%23server-to-user-ann{path}");
        assert_eq!(world.get(&SHARED, &path, &[]).status, 400, "{path}");
    }
}

#[test]
fn a_bad_id_is_400_and_nothing_is_published() {
    let world = World::new();
    let listener = world.listener(&HIDDEN, "", &["news"]);
    let user = world.signed_in(&HIDDEN, "ann");
    let long = format!("#server-to-user-{}", "u".repeat(129));
    for bad in [
        "#server-to-user-",
        "#server-to-user-a b",
        "#server-to-user-#",
        "#server-to-user",
        "#Server-to-user-ann",
        " #server-to-user-ann",
        &long,
    ] {
        let channels = json!(["news", "#server-to-user-ann", bad]);
        let answer = world.trigger(&greet(&channels));
        assert_eq!(answer.status, 400, "{bad}: {}", answer.body);
        let error = format!(r#"{{"error":"Invalid channel \"{bad:.60}"#);
        assert!(answer.body.starts_with(&error), "{}", answer.body);
        let good = json!({ "name": "e", "channel": "news", "data": "" });
        let item = json!({ "name": "e", "channel": bad, "data": "" });
        let batch = json!({ "batch": [good, item] }).to_string();
        let answer = world.post(&HIDDEN, "batch_events", &batch);
        assert_eq!(answer.status, 400, "{bad}: {}", answer.body);
    }
    assert_eq!(listener.heard(), [""; 0]);
    assert_eq!(user.heard(), [""; 0]);
    assert_eq!(world.counter("foghorn_events_published_total", &[]), 0);
}

#[test]
fn user_info_is_told_to_those_who_ask_for_it() {
    let world = World::new();
    let info = |nick: &str| format!(r#"{{"nick": "{nick}","n":1.0}}"#);
    let _listeners = [
        world.member(&HIDDEN, "ann", Some(&info("Ann"))),
        world.member(&HIDDEN, "zoe", None),
        world.member(&HIDDEN, "ann", Some(&info("Änn"))),
    ];
    let path = "channels/presence-lobby/users";
    for params in [
        &[][..],
        &[("with_user_info", "0")],
        &[("with_user_info", "")],
    ] {
        world
            .get(&HIDDEN, path, params)
            .is(r#"{"users":[{"id":"ann"},{"id":"zoe"}]}"#);
    }
    // As signed, not as this server would write it; nobody has what was not said.
    let expect = r#"{"users":[{"id":"ann","user_info":{"nick": "Änn","n":1.0}},{"id":"zoe"}]}"#;
    for yes in ["1", "true"] {
        world
            .get(&HIDDEN, path, &[("with_user_info", yes)])
            .is(expect);
    }
}
