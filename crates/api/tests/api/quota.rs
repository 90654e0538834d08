//! The quota of messages: 403 or 402, when it begins anew, and how much of it is used.

use foghorn_auth::{UnsignedRequest, sign_request};
use foghorn_node::{Quota, QuotaStatus};
use foghorn_protocol::{Ceiling, Limits};
use serde_json::{Value, json};

use crate::world::{Answer, DISABLED, HIDDEN, NOW, SHARED, Setup, World, head};

/// Seconds from [`NOW`] to midnight.
const LEFT: u64 = 54_400;

fn world(messages: u64, status: QuotaStatus) -> World {
    let quota = Quota {
        messages_per_day: Some(messages),
        status,
    };
    World::with(Setup {
        quota,
        ..Setup::default()
    })
}

fn trigger(world: &World, channels: &[&str], info: &str) -> Answer {
    world.trigger(&json!({ "name": "e", "channels": channels, "data": "1", "info": info }))
}

fn used(world: &World) -> Value {
    let answer = world.get(&HIDDEN, "usage", &[]);
    assert_eq!(answer.status, 200);
    serde_json::from_str::<Value>(&answer.body).unwrap()["messages"]["used"].clone()
}

#[track_caller]
fn is_over_quota(answer: &Answer, status: u16, (used, limit): (u64, u64)) {
    let error = format!(
        "The app has used {used} messages today, the limit is {limit} per day; publishing is \
         allowed again from 2025-10-10T00:00:00Z on"
    );
    answer.is_refusal(status, &error);
    assert_eq!(answer.headers["retry-after"], LEFT.to_string());
}

#[test]
fn what_is_allowed_and_one_more() {
    for (quota_status, status) in [
        (QuotaStatus::Forbidden, 403),
        (QuotaStatus::PaymentRequired, 402),
    ] {
        let world = world(3, quota_status);
        for _ in 0..3 {
            trigger(&world, &["news"], "").is("{}");
        }
        is_over_quota(&trigger(&world, &["news"], ""), status, (3, 3));
        let batch = json!({ "batch": [{ "name": "e", "channel": "news", "data": "" }] });
        let batch = world.post(&HIDDEN, "batch_events", &batch.to_string());
        is_over_quota(&batch, status, (3, 3));
        let legacy = world.post_with(&HIDDEN, "channels/news/events", &[("name", "e")], b"");
        is_over_quota(&legacy, status, (3, 3));
        // Refusals cost nothing, and questions are answered.
        assert_eq!(used(&world), 3);
        assert_eq!(world.get(&HIDDEN, "channels", &[]).status, 200);
        assert_eq!(world.get(&HIDDEN, "channels/news", &[]).status, 200);
        world
            .post(&HIDDEN, "users/ann/terminate_connections", "{}")
            .is("{}");
        // Another app has its own.
        let other = json!({ "name": "e", "channel": "news", "data": "" }).to_string();
        world.post(&SHARED, "events", &other).is("{}");
    }
}

#[test]
fn a_publish_counts_for_each_channel_and_each_subscriber_and_twice_if_it_asks() {
    let world = World::new();
    assert_eq!(used(&world), 0);
    trigger(&world, &["a", "b", "c"], "").is("{}");
    assert_eq!(used(&world), 3);
    let _listeners = [
        world.listener(&HIDDEN, "", &["a"]),
        world.listener(&HIDDEN, "", &["a", "b"]),
    ];
    assert_eq!(used(&world), 3);
    trigger(&world, &["a", "b", "c"], "").is("{}");
    assert_eq!(used(&world), 3 + 3 + 3);
    assert_eq!(trigger(&world, &["c", "d"], "user_count").status, 200);
    assert_eq!(used(&world), 9 + 2 * 2);
    let item = |info| json!({ "name": "e", "channel": "c", "data": "", "info": info });
    let batch = json!({ "batch": [item(""), item("user_count"), item("")] });
    let batch = world.post(&HIDDEN, "batch_events", &batch.to_string());
    assert_eq!(batch.status, 200);
    assert_eq!(used(&world), 13 + 4);
    assert_eq!(trigger(&world, &["bad name"], "").status, 400);
    assert_eq!(used(&world), 17);
}

#[test]
fn a_publish_is_accepted_as_long_as_something_is_left() {
    let world = world(2, QuotaStatus::Forbidden);
    trigger(&world, &["a"], "").is("{}");
    // Deliveries cannot be held back either, so the end is not exact.
    trigger(&world, &["a", "b", "c"], "").is("{}");
    is_over_quota(&trigger(&world, &["a"], ""), 403, (4, 2));
}

#[test]
fn other_faults_are_told_first() {
    let world = world(0, QuotaStatus::PaymentRequired);
    assert_eq!(trigger(&world, &["bad name"], "").status, 400);
    let disabled = json!({ "name": "e", "channel": "news", "data": "" }).to_string();
    world
        .post(&DISABLED, "events", &disabled)
        .is_refusal(403, "The app is disabled");
    is_over_quota(&trigger(&world, &["news"], ""), 402, (0, 0));
}

#[test]
fn the_next_day_begins_anew() {
    let world = world(1, QuotaStatus::Forbidden);
    let at = |now| {
        let path = HIDDEN.path("events");
        let body = json!({ "name": "e", "channel": "news", "data": "" }).to_string();
        let request = UnsignedRequest {
            method: "POST",
            path: &path,
            params: &[],
            body: body.as_bytes(),
        };
        let query = sign_request(&HIDDEN.credential(), &request, now);
        let head = head("POST", &format!("{path}?{query}"));
        world.send(&head, body.as_bytes(), now)
    };
    at(NOW).is("{}");
    assert_eq!(at(NOW + LEFT - 1).headers["retry-after"], "1");
    at(NOW + LEFT).is("{}");
    assert_eq!(at(NOW + LEFT).headers["retry-after"], "86400");
}

#[test]
fn an_app_is_told_how_much_it_has_used() {
    let limited = World::with(Setup {
        limits: Limits {
            max_connections: Ceiling::AtMost(5),
            ..Limits::default()
        },
        quota: Quota {
            messages_per_day: Some(10),
            status: QuotaStatus::Forbidden,
        },
        ..Setup::default()
    });
    let _listener = limited.listener(&HIDDEN, "", &["news"]);
    trigger(&limited, &["news"], "").is("{}");
    limited.get(&HIDDEN, "usage", &[]).is(
        r#"{"messages":{"used":2,"limit":10,"resets_at":"2025-10-10T00:00:00Z","resets_in":54400},"connections":{"used":1,"limit":5}}"#,
    );
    World::new().get(&HIDDEN, "usage", &[]).is(
        r#"{"messages":{"used":0,"limit":null,"resets_at":"2025-10-10T00:00:00Z","resets_in":54400},"connections":{"used":0,"limit":null}}"#,
    );
    assert_eq!(limited.raw("GET", "/apps/4242/usage", b"").status, 401);
}
