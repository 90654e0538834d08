//! What requests leave in the counters.

use serde_json::json;

use crate::world::{DISABLED, HIDDEN, World};

#[test]
fn requests_are_counted_by_route_and_status() {
    let world = World::new();
    let event = json!({ "name": "e", "channels": ["a", "b"], "data": "1" });
    world.trigger(&event);
    world.trigger(&event);
    world.trigger(&json!({}));
    world.post(&HIDDEN, "batch_events", r#"{"batch":[]}"#);
    world.get(&HIDDEN, "channels", &[]);
    world.get(&HIDDEN, "channels/secret-name", &[]);
    world.get(&HIDDEN, "channels/secret-name/users", &[]);
    world.get(&HIDDEN, "channels/presence-a/users", &[]);
    world.get(&HIDDEN, "channels/secret-name/stats", &[]);
    world.post_with(
        &HIDDEN,
        "channels/secret-name/events",
        &[("name", "e")],
        b"1",
    );
    world.post(&HIDDEN, "users/secret-user/terminate_connections", "{}");
    world.get(&DISABLED, "channels", &[]);
    world.raw("GET", &HIDDEN.path("channels"), b"");
    world.raw("GET", "/apps/nobody/channels", b"");
    world.raw("GET", "/secret-path", b"");
    world.raw("PUT", &HIDDEN.path("events"), b"");
    let counted = |labels: &[(&str, &str)]| world.counter("foghorn_api_requests_total", labels);
    for (route, status, count) in [
        ("events", "200", 2),
        ("events", "400", 1),
        ("batch_events", "200", 1),
        ("channels", "200", 1),
        ("channels", "401", 1),
        ("channels", "403", 1),
        ("channels", "404", 1),
        ("channel", "200", 1),
        ("users", "200", 1),
        ("users", "400", 1),
        ("channel_stats", "200", 1),
        ("channel_events", "202", 1),
        ("terminate_connections", "200", 1),
        ("unknown", "404", 1),
    ] {
        let labels = [("route", route), ("status", status)];
        assert_eq!(counted(&labels), count, "{route} {status}");
    }
    assert_eq!(counted(&[("status", "405")]), 1);
    assert_eq!(counted(&[]), 16);
    let published = [("app_id", HIDDEN.id), ("origin", "api")];
    assert_eq!(
        world.counter("foghorn_events_published_total", &published),
        5
    );
}
