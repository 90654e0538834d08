//! The life of a connection on a node that is alone.

use std::time::Duration;

use foghorn_node::{Action, Handshake, Transport};
use foghorn_protocol::{Close, CloseCode, Moment};
use serde_json::json;

use crate::client::event;
use crate::site::{ONE, Site, TWO, handshake};

#[test]
fn from_the_greeting_to_the_last_trace() {
    let site = Site::alone();
    let mut client = site.open(ONE, "7");
    assert_eq!(
        client.texts(),
        [
            r#"{"event":"pusher:connection_established","data":"{\"socket_id\":\"1.0\",\"activity_timeout\":120}"}"#
        ]
    );
    client.subscribe("news");
    client.subscribe("private-orders");
    assert_eq!(site.gauge("foghorn_subscriptions", ONE), 2);
    assert_eq!(
        site.occupied(""),
        [("news".into(), 1), ("private-orders".into(), 1)]
    );
    assert_eq!(site.occupied("priv"), [("private-orders".into(), 1)]);
    site.publish(&["news", "private-orders", "nobody-there"], "1")
        .unwrap();
    client.unsubscribe("news");
    site.publish(&["news", "private-orders"], "2").unwrap();
    assert_eq!(
        client.heard(),
        [
            "pusher_internal:subscription_succeeded news {}",
            "pusher_internal:subscription_succeeded private-orders {}",
            "e news 1",
            "e private-orders 1",
            "e private-orders 2",
        ]
    );
    assert_eq!(site.occupancy("news"), (0, 0));
    let published = [("app_id", ONE), ("origin", "api")];
    assert_eq!(
        site.counter("foghorn_events_published_total", &published),
        5
    );
    assert_eq!(
        site.counter("foghorn_messages_received_total", &[("app_id", ONE)]),
        3
    );
    drop(client);
    site.assert_empty();
    assert_eq!(
        site.counter("foghorn_connections_opened_total", &[("app_id", ONE)]),
        1
    );
}

#[test]
fn whoever_drops_off_leaves_every_channel() {
    let site = Site::alone();
    let channels = [
        "news",
        "cache-x",
        "private-a",
        "private-encrypted-b",
        "presence-c",
    ];
    let mut clients = Vec::new();
    for user in ["a", "b", "a"] {
        let mut client = site.member("presence-c", user);
        channels[..4]
            .iter()
            .for_each(|channel| client.subscribe(channel));
        clients.push(client);
    }
    assert_eq!(site.node.channels(), channels.len());
    assert_eq!(site.gauge("foghorn_subscriptions", ONE), 15);
    assert_eq!(site.gauge("foghorn_connections", ONE), 3);
    assert_eq!(site.node.connections(), 3);
    clients.pop();
    assert!(
        channels
            .iter()
            .all(|channel| site.occupancy(channel).0 == 2)
    );
    assert_eq!(site.user_ids("presence-c"), ["a", "b"]);
    clients.clear();
    assert!(
        channels
            .iter()
            .all(|channel| site.occupancy(channel) == (0, 0))
    );
    site.assert_empty();
}

#[test]
fn refused_subscriptions_leave_no_trace() {
    let site = Site::alone();
    let mut client = site.client();
    let subscribe = |data| json!({ "event": "pusher:subscribe", "data": data });
    for data in [
        json!({ "channel": "no spaces" }),
        json!({ "channel": "private-a" }),
        json!({ "channel": "private-a", "auth": "key-one:00" }),
        json!({ "channel": "presence-a", "auth": "key-one:00", "channel_data": "{}" }),
    ] {
        client.say(&subscribe(data));
    }
    let letters = client.letters();
    assert_eq!(
        letters.iter().filter(|l| l.event == "pusher:error").count(),
        4
    );
    assert_eq!(site.node.channels(), 0);
    assert_eq!(site.gauge("foghorn_subscriptions", ONE), 0);
    // Twice is refused and counts once.
    client.subscribe("news");
    client.subscribe("news");
    assert_eq!(site.occupancy("news"), (1, 0));
    assert_eq!(site.gauge("foghorn_subscriptions", ONE), 1);
    client.unsubscribe("news");
    client.unsubscribe("news");
    assert_eq!(site.gauge("foghorn_subscriptions", ONE), 0);
    drop(client);
    site.assert_empty();
}

#[test]
fn apps_do_not_see_each_other() {
    let site = Site::alone();
    let one = site.subscriber("private-room");
    let mut two = site.open(TWO, "7");
    two.subscribe("private-room");
    two.subscribe("elsewhere");
    two.letters();
    site.publish(&["private-room", "elsewhere"], "1").unwrap();
    assert_eq!(one.heard(), ["e private-room 1"]);
    assert_eq!(two.heard(), [""; 0]);
    let client_event = json!({ "event": "client-e", "channel": "private-room", "data": "2" });
    two.say(&client_event);
    assert_eq!(one.heard(), [""; 0]);
    assert_eq!(site.occupied(""), [("private-room".into(), 1)]);
    let app = site.app(TWO);
    let occupied: Vec<String> = site
        .node
        .occupied(&app, "")
        .into_iter()
        .map(|(channel, _)| channel.to_string())
        .collect();
    assert_eq!(occupied, ["elsewhere", "private-room"]);
    site.node
        .publish(&app, &[event(&["private-room"], "3")], site.clock.now())
        .unwrap();
    assert_eq!(two.heard(), ["e private-room 3"]);
    assert_eq!(one.heard(), [""; 0]);
    assert_eq!(site.gauge("foghorn_connections", TWO), 1);
}

#[test]
fn an_event_reaches_everyone_but_the_excepted_socket() {
    let site = Site::alone();
    let [a, b, c] = ["news"; 3].map(|channel| site.subscriber(channel));
    let mut publish = event(&["news", "other"], "1");
    publish.except = Some(b.socket());
    site.node
        .publish(&site.app(ONE), &[publish], site.clock.now())
        .unwrap();
    assert_eq!(a.heard(), ["e news 1"]);
    assert_eq!(b.heard(), [""; 0]);
    assert_eq!(c.heard(), ["e news 1"]);
}

#[test]
fn one_copy_for_each_channel_of_the_publish() {
    let site = Site::alone();
    let mut client = site.subscriber("a");
    client.subscribe("b");
    client.letters();
    let events = [event(&["b", "a"], "1"), event(&["a"], "2")];
    site.node
        .publish(&site.app(ONE), &events, site.clock.now())
        .unwrap();
    assert_eq!(client.heard(), ["e b 1", "e a 1", "e a 2"]);
}

#[test]
fn silence_is_asked_about_and_then_ended() {
    let site = Site::alone();
    let mut client = site.client();
    let at = |seconds| Moment::from_start(Duration::from_secs(seconds));
    assert_eq!(client.connection.deadline(), at(120));
    assert_eq!(client.connection.on_timeout(at(119)), None);
    client.connection.on_activity(at(10));
    assert_eq!(client.connection.on_timeout(at(120)), None);
    assert_eq!(client.connection.on_timeout(at(130)), Some(Action::Ping));
    assert_eq!(client.connection.on_timeout(at(159)), None);
    let close = Close::new(CloseCode::PongNotReceived, "Pong reply not received");
    assert_eq!(
        client.connection.on_timeout(at(160)),
        Some(Action::Close(close))
    );
    assert_eq!(client.heard(), [""; 0]);
}

#[test]
fn closing_tells_old_clients_by_an_event() {
    let site = Site::alone();
    for (protocol, expect) in [
        ("5", &[r#"pusher:error  {"code":4200,"message":"bye"}"#][..]),
        ("7", &[]),
    ] {
        let mut client = site.open(ONE, protocol);
        client.letters();
        let close = Close::new(CloseCode::ReconnectImmediately, "bye");
        assert_eq!(client.close(close.clone()), Some(Action::Close(close)));
        assert_eq!(client.heard(), expect);
    }
}

#[test]
fn connections_are_counted_by_how_their_bytes_travel() {
    let site = Site::alone();
    let transports = [
        (Transport::WebSocket, "ws"),
        (Transport::XhrStreaming, "xhr_streaming"),
        (Transport::XhrPolling, "xhr_polling"),
    ];
    let counted = || transports.map(|(_, name)| site.connections_over(name));
    let mut expect = [(0, 0, 0); 3];
    for (at, (transport, _)) in transports.into_iter().enumerate() {
        let over_it = |key| Handshake {
            transport,
            ..handshake(key, Some("7"))
        };
        let client = site.connect(ONE, site.node.admit(&over_it("key-one")).unwrap());
        assert!(site.node.admit(&over_it("nobody")).is_err());
        expect[at] = (1, 1, 1);
        assert_eq!(counted(), expect);
        drop(client);
        expect[at].0 = 0;
        assert_eq!(counted(), expect);
    }
}
