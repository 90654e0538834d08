//! Bodies and requests that nobody should send, and everybody will.

use http::Request;
use proptest::prelude::*;
use serde_json::json;

use crate::world::{HIDDEN, NOW, World};

/// Deeper than any stack.
const DEEP: usize = 1_000_000;

#[test]
fn json_errors_are_400() {
    let world = World::new();
    let listener = world.listener(&HIDDEN, "", &["news"]);
    let object = "Invalid request body: must be a JSON object";
    // Without any body, the parameters of `events` count.
    world
        .post(&HIDDEN, "batch_events", "")
        .is_refusal(400, object);
    for path in ["events", "batch_events"] {
        for body in [
            " ",
            "[]",
            "null",
            "1",
            "\"{}\"",
            r#"["e","1","news"]"#,
            "\u{feff}{}",
        ] {
            world.post(&HIDDEN, path, body).is_refusal(400, object);
        }
    }
    for body in [
        r#"{"name":"e","channel":"news","data":"1""#,
        r#"{"name":"e","channel":"news","data":"1"}x"#,
        r#"{"name":"e","channel":"news","data":"1"}{}"#,
        r#"{"name":"e","channel":"news","data":}"#,
        r#"{"name":"e","channel":"news","data":"\ud800"}"#,
        r#"{"name":"e","channel":"news","data":nul}"#,
        r#"{"name":"e","channel":"news","data":"1","data":"2"}"#,
        r#"{"name":1,"channel":"news","data":"1"}"#,
        r#"{"name":"e","channel":["news"],"data":"1"}"#,
        r#"{"name":"e","channels":"news","data":"1"}"#,
        r#"{"name":"e","channels":["news",1],"data":"1"}"#,
        r#"{"name":"e","channels":["news",null],"data":"1"}"#,
        r#"{"name":"e","channel":"news","data":"1","socket_id":1}"#,
        r#"{"name":"e","channel":"news","data":"1","info":["user_count"]}"#,
        "{\"name\":\"e\",\"channel\":\"news\",\"data\":\"1\n\"}",
    ] {
        let answer = world.post(&HIDDEN, "events", body);
        assert_eq!(answer.status, 400, "{body}");
        let error = r#"{"error":"Invalid request body: "#;
        assert!(answer.body.starts_with(error), "{body}: {}", answer.body);
    }
    assert_eq!(listener.heard(), [""; 0]);
}

#[test]
fn a_body_that_is_not_utf8_is_400() {
    let world = World::new();
    let path = HIDDEN.path("events");
    for body in [
        &b"{\"name\":\"e\",\"channel\":\"news\",\"data\":\"\xff\"}"[..],
        b"{\"name\":\"\xc3\",\"channel\":\"news\",\"data\":\"1\"}",
        b"\xff",
    ] {
        let query = HIDDEN.sign("POST", &path, &[], body);
        let answer = world.raw("POST", &format!("{path}?{query}"), body);
        assert_eq!(answer.status, 400, "{}", answer.body);
    }
}

#[test]
fn depth_of_nesting_does_not_cost_stack() {
    let world = World::new();
    let (opened, closed) = ("[".repeat(DEEP), "]".repeat(DEEP));
    let objects = r#"{"a":"#.repeat(DEEP) + "1" + &"}".repeat(DEEP);
    let rest = r#""name":"e","channel":"news","data":"1""#;
    for (path, body, status) in [
        // Top level.
        ("events", opened.clone(), 400),
        ("events", format!("{opened}{closed}"), 400),
        ("events", objects.clone(), 400),
        ("batch_events", opened.clone(), 400),
        // A field that is ignored.
        ("events", format!(r#"{{"x":{opened}{closed},{rest}}}"#), 200),
        ("events", format!(r#"{{"x":{objects},{rest}}}"#), 200),
        ("events", format!(r#"{{"x":{opened}"#), 400),
        (
            "batch_events",
            format!(r#"{{"x":{opened}{closed},"batch":[]}}"#),
            200,
        ),
        (
            "batch_events",
            format!(r#"{{"batch":[{{"x":{objects},{rest}}}]}}"#),
            200,
        ),
        // Data, which is passed on as text.
        (
            "events",
            format!(r#"{{"name":"e","channel":"news","data":{opened}{closed}}}"#),
            413,
        ),
        (
            "events",
            format!(r#"{{"name":"e","channel":"news","data":{opened}"#),
            400,
        ),
        (
            "events",
            format!(r#"{{"name":"e","channel":"news","data":{objects}}}"#),
            413,
        ),
        // Fields of another type.
        ("events", format!(r#"{{"name":{opened}{closed}}}"#), 400),
        ("events", format!(r#"{{"channels":{opened}{closed}}}"#), 400),
        ("events", format!(r#"{{"info":{objects}}}"#), 400),
        (
            "batch_events",
            format!(r#"{{"batch":{opened}{closed}}}"#),
            400,
        ),
        ("batch_events", format!(r#"{{"batch":{objects}}}"#), 400),
    ] {
        let answer = world.post(&HIDDEN, path, &body);
        let start: String = body.chars().take(40).collect();
        assert_eq!(answer.status, status, "{start}…: {}", answer.body);
    }
}

#[test]
fn what_was_sent_comes_back_cut_short() {
    let world = World::new();
    let long = "x".repeat(100_000);
    for body in [
        json!({ "name": long, "channel": "news", "data": "1" }),
        json!({ "name": "e", "channel": long, "data": "1" }),
        json!({ "name": "e", "channel": "news", "data": "1", "info": long }),
        json!({ "name": "e", "channel": "news", "data": "1", "socket_id": long }),
        json!({ "name": "e", "channel": "news", "data": long }),
        json!({ "name": "e", "channels": long, "data": "1" }),
        json!({ "name": { long.clone(): 1 }, "data": "1" }),
    ] {
        let answer = world.trigger(&body);
        assert!(matches!(answer.status, 400 | 413), "{}", answer.status);
        let length = answer.body.len();
        assert!(length < 2_000, "{length} bytes: {:.60}…", answer.body);
    }
    let batch = json!({ "batch": long }).to_string();
    let answer = world.post(&HIDDEN, "batch_events", &batch);
    assert!(answer.body.len() < 2_000, "{} bytes", answer.body.len());
}

/// Paths that lead somewhere, and pieces of others.
fn path() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "apps",
            "4242",
            "shared-app",
            "events",
            "batch_events",
            "channels",
            "users",
            "terminate_connections",
            "stats",
            "news",
            "presence-a",
            "%40",
            "%",
            "%zz",
            "%ff",
            "",
        ])
        .prop_map(str::to_owned),
        "[!-~]{0,8}",
    ];
    let pieces = prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.join("/"));
    let known = prop::sample::select(vec![
        "events",
        "batch_events",
        "channels",
        "channels/presence-a",
        "channels/news/users",
        "channels/cache-a",
        "channels/news/events",
        "channels/news/stats",
        "users/ann/terminate_connections",
    ])
    .prop_map(|path| HIDDEN.path(path));
    prop_oneof![pieces.prop_map(|path| format!("/{path}")), known]
}

/// Bodies that nearly are requests.
fn body() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"name\"",
        "\"data\"",
        "\"channel\"",
        "\"channels\"",
        "\"batch\"",
        "\"info\"",
        "\"socket_id\"",
        "\"e\"",
        "\"news\"",
        "\"user_count\"",
        "null",
        "1",
        "\"\\",
        "\"\\ud800\"",
        " ",
    ]);
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..200),
        prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat().into_bytes()),
    ]
}

/// Each field any of a few values, most of them wrong.
fn near_event() -> impl Strategy<Value = Vec<u8>> {
    let value = prop::sample::select(vec![
        json!(null),
        json!("e"),
        json!(""),
        json!(1),
        json!(["news"]),
        json!([]),
        json!({}),
        json!("user_count"),
        json!("1.2"),
    ]);
    let names = [
        "name",
        "data",
        "channel",
        "channels",
        "socket_id",
        "info",
        "batch",
    ];
    let field = (prop::sample::select(names.to_vec()), value);
    prop::collection::vec(field, 0..7).prop_map(|fields| {
        let object: serde_json::Map<_, _> = fields
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        json!(object).to_string().into_bytes()
    })
}

fn status_is_known(status: u16) -> bool {
    matches!(status, 200 | 202 | 400 | 401 | 404 | 405 | 413)
}

proptest! {
    /// What every answer must be is checked where it is read.
    #[test]
    fn any_bytes_get_an_answer(
        method in "GET|POST|PUT|[A-Z]{1,7}",
        path in path(),
        query in prop_oneof!["[!-~]{0,60}", "(auth_key=k7f3d0c1b2a39485|auth_version=1.0|auth_timestamp=[0-9]{0,22}|body_md5=[0-9a-f]{0,33}|&|%){0,9}"],
        body in body(),
        now: u64,
    ) {
        let head = Request::builder().method(&*method).uri(format!("{path}?{query}")).body(());
        // What is no URI does not get as far as the API.
        prop_assume!(head.is_ok());
        let answer = World::new().send(&head.unwrap(), &body, now);
        prop_assert!(status_is_known(answer.status), "{} {}", answer.status, answer.body);
        prop_assert_ne!(answer.status, 200);
    }

    #[test]
    fn any_signed_bytes_get_an_answer(
        path in path(),
        name in "\\PC{0,8}",
        value in "\\PC{0,8}",
        body in prop_oneof![body(), near_event()],
    ) {
        let params = [(&*name, &*value), ("info", &*value), ("filter_by_prefix", &*name)];
        for method in ["GET", "POST"] {
            let query = HIDDEN.sign(method, &path, &params, &body);
            let uri = format!("{path}?{query}");
            let head = Request::builder().method(method).uri(uri).body(());
            prop_assume!(head.is_ok());
            let answer = World::new().send(&head.unwrap(), &body, NOW);
            prop_assert!(status_is_known(answer.status), "{} {}", answer.status, answer.body);
        }
    }
}
