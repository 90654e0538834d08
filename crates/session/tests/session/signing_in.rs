//! Signing in: as whom, how refusals are worded, and what it is good for.

use foghorn_auth::{sign_channel, sign_user};
use foghorn_protocol::Limits;
use foghorn_session::{ClientEvents, Policy, Watchlists};

use crate::world::{
    World, auth, credential, error, error_of, policy, sign_in, sign_in_with, signed_in, subscribe,
    unsubscribe,
};

const ZOE: &str = r#"{"id":"u-17","user_info":{"nick":"Zoë"},"watchlist":["u-18","u-19"]}"#;

fn watching() -> Policy {
    Policy {
        watchlists: Watchlists::Served,
        ..policy(ClientEvents::Allowed)
    }
}

/// protocol.md §9.1, with the signature of §18.
#[test]
fn what_was_signed_comes_back_byte_for_byte() {
    let mut world = World::new();
    world.check(
        r#"{"event":"pusher:signin","data":{"auth":"k7f3d0c1b2a39485:d8f30c20def1af20b08989ab9f8a7ca7c43fb4f9cb71094143c4d86aab8ea302","user_data":"{\"id\":\"u-17\",\"user_info\":{\"nick\":\"Zoë\"},\"watchlist\":[\"u-18\",\"u-19\"]}"}}"#,
        &[
            "SIGN IN u-17",
            r#"{"event":"pusher:signin_success","data":"{\"user_data\":\"{\\\"id\\\":\\\"u-17\\\",\\\"user_info\\\":{\\\"nick\\\":\\\"Zoë\\\"},\\\"watchlist\\\":[\\\"u-18\\\",\\\"u-19\\\"]}\"}"}"#,
        ],
    );
    assert_eq!(world.end(), ["SIGN OUT u-17"]);
    let spaced = "  {\"x\": [],\n\"id\" : \"u\"} ";
    let mut world = World::new();
    world.check(&sign_in(spaced), &["SIGN IN u", &signed_in(spaced)]);
}

#[test]
fn refusals_say_what_is_wrong_and_the_next_attempt_counts() {
    let key = credential().key;
    let wrong = |got: &str| {
        format!(
            "Invalid signature: Expected HMAC SHA256 hex digest of \
             52107.884321::user::{ZOE}, but got {got}"
        )
    };
    let elsewhere = sign_user(&credential(), "1.1", ZOE);
    let for_channel = sign_channel(&credential(), "52107.884321", "private-x", None);
    let digest = |auth: &str| auth.split_once(':').unwrap().1.to_owned();
    for (auth, expect) in [
        (format!("{key}:00"), wrong("00")),
        (elsewhere.clone(), wrong(&digest(&elsewhere))),
        (for_channel.clone(), wrong(&digest(&for_channel))),
        (
            "nobody:00".to_owned(),
            "Invalid key in sign-in auth data: 'nobody'".to_owned(),
        ),
        (
            "00".to_owned(),
            "Invalid sign-in auth data: Expected APP_KEY:SIGNATURE, but got '00'".to_owned(),
        ),
    ] {
        let mut world = World::of(watching());
        world.check(&sign_in_with(&auth, ZOE), &[&error(&expect)]);
        assert_eq!(world.feed(&sign_in(ZOE))[0], "SIGN IN u-17");
    }
}

#[test]
fn what_is_signed_has_to_describe_a_user() {
    let mut world = World::of(watching());
    let long = format!(r#"{{"id":"{}"}}"#, "u".repeat(129));
    for (user_data, expect) in [
        ("[]", "user_data must be a JSON object with a string id"),
        ("{", "user_data must be a JSON object with a string id"),
        ("{}", "user_data must have an id that is a string"),
        (r#"{"id":17}"#, "user_data must have an id that is a string"),
        (r#"{"id":"u","user_info":7}"#, "user_info must be an object"),
        (
            r#"{"id":"u","watchlist":"w"}"#,
            "watchlist must be an array of user ids, which are strings",
        ),
        (
            r#"{"id":"u","watchlist":[""]}"#,
            "id in watchlist: user_id is empty",
        ),
        (r#"{"id":""}"#, "id in user_data: user_id is empty"),
        (
            r#"{"id":"a b"}"#,
            "id in user_data: user_id contains ' '; allowed are letters, digits and _ - = @ , . ;",
        ),
        (
            &long,
            "id in user_data: user_id is 129 characters long, the limit is 128",
        ),
    ] {
        let expect = format!("Cannot sign in: {expect}");
        world.check(&sign_in(user_data), &[&error(&expect)]);
    }
    let malformed = "Invalid data in pusher:signin: must be an object with the strings \"auth\" \
                     and \"user_data\" (the JSON text as signed)";
    for data in [
        "",
        r#","data":{}"#,
        r#","data":{"auth":"x","user_data":{}}"#,
    ] {
        let text = format!(r#"{{"event":"pusher:signin"{data}}}"#);
        world.check(&text, &[&error(malformed)]);
    }
    assert_eq!(world.end(), Vec::<String>::new(), "nobody signed in");
}

#[test]
fn the_same_user_may_sign_in_again_and_another_may_not() {
    let mut world = World::of(watching());
    world.check(
        &sign_in(ZOE),
        &["SIGN IN u-17", &signed_in(ZOE), "WATCH u-18 u-19"],
    );
    let again = r#"{"id":"u-17","watchlist":["u-20"]}"#;
    world.check(&sign_in(again), &[&signed_in(again)]);
    let other = "Cannot sign in as u-18: the connection is signed in as u-17 already";
    world.check(&sign_in(r#"{"id":"u-18"}"#), &[&error(other)]);
    assert_eq!(world.end(), ["UNWATCH u-18 u-19", "SIGN OUT u-17"]);
}

#[test]
fn a_node_over_capacity_signs_nobody_in() {
    let mut world = World::of(watching());
    world.host.busy = true;
    let busy = "Cannot sign in as u-17: over capacity, try again later";
    world.check(&sign_in(ZOE), &[&error(busy)]);
    assert_eq!(world.end(), Vec::<String>::new());
    world.host.busy = false;
    assert_eq!(world.feed(&sign_in(ZOE))[0], "SIGN IN u-17");
}

/// An error behind the success would look to the .NET client like a refused subscription.
#[test]
fn a_long_watchlist_is_told_before_the_success() {
    let limits = Limits {
        max_watchlist: 2,
        ..Limits::default()
    };
    let policy = || Policy {
        limits: limits.clone(),
        ..watching()
    };
    let long = r#"{"id":"u-17","watchlist":["a","b","c"]}"#;
    let mut world = World::of(policy());
    let message = "The watchlist has 3 user ids, the limit is 2; the first 2 are watched";
    world.check(
        &sign_in(long),
        &[
            &error_of("4302", message),
            "SIGN IN u-17",
            &signed_in(long),
            "WATCH a b",
        ],
    );
    let fits = r#"{"id":"u-17","watchlist":["a","b"]}"#;
    let mut world = World::of(policy());
    world.check(
        &sign_in(fits),
        &["SIGN IN u-17", &signed_in(fits), "WATCH a b"],
    );
}

#[test]
fn a_watchlist_is_not_looked_at_unless_the_app_wants_it() {
    let ids: Vec<String> = (0..101).map(|n| format!("w-{n}")).collect();
    let long = serde_json::json!({"id": "u-17", "watchlist": ids}).to_string();
    let mut world = World::new();
    world.check(&sign_in(&long), &["SIGN IN u-17", &signed_in(&long)]);
    assert_eq!(world.end(), ["SIGN OUT u-17"]);
    // Nor is anything watched for somebody who watches nobody.
    let mut world = World::of(watching());
    for nobody in [r#"{"id":"u-17"}"#, r#"{"id":"u-17","watchlist":[]}"#] {
        let out = world.feed(&sign_in(nobody));
        assert_eq!(out.last(), Some(&signed_in(nobody)));
    }
    assert_eq!(world.end(), ["SIGN OUT u-17"]);
}

#[test]
fn a_signed_in_user_is_a_member_without_channel_data() {
    let mut world = World::new();
    let papers = auth("presence-lobby", None);
    let subscription = subscribe("presence-lobby", &papers, None);
    let nobody =
        "channel_data with a user_id, or a sign-in, is required to subscribe to presence-lobby";
    assert_eq!(world.feed(&subscription)[0], error(nobody));
    world.feed(&sign_in(ZOE));
    let out = world.feed(&subscribe("presence-lobby", "k7f3d0c1b2a39485:00", None));
    assert!(out[0].contains("Invalid signature"), "{out:?}");
    world.check(
        &subscription,
        &[r#"SUBSCRIBE presence-lobby as u-17 {"nick":"Zoë"}"#],
    );
    // Who the papers name counts more.
    let data = r#"{"user_id":"somebody"}"#;
    world.check(
        &subscribe("presence-b", &auth("presence-b", Some(data)), Some(data)),
        &["SUBSCRIBE presence-b as somebody"],
    );
    world.check(
        &unsubscribe("presence-lobby"),
        &["UNSUBSCRIBE presence-lobby as u-17"],
    );
    assert_eq!(
        world.end(),
        ["SIGN OUT u-17", "UNSUBSCRIBE presence-b as somebody"]
    );
}

#[test]
fn a_signed_in_member_is_as_large_as_any_other_may_be() {
    let info = |length: usize| format!(r#"{{"x":"{}"}}"#, "x".repeat(length - 8));
    let subscription = subscribe("presence-x", &auth("presence-x", None), None);
    let user_data = |length| format!(r#"{{"id":"u","user_info":{}}}"#, info(length));
    let mut world = World::new();
    world.feed(&sign_in(&user_data(2_048)));
    let joined = format!("SUBSCRIBE presence-x as u {}", info(2_048));
    world.check(&subscription, &[&joined]);
    let mut world = World::new();
    world.feed(&sign_in(&user_data(2_049)));
    let out = world.feed(&subscription);
    let message = "Cannot subscribe to presence-x: user_info of the sign-in is 2049 bytes long, \
                   the limit is 2048";
    assert_eq!(out[0], error(message));
    assert!(out[1].contains(r#"\"type\":\"LimitReached\""#) && out[1].contains("4301"));
}

#[test]
fn signing_in_gives_no_identity_to_client_events() {
    let mut world = World::new();
    world.feed(&sign_in(ZOE));
    world.feed(&subscribe("private-x", &auth("private-x", None), None));
    world.check(
        r#"{"event":"client-a","channel":"private-x","data":"text"}"#,
        &[r#"PUBLISH private-x {"event":"client-a","channel":"private-x","data":"text"}"#],
    );
}
