//! Paths, methods, headers, and errors of the transport (http-api.md §1, §2 and §12).

use foghorn_api::ApiError;
use foghorn_protocol::UnixSeconds;
use http::{HeaderValue, Request};

use crate::world::{Answer, HIDDEN, NOW, World, head, read_head};

#[test]
fn unknown_paths_are_404() {
    let world = World::new();
    for path in [
        "/",
        "/apps",
        "/apps/4242",
        "/apps/4242/",
        "/apps/4242/nothing",
        "/apps/4242/Events",
        "/apps/4242/channels//users",
        "/apps/4242/channels/a/members",
        "/apps/4242/channels/a/users/b",
        "/apps/4242/users",
        "/apps/4242/users/ann",
        "/apps/4242/users//terminate_connections",
        "/apps/4242/users/ann/terminate_connections/now",
        "/apps/4242/channels//stats",
        "/users/ann",
        "/users//terminate_connections",
        // Of all paths, one alone needs no app.
        "/events",
        "/channels",
        "/channels/news/stats",
        "//apps/4242/channels",
        "/app/k7f3d0c1b2a39485",
        "/metrics",
    ] {
        for method in ["GET", "POST", "DELETE"] {
            world.raw(method, path, b"").is_refusal(404, "Unknown path");
        }
    }
}

#[test]
fn a_trailing_slash_is_404() {
    let world = World::new();
    for (method, path) in [
        ("POST", "events/"),
        ("POST", "batch_events/"),
        ("GET", "channels/"),
        ("GET", "channels/news/"),
        ("GET", "channels/presence-a/users/"),
        ("GET", "channels/news/stats/"),
        ("POST", "channels/news/events/"),
        ("POST", "users/ann/terminate_connections/"),
    ] {
        let path = HIDDEN.path(path);
        let query = HIDDEN.sign(method, &path, &[], b"");
        let answer = world.raw(method, &format!("{path}?{query}"), b"");
        answer.is_refusal(404, "Unknown path");
    }
}

#[test]
fn unknown_apps_are_404() {
    let world = World::new();
    for (id, shown) in [
        ("4243", "4243"),
        ("k7f3d0c1b2a39485", "k7f3d0c1b2a39485"),
        ("", ""),
    ] {
        let path = format!("/apps/{id}/channels");
        let query = HIDDEN.sign("GET", &path, &[], b"");
        let answer = world.raw("GET", &format!("{path}?{query}"), b"");
        answer.is_refusal(404, &format!("Unknown app {shown:?}"));
    }
    // An id is an id however it is written.
    let path = "/apps/%34242/channels";
    let query = HIDDEN.sign("GET", path, &[], b"");
    world
        .raw("GET", &format!("{path}?{query}"), b"")
        .is(r#"{"channels":{}}"#);
    let long = world.raw("GET", &format!("/apps/{}/channels", "x".repeat(9_000)), b"");
    long.is_refusal(404, &format!("Unknown app {:?}", "x".repeat(200)));
}

#[test]
fn another_method_is_405_and_told_which() {
    let world = World::new();
    for (path, allow) in [
        ("events", "POST"),
        ("batch_events", "POST"),
        ("channels", "GET"),
        ("channels/news", "GET"),
        ("channels/presence-a/users", "GET"),
        ("channels/news/stats", "GET"),
        ("channels/news/events", "POST"),
        ("users/ann/terminate_connections", "POST"),
        // Python's path, which names no app.
        ("/users/ann/terminate_connections", "POST"),
    ] {
        let path = match path.starts_with('/') {
            true => path.to_owned(),
            false => HIDDEN.path(path),
        };
        for method in ["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "get"] {
            if method == allow {
                continue;
            }
            let answer = world.raw(method, &path, b"");
            answer.is_refusal(405, &format!("Method not allowed, use {allow}"));
            assert_eq!(answer.headers["allow"], allow);
        }
    }
}

fn trigger_with(world: &World, name: &'static str, value: &HeaderValue) -> Answer {
    let path = HIDDEN.path("events");
    let body = br#"{"name":"e","channel":"news","data":"1"}"#;
    let query = HIDDEN.sign("POST", &path, &[], body);
    let mut request: Request<()> = head("POST", &format!("{path}?{query}"));
    request.headers_mut().insert(name, value.clone());
    world.send(&request, body, NOW)
}

#[test]
fn a_compressed_body_is_415() {
    let world = World::new();
    for encoding in ["gzip", "br", "deflate", "identity, gzip"] {
        let value = HeaderValue::from_static(encoding);
        let error = format!("Content-Encoding {encoding:?} is not supported");
        trigger_with(&world, "content-encoding", &value).is_refusal(415, &error);
    }
    let opaque = HeaderValue::from_bytes(b"\xff\xfe").unwrap();
    assert_eq!(
        trigger_with(&world, "content-encoding", &opaque).status,
        415
    );
    let identity = HeaderValue::from_static("identity");
    trigger_with(&world, "content-encoding", &identity).is("{}");
}

#[test]
fn the_content_type_does_not_matter() {
    let world = World::new();
    for content_type in [
        "application/json",
        "text/plain",
        "application/x-www-form-urlencoded",
        "",
    ] {
        let value = HeaderValue::from_static(content_type);
        trigger_with(&world, "content-type", &value).is("{}");
    }
}

/// The shell reads bodies; what it could not read is answered here all the same.
#[test]
fn a_body_that_cannot_be_had_is_answered_like_everything_else() {
    let world = World::new();
    let path = HIDDEN.path("events");
    let query = HIDDEN.sign("POST", &path, &[], b"a body that never arrives");
    let request = head("POST", &format!("{path}?{query}"));
    for (error, status, text) in [
        (
            ApiError::BodyTooLarge {
                length: 2_000_000,
                limit: 1_048_576,
            },
            413,
            "The request body has 2000000 bytes or more, the limit is 1048576",
        ),
        (
            ApiError::BodyTooSlow { seconds: 30 },
            408,
            "The request body did not arrive within 30 seconds",
        ),
    ] {
        let call = world
            .api()
            .begin(&read_head(&request), UnixSeconds(NOW))
            .unwrap();
        let answer = Answer::read(world.api().give_up(&call, &error));
        answer.is_refusal(status, text);
    }
    let labels = [("route", "events"), ("status", "413")];
    assert_eq!(world.counter("foghorn_api_requests_total", &labels), 1);
}
