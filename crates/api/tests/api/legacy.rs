//! Endpoints that old back ends call (http-api.md §10).

use crate::world::{Answer, HIDDEN, SHARED, World};

fn publish(world: &World, channel: &str, params: &[(&str, &str)], body: &[u8]) -> Answer {
    world.post_with(&HIDDEN, &format!("channels/{channel}/events"), params, body)
}

#[test]
fn the_body_is_the_data() {
    let world = World::new();
    let listener = world.listener(&HIDDEN, "", &["news", "private-a@b"]);
    for data in [r#"{"a": 1}"#, "not JSON", "Zoë", ""] {
        publish(&world, "news", &[("name", "tick")], data.as_bytes()).is_with(202, "{}");
        assert_eq!(listener.heard_data(), [data]);
    }
    publish(&world, "private-a%40b", &[("name", "tick")], b"1").is_with(202, "{}");
    assert_eq!(
        listener.heard(),
        [r#"{"event":"tick","channel":"private-a@b","data":"1"}"#]
    );
}

#[test]
fn the_rest_is_in_the_parameters() {
    let world = World::new();
    let [one, other] = [(); 2].map(|()| world.listener(&HIDDEN, "", &["news"]));
    let socket_id = one.socket_id();
    let params = [
        ("name", "tick"),
        ("socket_id", &*socket_id),
        // These are for the other way to publish.
        ("channel", "elsewhere"),
        ("data", "ignored"),
        ("info", "user_count"),
    ];
    publish(&world, "news", &params, b"1").is_with(202, "{}");
    assert_eq!(one.heard_data(), [""; 0]);
    assert_eq!(other.heard_data(), ["1"]);
}

#[test]
fn parameters_are_signed() {
    let world = World::new();
    let listener = world.listener(&HIDDEN, "", &["news"]);
    let path = HIDDEN.path("channels/news/events");
    let query = HIDDEN.sign("POST", &path, &[("name", "tick")], b"1");
    let forged = query.replace("name=tick", "name=tock");
    assert_ne!(query, forged);
    let answer = world.raw("POST", &format!("{path}?{forged}"), b"1");
    assert_eq!(answer.status, 401);
    assert_eq!(listener.heard(), [""; 0]);
}

#[test]
fn what_is_wrong_is_told_as_elsewhere() {
    let world = World::new();
    let listener = world.listener(&HIDDEN, "", &["news"]);
    let largest = "x".repeat(10_240);
    let name = [("name", "e")];
    publish(&world, "news", &name, largest.as_bytes()).is_with(202, "{}");
    assert_eq!(listener.heard().len(), 1);
    for (channel, params, body, status, error) in [
        ("news", &[][..], &b"1"[..], 400, "name is required"),
        (
            "news",
            &[("name", "pusher:ping")],
            b"1",
            400,
            "Invalid event name: event names beginning with \"pusher:\" are reserved for the \
             protocol",
        ),
        (
            "news",
            &name,
            b"\xff",
            400,
            "The data of an event must be UTF-8",
        ),
        (
            "news",
            &name,
            format!("{largest}x").as_bytes(),
            413,
            "The data of event \"e\" is 10241 bytes long, the limit is 10240",
        ),
        (
            "news",
            &[("name", "e"), ("socket_id", "x")],
            b"1",
            400,
            "Invalid socket_id: socket_id must be two groups of digits joined by a dot, such as \
             123.456",
        ),
        (
            "no%20space",
            &name,
            b"1",
            400,
            "Invalid channel \"no space\": channel name contains ' '; allowed are letters, \
             digits and _ - = @ , . ;",
        ),
    ] {
        publish(&world, channel, params, body).is_refusal(status, error);
    }
    assert_eq!(listener.heard(), [""; 0]);
}

#[test]
fn stats_count_connections_and_on_presence_channels_users() {
    let world = World::new();
    let stats = |channel: &str, expect| {
        let path = format!("channels/{channel}/stats");
        // Hidden counts or not: these endpoints are older than the setting.
        world.get(&HIDDEN, &path, &[]).is(expect);
        world.get(&SHARED, &path, &[]).is(expect);
    };
    stats("news", r#"{"occupied":false,"connection_count":0}"#);
    stats(
        "presence-a",
        r#"{"occupied":false,"user_count":0,"connection_count":0}"#,
    );
    let _listeners = [&HIDDEN, &SHARED].map(|account| {
        ["ann", "ann", "zoe"].map(|user| world.listener(account, user, &["news", "presence-a"]))
    });
    stats("news", r#"{"occupied":true,"connection_count":3}"#);
    stats(
        "presence-a",
        r#"{"occupied":true,"user_count":2,"connection_count":3}"#,
    );
    let answer = world.get(&HIDDEN, "channels/a%20b/stats", &[]);
    assert_eq!(answer.status, 400);
}
