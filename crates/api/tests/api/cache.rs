//! What a cache channel remembers, for those who ask with `info=cache` (http-api.md §6.2).

use std::time::Duration;

use foghorn_protocol::Limits;
use serde_json::json;

use crate::world::{HIDDEN, World};

const CAR: &str = "private-cache-car";

fn ask(world: &World, channel: &str) -> crate::world::Answer {
    world.get(
        &HIDDEN,
        &format!("channels/{channel}"),
        &[("info", "cache")],
    )
}

fn trigger(world: &World, data: &str) {
    let body = json!({ "name": "moved", "channels": [CAR, "news"], "data": data });
    world.trigger(&body).is("{}");
}

#[test]
fn the_last_event_and_how_long_it_lives() {
    let world = World::new();
    ask(&world, CAR).is(r#"{"occupied":false,"cache":null}"#);
    trigger(&world, "0");
    trigger(&world, r#"{"lat":1}"#);
    ask(&world, CAR).is(r#"{"occupied":false,"cache":{"data":"{\"lat\":1}","ttl":1800}}"#);
    world.wait(Duration::from_millis(96_500));
    // Whole seconds, so never more than is left.
    ask(&world, CAR).is(r#"{"occupied":false,"cache":{"data":"{\"lat\":1}","ttl":1703}}"#);
    let listener = world.listener(&HIDDEN, "", &[CAR]);
    trigger(&world, "2");
    assert_eq!(listener.heard_data(), ["2"]);
    ask(&world, CAR).is(r#"{"occupied":true,"cache":{"data":"2","ttl":1800}}"#);
    // Only those who ask are told.
    let path = format!("channels/{CAR}");
    world.get(&HIDDEN, &path, &[]).is(r#"{"occupied":true}"#);
    world.wait(Duration::from_secs(1_800));
    ask(&world, CAR).is(r#"{"occupied":true,"cache":null}"#);
}

#[test]
fn the_time_to_live_is_the_apps() {
    let world = World::limited(Limits {
        cache_ttl: Duration::from_secs(5),
        ..Limits::default()
    });
    trigger(&world, "1");
    world.wait(Duration::from_millis(4_999));
    ask(&world, CAR).is(r#"{"occupied":false,"cache":{"data":"1","ttl":0}}"#);
    world.wait(Duration::from_millis(1));
    ask(&world, CAR).is(r#"{"occupied":false,"cache":null}"#);
}

#[test]
fn every_way_to_publish_is_remembered_also_without_one_connection() {
    let world = World::new();
    let listener = world.listener(&HIDDEN, "", &[CAR]);
    let data = |expect: &str| {
        let expect = format!(r#"{{"occupied":true,"cache":{{"data":"{expect}","ttl":1800}}}}"#);
        ask(&world, CAR).is(&expect);
    };
    let socket_id = listener.socket_id();
    world
        .trigger(&json!({ "name": "e", "channel": CAR, "data": "1", "socket_id": socket_id }))
        .is("{}");
    assert_eq!(listener.heard(), [""; 0]);
    data("1");
    let items = ["2", "3"].map(|data| json!({ "name": "e", "channel": CAR, "data": data }));
    let batch = json!({ "batch": items }).to_string();
    world.post(&HIDDEN, "batch_events", &batch).is("{}");
    data("3");
    let path = format!("channels/{CAR}/events");
    world
        .post_with(&HIDDEN, &path, &[("name", "e")], b"4")
        .is_with(202, "{}");
    data("4");
}

#[test]
fn what_cannot_have_a_cached_event_is_refused() {
    let world = World::new();
    trigger(&world, "1");
    let error = "Cannot retrieve the cached event unless the channel is a cache channel";
    for channel in [
        "news",
        "presence-a",
        "private-a",
        "xcache-a",
        "presence-a-cache-b",
    ] {
        ask(&world, channel).is_refusal(400, error);
    }
    world
        .get(&HIDDEN, "channels", &[("info", "cache")])
        .is_refusal(
            400,
            "Cannot retrieve the cached event of more than one channel",
        );
    for channel in ["cache-a", "presence-cache-a", "private-encrypted-cache-a"] {
        ask(&world, channel).is(r#"{"occupied":false,"cache":null}"#);
    }
    // An event's answer leaves out what does not apply.
    let body = json!({ "name": "e", "channels": [CAR, "news"], "data": "", "info": "cache" });
    let answer = world.trigger(&body);
    answer.is(&format!(r#"{{"channels":{{"news":{{}},"{CAR}":{{}}}}}}"#));
}
