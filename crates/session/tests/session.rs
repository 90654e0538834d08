//! A session against a recording host: what comes in, what goes out, word for word.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::sync::Arc;
use std::time::Duration;

use foghorn_auth::{AppKey, Credential, KeyRing, Secret, sign_channel};
use foghorn_protocol::{
    ChannelName, Close, Frame, Limits, Member, Moment, ProtocolVersion, Rate, SocketId, UserId,
};
use foghorn_session::{
    Busy, ClientEvents, Host, Policy, Session, SubscribeRefused, SubscriptionErrors, Timing,
};
use proptest::prelude::*;

#[derive(Default)]
struct Record {
    out: Vec<String>,
    full: bool,
    busy: bool,
}

impl Host for Record {
    fn send(&mut self, frame: Frame) {
        self.out
            .push(String::from_utf8(frame.text().to_vec()).unwrap());
    }
    fn ping(&mut self) {
        self.out.push("PING".to_owned());
    }
    fn close(&mut self, close: Close) {
        self.out.push(format!(
            "CLOSE {} {}",
            close.code().number(),
            close.reason()
        ));
    }
    fn subscribe(
        &mut self,
        channel: &ChannelName,
        member: Option<Member>,
    ) -> Result<(), SubscribeRefused> {
        if self.full {
            return Err(SubscribeRefused::Full { limit: 100 });
        }
        let user = member
            .map(|m| format!(" as {}", m.user_id))
            .unwrap_or_default();
        self.out.push(format!("SUBSCRIBE {channel}{user}"));
        Ok(())
    }
    fn unsubscribe(&mut self, channel: &ChannelName, user: Option<&UserId>) {
        let user = user.map(|u| format!(" as {u}")).unwrap_or_default();
        self.out.push(format!("UNSUBSCRIBE {channel}{user}"));
    }
    fn publish(&mut self, channel: &ChannelName, frame: Frame) -> Result<(), Busy> {
        if self.busy {
            return Err(Busy);
        }
        self.out.push(format!(
            "PUBLISH {channel} {}",
            String::from_utf8_lossy(frame.text())
        ));
        Ok(())
    }
}

const SOCKET: (u64, &str) = ((52107 << 32) | 884_321, "52107.884321");

fn credential() -> Credential {
    Credential {
        key: AppKey::parse("k7f3d0c1b2a39485").unwrap(),
        secret: Secret::parse("s3cr3t-9f8e7d6c5b4a").unwrap(),
    }
}

fn policy(client_events: ClientEvents) -> Policy {
    Policy {
        keys: KeyRing::new(vec![credential()]).unwrap(),
        limits: Limits::default(),
        client_events,
        subscription_errors: SubscriptionErrors::ToConnectionAndChannel,
        timing: Timing::default(),
    }
}

struct World {
    session: Session,
    host: Record,
    now: Moment,
}

impl World {
    fn with(policy: Policy, protocol: &str) -> Self {
        let mut host = Record::default();
        let now = Moment::from_start(Duration::from_secs(1));
        let protocol = ProtocolVersion::parse(protocol).unwrap();
        let socket = SocketId::from_random(SOCKET.0);
        let session = Session::open(socket, protocol, Arc::new(policy), now, &mut host);
        Self { session, host, now }
    }

    fn new() -> Self {
        let mut world = Self::with(policy(ClientEvents::Allowed), "7");
        world.host.out.clear();
        world
    }

    /// Feeds one message and returns what came of it.
    fn feed(&mut self, text: &str) -> Vec<String> {
        self.session.on_text(text, self.now, &mut self.host);
        std::mem::take(&mut self.host.out)
    }

    fn check(&mut self, text: &str, expect: &[&str]) {
        assert_eq!(self.feed(text), expect, "{text}");
    }

    fn later(&mut self, millis: u64) {
        self.now = self.now.after(Duration::from_millis(millis));
    }
}

fn auth(channel: &str, data: Option<&str>) -> String {
    sign_channel(&credential(), SOCKET.1, channel, data)
}

fn subscribe(channel: &str, auth: &str, data: Option<&str>) -> String {
    let mut message = serde_json::json!({"event": "pusher:subscribe",
        "data": {"channel": channel, "auth": auth}});
    if let Some(data) = data {
        message["data"]["channel_data"] = data.into();
    }
    message.to_string()
}

fn error(message: &str) -> String {
    let message = serde_json::to_string(message).unwrap();
    format!(r#"{{"event":"pusher:error","data":{{"code":null,"message":{message}}}}}"#)
}

#[test]
fn the_greeting_comes_first() {
    let world = World::with(policy(ClientEvents::Allowed), "7");
    assert_eq!(
        world.host.out,
        [
            r#"{"event":"pusher:connection_established","data":"{\"socket_id\":\"52107.884321\",\"activity_timeout\":120}"}"#
        ]
    );
}

#[test]
fn pings_are_answered_and_pongs_are_not() {
    let mut world = World::new();
    let pong = r#"{"event":"pusher:pong","data":"{}"}"#;
    world.check(r#"{"event":"pusher:ping","data":{}}"#, &[pong]);
    world.check(r#"{"event":"pusher:ping"}"#, &[pong]);
    world.check(r#"{"event":"pusher:pong","data":{}}"#, &[]);
}

#[test]
fn subscribing_and_unsubscribing() {
    let mut world = World::new();
    world.check(&subscribe("news", "", None), &["SUBSCRIBE news"]);
    world.check(
        &subscribe("news", "", None),
        &[&error("Existing subscription to channel news")],
    );
    let data = r#"{"user_id":17,"user_info":{"nick":"Zoë"}}"#;
    world.check(
        &subscribe(
            "presence-lobby",
            &auth("presence-lobby", Some(data)),
            Some(data),
        ),
        &["SUBSCRIBE presence-lobby as 17"],
    );
    assert_eq!(world.session.subscriptions(), 2);
    let unsubscribe = r#"{"event":"pusher:unsubscribe","data":{"channel":"presence-lobby"}}"#;
    world.check(unsubscribe, &["UNSUBSCRIBE presence-lobby as 17"]);
    world.check(
        unsubscribe,
        &[&error(
            "No current subscription to channel presence-lobby, or subscription in progress",
        )],
    );
    world.session.end(&mut world.host);
    assert_eq!(world.host.out, ["UNSUBSCRIBE news"]);
    assert_eq!(world.session.subscriptions(), 0);
}

/// Each authenticated prefix, each way of being wrong: refused, told, and the session goes on.
#[test]
fn wrong_papers_are_refused_on_every_authenticated_prefix() {
    for prefix in [
        "private-",
        "private-cache-",
        "private-encrypted-",
        "private-encrypted-cache-",
        "presence-",
        "presence-cache-",
    ] {
        let channel = format!("{prefix}x");
        let presence = prefix.starts_with("presence");
        let data = presence.then_some(r#"{"user_id":"u"}"#);
        let good = auth(&channel, data);
        let other_socket = sign_channel(&credential(), "1.1", &channel, data);
        let wrong_key = good.replacen('k', "z", 1);
        for bad in [
            "",
            "k7f3d0c1b2a39485",
            "k7f3d0c1b2a39485:",
            "k7f3d0c1b2a39485:00",
            &other_socket,
            &wrong_key,
            &auth("private-y", data),
            &format!("{good}0"),
        ] {
            let mut world = World::new();
            let out = world.feed(&subscribe(&channel, bad, data));
            assert!(
                out[0].starts_with(r#"{"event":"pusher:error","data":{"code":null"#),
                "{out:?}"
            );
            let told_twice = !prefix.contains("encrypted");
            assert_eq!(out.len(), if told_twice { 2 } else { 1 }, "{out:?}");
            let digest = good.split_once(':').unwrap().1;
            assert!(
                bad.contains(digest) || !out.concat().contains(digest),
                "never the expected digest"
            );
            world.check(
                &subscribe(&channel, &good, data),
                &[&format!(
                    "SUBSCRIBE {channel}{}",
                    if presence { " as u" } else { "" }
                )],
            );
        }
        // Re-serialised channel_data is other data.
        if presence {
            let mut world = World::new();
            let out = world.feed(&subscribe(&channel, &good, Some(r#"{"user_id": "u"}"#)));
            assert!(out[0].contains("Invalid signature"), "{out:?}");
        }
    }
}

#[test]
fn refusals_are_worded_as_people_search_for_them() {
    let mut world = World::new();
    world.check(
        &subscribe("private-orders", "", None),
        &[
            &error("Auth info required to subscribe to private-orders"),
            r#"{"event":"pusher:subscription_error","channel":"private-orders","data":"{\"type\":\"AuthError\",\"error\":\"Auth info required to subscribe to private-orders\",\"status\":401}"}"#,
        ],
    );
    let out = world.feed(&subscribe("private-orders", "k7f3d0c1b2a39485:abcd", None));
    assert!(out[0].contains(
        "Invalid signature: Expected HMAC SHA256 hex digest of 52107.884321:private-orders, but got "
    ));
    let out = world.feed(&subscribe("private-orders", "other:abcd", None));
    assert!(
        out[0].contains("Invalid key in subscription auth data: 'other'"),
        "{out:?}"
    );
    let out = world.feed(&subscribe("a#b", "", None));
    assert!(out[0].contains("channel name contains '#'"), "{out:?}");
    assert_eq!(out.len(), 1);
    world.host.full = true;
    let data = r#"{"user_id":"u"}"#;
    let out = world.feed(&subscribe(
        "presence-x",
        &auth("presence-x", Some(data)),
        Some(data),
    ));
    assert_eq!(
        out[0],
        error("Presence channel presence-x is full (100 members)")
    );
    assert!(
        out[1].contains(r#"\"type\":\"LimitReached\""#) && out[1].contains("4100"),
        "{out:?}"
    );
}

#[test]
fn presence_data_is_checked_after_its_signature() {
    let mut world = World::new();
    let out = world.feed(&subscribe("presence-x", &auth("presence-x", None), None));
    assert!(
        out[0].contains("channel_data with a user_id is required"),
        "{out:?}"
    );
    let large = format!(
        r#"{{"user_id":"u","user_info":{{"x":"{}"}}}}"#,
        "x".repeat(2_048)
    );
    for (data, expect, status) in [
        ("{}", "no user_id", "401"),
        (
            r#"{"user_id":"u","user_info":7}"#,
            "user_info must be an object",
            "401",
        ),
        (&large, "the limit is 2048", "4301"),
    ] {
        let papers = auth("presence-x", Some(data));
        let out = world.feed(&subscribe("presence-x", &papers, Some(data)));
        assert!(out[0].contains(expect), "{out:?}");
        assert!(
            out[1].contains(&format!("\\\"status\\\":{status}")),
            "{out:?}"
        );
    }
}

#[test]
fn a_private_channel_takes_signatures_with_and_without_its_channel_data() {
    for signed in [None, Some(r#"{"note":"x"}"#)] {
        let mut world = World::new();
        let papers = auth("private-orders", signed);
        world.check(
            &subscribe("private-orders", &papers, Some(r#"{"note":"x"}"#)),
            &["SUBSCRIBE private-orders"],
        );
    }
}

#[test]
fn protocol_5_hears_the_error_before_the_close() {
    for (protocol, expect) in [("4", 2), ("5", 2), ("6", 1), ("7", 1)] {
        let mut world = World::with(policy(ClientEvents::Allowed), protocol);
        world.host.out.clear();
        world.later(120_000);
        world.session.on_timeout(world.now, &mut world.host);
        world.later(30_000);
        world.session.on_timeout(world.now, &mut world.host);
        assert_eq!(world.host.out[0], "PING");
        assert_eq!(world.host.out.len() - 1, expect, "{:?}", world.host.out);
        assert_eq!(
            world.host.out.last().unwrap(),
            "CLOSE 4201 Pong reply not received"
        );
        if expect == 2 {
            assert!(world.host.out[1].contains(r#""data":{"code":4201,"#));
        }
    }
}

#[test]
fn silence_is_asked_about_once_and_any_sign_of_life_counts() {
    let mut world = World::new();
    world.later(119_999);
    world.session.on_timeout(world.now, &mut world.host);
    assert!(world.host.out.is_empty());
    world.later(1);
    assert_eq!(world.session.deadline(), world.now);
    world.session.on_timeout(world.now, &mut world.host);
    world.session.on_timeout(world.now, &mut world.host);
    assert_eq!(world.host.out, ["PING"]);
    world.later(29_999);
    world.session.on_activity(world.now);
    world.later(1);
    world.session.on_timeout(world.now, &mut world.host);
    assert_eq!(world.host.out, ["PING"]);
    assert_eq!(
        world.session.deadline(),
        world.now.after(Duration::from_millis(119_999))
    );
}

fn subscribed_world() -> World {
    let mut world = World::new();
    let data = r#"{"user_id":"u-17"}"#;
    world.feed(&subscribe(
        "presence-lobby",
        &auth("presence-lobby", Some(data)),
        Some(data),
    ));
    world.feed(&subscribe("private-x", &auth("private-x", None), None));
    world.feed(&subscribe(
        "private-encrypted-x",
        &auth("private-encrypted-x", None),
        None,
    ));
    world.feed(&subscribe("news", "", None));
    world
}

#[test]
fn client_events_are_passed_on_with_the_true_sender() {
    let mut world = subscribed_world();
    world.check(
        r#"{"event":"client-typing","channel":"presence-lobby","data":{"on":true},"user_id":"forged"}"#,
        &[r#"PUBLISH presence-lobby {"event":"client-typing","channel":"presence-lobby","data":"{\"on\":true}","user_id":"u-17"}"#],
    );
    world.check(
        r#"{"event":"client-a","channel":"private-x","data":"text"}"#,
        &[r#"PUBLISH private-x {"event":"client-a","channel":"private-x","data":"text"}"#],
    );
    let sealed = r#"{"event":"client-a","channel":"private-encrypted-x","data":{"nonce":"n","ciphertext":"c"}}"#;
    assert!(world.feed(sealed)[0].starts_with("PUBLISH private-encrypted-x"));
}

#[test]
fn client_events_are_refused_by_rule() {
    let long_name = format!("client-{}", "x".repeat(194));
    let long_data = "x".repeat(10_241);
    for (event, channel, data, expect) in [
        (
            "client-a",
            "news",
            "1",
            "neither a private nor a presence channel",
        ),
        (
            "client-a",
            "cache-x",
            "1",
            "neither a private nor a presence channel",
        ),
        (
            "client-a",
            "private-other",
            "1",
            "not subscribed to private-other",
        ),
        (
            "client-a",
            "private encrypted",
            "1",
            "channel name contains",
        ),
        (
            "client-a",
            "private-encrypted-x",
            "{}",
            "must hold nonce and ciphertext",
        ),
        (
            &long_name,
            "private-x",
            "1",
            "event name is 201 characters long, the limit is 200",
        ),
        (
            "client-a",
            "private-x",
            &long_data,
            "data is 10241 bytes long, the limit is 10240",
        ),
    ] {
        let mut world = subscribed_world();
        let message = serde_json::json!({"event": event, "channel": channel, "data": data});
        let out = world.feed(&message.to_string());
        assert_eq!(out.len(), 1, "{out:?}");
        assert!(
            out[0].contains(r#""code":null"#) && out[0].contains(expect),
            "{out:?}"
        );
    }
}

#[test]
fn client_events_need_channel_data_permission_and_room() {
    let mut world = subscribed_world();
    for text in [
        r#"{"event":"client-a","channel":"private-x"}"#,
        r#"{"event":"client-a","data":"x"}"#,
    ] {
        world.check(
            text,
            &[&error(
                "Invalid client event (must contain channel and data)",
            )],
        );
    }
    let mut world = World::with(policy(ClientEvents::Refused), "7");
    world.host.out.clear();
    let out = world.feed(r#"{"event":"client-a","channel":"private-x","data":1}"#);
    assert!(out[0].contains("To send client events, you must enable this feature in the Settings"));
    let mut world = subscribed_world();
    world.host.busy = true;
    let out = world.feed(r#"{"event":"client-a","channel":"private-x","data":1}"#);
    assert!(out[0].contains("over capacity"), "{out:?}");
}

#[test]
fn the_eleventh_client_event_of_a_second_is_4301_and_not_passed_on() {
    let mut world = subscribed_world();
    let message = r#"{"event":"client-a","channel":"private-x","data":1}"#;
    for _ in 0..10 {
        assert!(world.feed(message)[0].starts_with("PUBLISH"));
    }
    world.check(message, &[r#"{"event":"pusher:error","data":{"code":4301,"message":"The client event rate limit of 10 per second has been exceeded"}}"#]);
    world.later(100);
    assert!(world.feed(message)[0].starts_with("PUBLISH"));
    let limits = Limits {
        client_events_per_second: Rate::Unlimited,
        ..Limits::default()
    };
    let mut world = World::with(
        Policy {
            limits,
            ..policy(ClientEvents::Allowed)
        },
        "7",
    );
    world.feed(&subscribe("private-x", &auth("private-x", None), None));
    assert!((0..1_000).all(|_| world.feed(message)[0].starts_with("PUBLISH")));
}

#[test]
fn nonsense_is_answered_and_the_session_goes_on() {
    let mut world = World::new();
    for text in ["", "null", "{", "[1]", r#"{"event":1}"#] {
        let out = world.feed(text);
        assert!(out[0].contains("Invalid message"), "{text}: {out:?}");
    }
    world.check(
        r#"{"event":"pusher:nope","data":{}}"#,
        &[&error(
            "Unsupported event received on socket: 'pusher:nope'",
        )],
    );
    let long = format!(r#"{{"event":"{}"}}"#, "x".repeat(60_000));
    assert!(
        world.feed(&long)[0].len() < 400,
        "what comes back is bounded"
    );
}

proptest! {
    /// Any input keeps the session's books equal to what it asked of its host.
    #[test]
    fn subscriptions_are_what_the_host_was_asked_for(
        steps in prop::collection::vec((any::<bool>(), 0usize..4), 0..40)
    ) {
        let mut world = World::new();
        let mut model = std::collections::BTreeSet::new();
        let names = ["a", "private-b", "my-private-c", "bad name"];
        for (join, at) in steps {
            let name = names[at];
            let out = if join {
                world.feed(&subscribe(name, &auth(name, None), None))
            } else {
                world.feed(&format!(r#"{{"event":"pusher:unsubscribe","data":{{"channel":"{name}"}}}}"#))
            };
            prop_assert_eq!(out.len(), 1);
            let changed = name != "bad name" && if join { model.insert(name) } else { model.remove(name) };
            prop_assert_eq!(out[0].contains("SUBSCRIBE"), changed);
            prop_assert_eq!(world.session.subscriptions(), model.len());
        }
    }

    #[test]
    fn no_text_panics(text: String) {
        let _ = World::new().feed(&text);
    }
}
