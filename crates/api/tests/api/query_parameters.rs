//! An event in the query string of `events`, with an empty body (http-api.md §4).

use crate::world::{Answer, HIDDEN, World};

fn trigger(world: &World, params: &[(&str, &str)]) -> Answer {
    world.post_with(&HIDDEN, "events", params, b"")
}

#[test]
fn parameters_make_an_event() {
    let world = World::new();
    let [one, other] = [(); 2].map(|()| world.listener(&HIDDEN, "", &["a", "b"]));
    let (name, data) = ("name", "data");
    trigger(
        &world,
        &[(name, "e"), (data, r#"{"x": 1}"#), ("channel", "a")],
    )
    .is("{}");
    for listener in [&one, &other] {
        assert_eq!(
            listener.heard(),
            [r#"{"event":"e","channel":"a","data":"{\"x\": 1}"}"#]
        );
    }
    let socket_id = one.socket_id();
    let many = [
        (name, "e"),
        (data, ""),
        ("channels[]", "b"),
        ("channels[]", "a"),
        ("channels[]", "b"),
        ("socket_id", &socket_id),
        ("info", "user_count"),
    ];
    trigger(&world, &many).is(r#"{"channels":{"a":{},"b":{}}}"#);
    assert_eq!(one.heard().len(), 0);
    assert_eq!(other.heard_data(), ["", ""]);
}

#[test]
fn escapes_are_those_of_any_query() {
    let world = World::new();
    let listener = world.listener(&HIDDEN, "", &["a", "b"]);
    let path = HIDDEN.path("events");
    let params = [
        ("name", "e f"),
        ("data", "1 & 2"),
        ("channels[]", "a"),
        ("channels[]", "b"),
    ];
    let query = HIDDEN.sign("POST", &path, &params, b"");
    let query = query.replace("channels[]=", "channels%5B%5D=");
    assert!(!query.contains('['), "{query}");
    let query = query
        .replace("1 & 2", "1%20%26%202")
        .replace("e f", "e%20f");
    world.raw("POST", &format!("{path}?{query}"), b"").is("{}");
    assert_eq!(
        listener.heard(),
        ["a", "b"].map(|channel| {
            format!(r#"{{"event":"e f","channel":"{channel}","data":"1 & 2"}}"#)
        })
    );
}

#[test]
fn what_is_missing_or_wrong_is_named() {
    let world = World::new();
    let listener = world.listener(&HIDDEN, "", &["a"]);
    let (name, data, channel) = (("name", "e"), ("data", "1"), ("channel", "a"));
    for (params, error) in [
        (&[][..], "name is required"),
        (&[name, channel], "data is required"),
        (&[name, data], "channel or channels is required"),
        (
            &[name, data, channel, ("info", "age")],
            "Unknown attribute \"age\" in info",
        ),
        (
            &[name, data, channel, ("channels[]", "")],
            "Invalid channel \"\": channel name is empty",
        ),
    ] {
        trigger(&world, params).is_refusal(400, error);
    }
    assert_eq!(listener.heard(), [""; 0]);
}

/// A body says it all, or nothing.
#[test]
fn parameters_do_not_mix_with_a_body() {
    let world = World::new();
    let params = [("name", "e"), ("data", "1"), ("channel", "a")];
    world
        .post_with(&HIDDEN, "events", &params, b"{}")
        .is_refusal(400, "name is required");
    let body = br#"{"name":"f","data":"2","channel":"b"}"#;
    let listener = world.listener(&HIDDEN, "", &["a", "b"]);
    world.post_with(&HIDDEN, "events", &params, body).is("{}");
    assert_eq!(
        listener.heard(),
        [r#"{"event":"f","channel":"b","data":"2"}"#]
    );
    world
        .post_with(&HIDDEN, "batch_events", &params, b"")
        .is_refusal(400, "Invalid request body: must be a JSON object");
}
