//! `POST events` (http-api.md §4, checklist 3).

use serde_json::{Value, json};

use crate::world::{HIDDEN, SHARED, World};

fn event(channels: &Value) -> Value {
    json!({ "name": "e", "channels": channels, "data": "1" })
}

#[test]
fn an_event_arrives_word_for_word() {
    let world = World::new();
    let listener = world.listener(&HIDDEN, "", &["private-orders"]);
    let stranger = world.listener(&SHARED, "", &["private-orders"]);
    let body = r#"{"name":"order.paid","channels":["private-orders"],"data":"{\"id\":981}"}"#;
    world.post(&HIDDEN, "events", body).is("{}");
    assert_eq!(
        listener.heard(),
        [r#"{"event":"order.paid","channel":"private-orders","data":"{\"id\":981}"}"#]
    );
    assert_eq!(stranger.heard(), [""; 0]);
    // Nobody subscribed is no error.
    world.trigger(&event(&json!(["nobody-there"]))).is("{}");
}

#[test]
fn channel_and_channels_are_united() {
    let world = World::new();
    let listener = world.listener(&HIDDEN, "", &["a", "b", "c"]);
    let channels = || {
        let texts = listener.heard().into_iter();
        let channel = |text: String| {
            let json: Value = serde_json::from_str(&text).unwrap();
            json["channel"].as_str().unwrap().to_owned()
        };
        texts.map(channel).collect::<Vec<_>>()
    };
    for (fields, expect) in [
        (json!({ "channel": "a" }), &["a"][..]),
        (json!({ "channels": ["b", "a"] }), &["b", "a"]),
        (json!({ "channel": "c", "channels": ["a"] }), &["c", "a"]),
        (
            json!({ "channel": "a", "channels": ["b", "a", "b"] }),
            &["a", "b"],
        ),
        (json!({ "channel": null, "channels": ["a"] }), &["a"]),
        (json!({ "channel": "a", "channels": null }), &["a"]),
        (json!({ "channel": "a", "channels": [] }), &["a"]),
    ] {
        let mut body = fields;
        body["name"] = json!("e");
        body["data"] = json!("1");
        world.trigger(&body).is("{}");
        assert_eq!(channels(), expect, "{body}");
    }
    for fields in [
        json!({}),
        json!({ "channels": [] }),
        json!({ "channel": null }),
    ] {
        let mut body = fields;
        body["name"] = json!("e");
        body["data"] = json!("1");
        world
            .trigger(&body)
            .is_refusal(400, "channel or channels is required");
    }
}

#[test]
fn a_hundred_channels_and_no_more() {
    let world = World::new();
    let channels: Vec<String> = (0..101).map(|number| format!("c{number}")).collect();
    let listener = world.listener(&HIDDEN, "", &["c0", "c99"]);
    world.trigger(&event(&json!(channels[..100]))).is("{}");
    assert_eq!(listener.heard().len(), 2);
    world
        .trigger(&event(&json!(channels)))
        .is_refusal(400, "101 channels in one request, the limit is 100");
    assert_eq!(listener.heard(), [""; 0]);
}

#[test]
fn data_may_be_empty_or_ten_kibibytes() {
    let world = World::new();
    let listener = world.listener(&HIDDEN, "", &["news"]);
    let trigger = |data: &str| {
        let body = json!({ "name": "e", "channel": "news", "data": data });
        world.trigger(&body)
    };
    let largest = "x".repeat(10_240);
    // Bytes of UTF-8 count, and not those of the escapes around them.
    let escaped = "\"".repeat(10_240);
    let wide = "é".repeat(5_120);
    for data in ["", &largest, &escaped, &wide] {
        trigger(data).is("{}");
        assert_eq!(listener.heard_data(), [data]);
    }
    for data in [format!("{largest}x"), format!("{wide}x")] {
        let error = "The data of event \"e\" is 10241 bytes long, the limit is 10240";
        trigger(&data).is_refusal(413, error);
    }
    assert_eq!(listener.heard(), [""; 0]);
}

#[test]
fn data_that_is_no_string_is_passed_as_its_text() {
    let world = World::new();
    let listener = world.listener(&HIDDEN, "", &["news"]);
    for (data, expect) in [
        (
            r#"{ "b":1,  "a":[1.0, 1e400] }"#,
            r#"{ "b":1,  "a":[1.0, 1e400] }"#,
        ),
        ("[]", "[]"),
        ("12345678901234567890", "12345678901234567890"),
        ("true", "true"),
        ("null", "null"),
        (r#""\u00e9\n""#, "é\n"),
    ] {
        let body = format!(r#"{{"name":"e","channel":"news","data":{data}}}"#);
        world.post(&HIDDEN, "events", &body).is("{}");
        assert_eq!(listener.heard_data(), [expect]);
    }
    let long = format!("[{}]", "1,".repeat(6_000) + "1");
    let body = format!(r#"{{"name":"e","channel":"news","data":{long}}}"#);
    assert_eq!(world.post(&HIDDEN, "events", &body).status, 413);
}

#[test]
fn event_names_have_1_to_200_characters_and_do_not_belong_to_the_protocol() {
    let world = World::new();
    let listener = world.listener(&HIDDEN, "", &["news"]);
    let named = |name: &str| world.trigger(&json!({ "name": name, "channel": "news", "data": "" }));
    for name in [
        "x",
        &"é".repeat(200),
        "client-e",
        "pusherx:e",
        "Pusher:e",
        "a pusher:e",
    ] {
        named(name).is("{}");
        assert_eq!(listener.heard().len(), 1, "{name}");
    }
    let reserved = |prefix: &str| {
        format!(
            "Invalid event name: event names beginning with {prefix:?} are reserved for the \
             protocol"
        )
    };
    for (name, error) in [
        ("", "Invalid event name: event name is empty".to_owned()),
        (
            &*"é".repeat(201),
            "Invalid event name: event name is 201 characters long, the limit is 200".to_owned(),
        ),
        ("pusher:ping", reserved("pusher:")),
        ("pusher_internal:member_added", reserved("pusher_internal:")),
    ] {
        named(name).is_refusal(400, &error);
    }
    assert_eq!(listener.heard(), [""; 0]);
}

#[test]
fn one_bad_channel_and_nothing_is_delivered() {
    let world = World::new();
    let longest = "c".repeat(200);
    let listener = world.listener(&HIDDEN, "", &["good", &longest]);
    world.trigger(&event(&json!([longest]))).is("{}");
    assert_eq!(listener.heard().len(), 1);
    let character = |name: &str, character: char| {
        format!(
            "Invalid channel {name:?}: channel name contains {character:?}; allowed are letters, \
             digits and _ - = @ , . ;"
        )
    };
    let too_long = "c".repeat(201);
    for (bad, error) in [
        ("no space", character("no space", ' ')),
        ("a:b", character("a:b", ':')),
        ("#private", character("#private", '#')),
        ("naïve", character("naïve", 'ï')),
        ("", "Invalid channel \"\": channel name is empty".to_owned()),
        (
            &*too_long,
            format!(
                "Invalid channel {longest:?}: channel name is 201 characters long, the limit is 200"
            ),
        ),
    ] {
        world
            .trigger(&event(&json!(["good", bad])))
            .is_refusal(400, &error);
        let body = json!({ "name": "e", "channel": bad, "channels": ["good"], "data": "1" });
        world.trigger(&body).is_refusal(400, &error);
    }
    assert_eq!(listener.heard(), [""; 0]);
}

#[test]
fn a_socket_id_is_left_out() {
    let world = World::new();
    let [one, other] = [(); 2].map(|()| world.listener(&HIDDEN, "", &["a", "b"]));
    let trigger = |socket_id: Value| {
        let body =
            json!({ "name": "e", "channels": ["a", "b"], "data": "1", "socket_id": socket_id });
        world.trigger(&body)
    };
    trigger(json!(one.socket_id())).is("{}");
    assert_eq!((one.heard().len(), other.heard().len()), (0, 2));
    // Absent in one way or another, or of nobody here.
    let foreign = ["52107.884321", "0.00", "99999999999999999999.1"];
    for socket_id in [json!(null), json!("")]
        .into_iter()
        .chain(foreign.map(|id| json!(id)))
    {
        trigger(socket_id).is("{}");
        assert_eq!((one.heard().len(), other.heard().len()), (2, 2));
    }
    let form = "Invalid socket_id: socket_id must be two groups of digits joined by a dot, such as \
                123.456";
    for malformed in ["1", "1.", ".1", "a.b", "1.2.3", "1.2\n", "-1.2", "1,2"] {
        trigger(json!(malformed)).is_refusal(400, form);
    }
    assert_eq!(trigger(json!(1.2)).status, 400);
    assert_eq!((one.heard().len(), other.heard().len()), (0, 0));
}

#[test]
fn what_is_missing_is_named() {
    let world = World::new();
    for (body, error) in [
        (json!({}), "name is required"),
        (json!({ "name": "e" }), "data is required"),
        (
            json!({ "name": "e", "data": "1" }),
            "channel or channels is required",
        ),
        (
            json!({ "name": null, "data": "1", "channel": "a" }),
            "name is required",
        ),
    ] {
        world.trigger(&body).is_refusal(400, error);
    }
    // Whatever else is there does not matter.
    let extra = json!({ "name": "e", "data": "1", "channel": "a", "user_data": { "x": [1] } });
    world.trigger(&extra).is("{}");
}

#[test]
fn over_capacity_is_told_before_anything_is_accepted() {
    let world = World::over_capacity();
    let listener = world.listener(&HIDDEN, "", &["news"]);
    for (path, body) in [
        (
            "events",
            json!({ "name": "e", "channels": ["quiet", "news"], "data": "1" }),
        ),
        (
            "batch_events",
            json!({ "batch": [
                { "name": "e", "channel": "quiet", "data": "1" },
                { "name": "e", "channel": "news", "data": "1" },
            ] }),
        ),
    ] {
        let answer = world.post(&HIDDEN, path, &body.to_string());
        answer.is_refusal(
            503,
            "channel news is over capacity: its queue is full; try again later",
        );
        assert_eq!(answer.headers["retry-after"], "1");
    }
    assert_eq!(listener.heard(), [""; 0]);
    assert_eq!(world.counter("foghorn_events_published_total", &[]), 0);
    world.trigger(&event(&json!(["quiet"]))).is("{}");
}
