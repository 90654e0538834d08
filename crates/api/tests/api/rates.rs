//! Limits that the operator sets: 429, and when to come back (http-api.md §2).

use std::time::Duration;

use foghorn_protocol::{Limits, Rate};
use serde_json::json;

use crate::world::{Answer, HIDDEN, SHARED, World};

/// Ten events and two questions per second.
fn world() -> World {
    World::limited(Limits {
        api_events_per_second: Rate::PerSecond(10),
        api_reads_per_second: Rate::PerSecond(2),
        ..Limits::default()
    })
}

fn trigger(world: &World, channels: usize) -> Answer {
    let names: Vec<String> = (0..channels).map(|number| format!("c{number}")).collect();
    world.trigger(&json!({ "name": "e", "channels": names, "data": "1" }))
}

#[track_caller]
fn is_too_fast(answer: &Answer, error: &str, (retry_after, limit, remaining): (&str, &str, &str)) {
    answer.is_refusal(429, error);
    assert_eq!(answer.headers["retry-after"], retry_after);
    assert_eq!(answer.headers["x-ratelimit-limit"], limit);
    assert_eq!(answer.headers["x-ratelimit-remaining"], remaining);
}

#[test]
fn events_are_counted_once_per_channel_and_come_back_with_time() {
    let world = world();
    trigger(&world, 7).is("{}");
    is_too_fast(
        &trigger(&world, 4),
        "Too many events: 4 asked for, 3 left of 10 per second",
        ("1", "10", "3"),
    );
    // A refused request costs nothing.
    trigger(&world, 3).is("{}");
    is_too_fast(
        &trigger(&world, 1),
        "Too many events: 1 asked for, 0 left of 10 per second",
        ("1", "10", "0"),
    );
    world.wait(Duration::from_millis(99));
    assert_eq!(trigger(&world, 1).status, 429);
    world.wait(Duration::from_millis(1));
    trigger(&world, 1).is("{}");
    assert_eq!(trigger(&world, 1).status, 429);
    world.wait(Duration::from_secs(60));
    trigger(&world, 10).is("{}");
    assert_eq!(trigger(&world, 1).status, 429);
}

#[test]
fn what_is_left_is_told_with_what_is_accepted() {
    let world = world();
    let told = |answer: &Answer| {
        assert_eq!(answer.status, 200);
        let header = |name: &str| answer.headers[name].to_str().unwrap().parse::<u32>();
        assert!(!answer.headers.contains_key("retry-after"));
        ["x-ratelimit-limit", "x-ratelimit-remaining"].map(|name| header(name).unwrap())
    };
    assert_eq!(told(&trigger(&world, 7)), [10, 3]);
    assert_eq!(told(&trigger(&world, 3)), [10, 0]);
    assert_eq!(told(&world.get(&HIDDEN, "channels", &[])), [2, 1]);
    assert_eq!(told(&world.get(&HIDDEN, "usage", &[])), [2, 0]);
    let unlimited = World::new();
    assert!(trigger(&unlimited, 1).headers.is_empty());
    assert!(unlimited.get(&HIDDEN, "channels", &[]).headers.is_empty());
}

#[test]
fn all_or_none_of_a_request_is_published() {
    let world = world();
    let listener = world.listener(&HIDDEN, "", &["c0"]);
    let user = world.signed_in(&HIDDEN, "ann");
    let never = "The request has 11 events, one per channel; the limit is 10 per second, so it can \
                 never be accepted";
    trigger(&world, 11).is_refusal(400, never);
    let item = |channels: &[&str]| json!({ "name": "e", "channels": channels, "data": "1" });
    let batch = |items| {
        let body = json!({ "batch": items }).to_string();
        world.post(&HIDDEN, "batch_events", &body)
    };
    let six = ["c0", "c1", "c2", "c3", "c4", "#server-to-user-ann"];
    assert_eq!(batch(vec![item(&six), item(&six)]).status, 400);
    batch(vec![item(&["other"])]).is("{}");
    assert_eq!(batch(vec![item(&six), item(&six[..4])]).status, 429);
    assert_eq!(listener.heard(), [""; 0]);
    assert_eq!(user.heard(), [""; 0]);
    assert_eq!(world.counter("foghorn_events_published_total", &[]), 1);
    world.wait(Duration::from_secs(1));
    batch(vec![item(&six), item(&six[..4])]).is("{}");
    assert_eq!(listener.heard_data(), ["1", "1"]);
    assert_eq!(user.heard_data(), ["1"]);
    // Nothing asked for is nothing too many.
    batch(Vec::new()).is("{}");
    let legacy = world.post_with(&HIDDEN, "channels/c0/events", &[("name", "e")], b"1");
    assert_eq!(legacy.status, 429);
}

#[test]
fn what_is_wrong_with_a_request_goes_first_and_costs_nothing() {
    let world = world();
    trigger(&world, 10).is("{}");
    world
        .trigger(&json!({ "name": "e", "channel": "a b", "data": "" }))
        .is_refusal(
            400,
            "Invalid channel \"a b\": channel name contains ' '; allowed are letters, digits and \
             _ - = @ , . ;",
        );
    let unsigned = world.raw("POST", &HIDDEN.path("events"), b"");
    unsigned.is_refusal(401, "Missing parameter: auth_key");
}

#[test]
fn questions_have_a_limit_of_their_own() {
    let world = world();
    trigger(&world, 10).is("{}");
    for path in ["channels", "channels/news/stats"] {
        assert_eq!(world.get(&HIDDEN, path, &[]).status, 200);
    }
    for path in [
        "channels",
        "channels/news",
        "channels/news/stats",
        "channels/presence-a/users",
    ] {
        is_too_fast(
            &world.get(&HIDDEN, path, &[]),
            "Too many requests that ask something: 1 asked for, 0 left of 2 per second",
            ("1", "2", "0"),
        );
    }
    // To end a user's connections is neither.
    world
        .post(&HIDDEN, "users/ann/terminate_connections", "{}")
        .is("{}");
    world.wait(Duration::from_millis(500));
    assert_eq!(world.get(&HIDDEN, "channels", &[]).status, 200);
    assert_eq!(world.get(&HIDDEN, "channels", &[]).status, 429);
}

#[test]
fn apps_do_not_use_up_each_others() {
    let world = world();
    trigger(&world, 10).is("{}");
    assert_eq!(trigger(&world, 1).status, 429);
    let body = json!({ "name": "e", "channels": ["a", "b"], "data": "1" }).to_string();
    world.post(&SHARED, "events", &body).is("{}");
    world.get(&SHARED, "channels", &[]).is(r#"{"channels":{}}"#);
}

#[test]
fn a_slow_rate_says_when_to_come_back() {
    let world = World::limited(Limits {
        api_events_per_second: Rate::PerSecond(1),
        ..Limits::default()
    });
    trigger(&world, 1).is("{}");
    world.wait(Duration::from_millis(400));
    // 600 ms are left; the header has whole seconds.
    assert_eq!(trigger(&world, 1).headers["retry-after"], "1");
    world.wait(Duration::from_millis(600));
    trigger(&world, 1).is("{}");
}

#[test]
fn nobody_counts_unless_told_to() {
    let world = World::new();
    for _ in 0..200 {
        trigger(&world, 100).is("{}");
        assert_eq!(world.get(&HIDDEN, "channels", &[]).status, 200);
    }
}
