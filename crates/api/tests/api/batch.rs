//! `POST batch_events` (http-api.md §5, checklist 5).

use serde_json::{Value, json};

use crate::world::{Answer, HIDDEN, World};

fn item(channel: &str, data: &str) -> Value {
    json!({ "name": "e", "channel": channel, "data": data })
}

fn batch(world: &World, items: &[Value]) -> Answer {
    let body = json!({ "batch": items }).to_string();
    world.post(&HIDDEN, "batch_events", &body)
}

#[test]
fn ten_events_and_no_more() {
    let world = World::new();
    let listener = world.listener(&HIDDEN, "", &["news"]);
    let items: Vec<Value> = (0..11)
        .map(|number| item("news", &number.to_string()))
        .collect();
    batch(&world, &items[..10]).is("{}");
    let expect: Vec<String> = (0..10).map(|number| number.to_string()).collect();
    assert_eq!(listener.heard_data(), expect);
    batch(&world, &items).is_refusal(400, "11 events in one request, the limit is 10");
    assert_eq!(listener.heard(), [""; 0]);
    batch(&world, &[]).is("{}");
    for missing in ["{}", r#"{"batch":null}"#] {
        let answer = world.post(&HIDDEN, "batch_events", missing);
        answer.is_refusal(400, "batch is required");
    }
}

#[test]
fn events_are_delivered_in_the_order_of_the_batch() {
    let world = World::new();
    let listener = world.listener(&HIDDEN, "", &["a", "b"]);
    let items = [
        item("b", "1"),
        item("a", "2"),
        item("b", "3"),
        item("a", "4"),
    ];
    batch(&world, &items).is("{}");
    assert_eq!(listener.heard_data(), ["1", "2", "3", "4"]);
}

#[test]
fn each_item_has_its_own_exclusion_and_channels() {
    let world = World::new();
    let [one, other] = [(); 2].map(|()| world.listener(&HIDDEN, "", &["a", "b"]));
    let mut first = item("a", "1");
    first["socket_id"] = json!(one.socket_id());
    let mut second = item("a", "2");
    second["socket_id"] = json!(other.socket_id());
    second["channels"] = json!(["b", "a"]);
    batch(&world, &[first, second, item("a", "3")]).is("{}");
    assert_eq!(one.heard_data(), ["2", "2", "3"]);
    assert_eq!(other.heard_data(), ["1", "3"]);
}

#[test]
fn one_bad_item_and_nothing_is_delivered() {
    let world = World::new();
    let listener = world.listener(&HIDDEN, "", &["news"]);
    let mut malformed_socket = item("news", "1");
    malformed_socket["socket_id"] = json!("1");
    let mut reserved = item("news", "1");
    reserved["name"] = json!("pusher:e");
    let many: Vec<String> = (0..101).map(|number| number.to_string()).collect();
    let mut crowded = item("news", "1");
    crowded["channels"] = json!(many);
    for (bad, status) in [
        (item("no space", "1"), 400),
        (item("news", &"x".repeat(10_241)), 413),
        (json!({ "channel": "news", "data": "1" }), 400),
        (json!({ "channel": "news", "name": "e" }), 400),
        (json!({ "name": "e", "data": "1" }), 400),
        (malformed_socket, 400),
        (reserved, 400),
        (crowded, 400),
        (json!(null), 400),
        (json!("news"), 400),
        (json!(["e", "1", "news", null, null, null]), 400),
    ] {
        let answer = batch(&world, &[item("news", "1"), bad.clone()]);
        assert_eq!(answer.status, status, "{bad}: {}", answer.body);
    }
    assert_eq!(listener.heard(), [""; 0]);
    // Ten of the largest are fine.
    let large = item("news", &"x".repeat(10_240));
    batch(&world, &vec![large; 10]).is("{}");
    assert_eq!(listener.heard().len(), 10);
}
