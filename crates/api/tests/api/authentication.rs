//! Who may ask (http-api.md §3, §14, checklist 1, 2 and 10).

use foghorn_auth::{UnsignedRequest, sign_request};

use crate::world::{Account, DISABLED, HIDDEN, NOW, PUBLISHED, SHARED, World, head};

const CHANNEL_PATHS: [&str; 2] = [
    "/apps/4242/channels/presence-a@b,c;d=e",
    "/apps/4242/channels/presence-a%40b%2Cc%3Bd%3De",
];

#[test]
fn published_vectors_are_accepted() {
    let world = World::new();
    let auth = "auth_key=k7f3d0c1b2a39485&auth_timestamp=1760000000&auth_version=1.0";
    let event = r#"{"name":"order.paid","channels":["private-orders"],"data":"{\"id\":981}"}"#;
    let batch = r#"{"batch":[{"channel":"news","name":"tick","data":"1"},{"channel":"private-orders","name":"order.paid","data":"{}","socket_id":"52107.884321"}]}"#;
    for (method, path, query, body, answer) in [
        (
            "POST",
            "/apps/4242/events",
            "body_md5=1c7ea915f93f1a602b0643b15affc8b8&auth_signature=3e2586cf311e65efa8bee54a3f97fc63c55c2c31f9a32c5242e310ad9046705a",
            event,
            "{}",
        ),
        (
            "POST",
            "/apps/4242/batch_events",
            "body_md5=6a5ccdcabb42804e0be6ba06546f30fe&auth_signature=093e580d74937a7d16449a2262959b12fd7e8f4c967f62f1b3436720c364b559",
            batch,
            "{}",
        ),
        (
            "GET",
            "/apps/4242/channels",
            "filter_by_prefix=presence-&info=user_count&auth_signature=d3f9f0e0dd537801c295e70731476c1286734331290ca1117154041fc072c47e",
            "",
            r#"{"channels":{}}"#,
        ),
        (
            "GET",
            "/apps/4242/channels",
            "auth_signature=d7a40e1470a8c9b8f68c2d080432269b2dcebb05983deb530318eacb67c53cfe&body_md5=d41d8cd98f00b204e9800998ecf8427e&filter_by_prefix=presence-&info=user_count",
            "",
            r#"{"channels":{}}"#,
        ),
        (
            "GET",
            "/apps/4242/channels/presence-lobby/users",
            "auth_signature=11a22ccfc524422802d1bd09d0c3329655934e21dd2a2997d56a797e4941a19d",
            "",
            r#"{"users":[]}"#,
        ),
        (
            "POST",
            "/apps/4242/users/u-17/terminate_connections",
            "body_md5=99914b932bd37a50b983c5e7c90ae93b&auth_signature=da399159fb6b356188d626938b359ec55cb55e3cc3594e7e01f6b58903d3ac1f",
            "{}",
            "{}",
        ),
        (
            "POST",
            "/users/u-17/terminate_connections",
            "body_md5=99914b932bd37a50b983c5e7c90ae93b&auth_signature=abb1c294f0dd304d78e97fe835ce9d9917230f90a920af40f57e0a049c160993",
            "{}",
            "{}",
        ),
    ] {
        let uri = format!("{path}?{auth}&{query}");
        world.raw(method, &uri, body.as_bytes()).is(answer);
    }
}

#[test]
fn pushers_own_vector_is_accepted() {
    let query = "auth_key=278d425bdf160c739803&auth_timestamp=1353088179&auth_version=1.0&body_md5=ec365a775a4cd0599faeb73354201b6f&auth_signature=da454824c97ba181a32ccc17a72625ba02771f50b50e1e7430e47a1f3f457e6c";
    let body = br#"{"name":"foo","channels":["project-3"],"data":"{\"some\":\"data\"}"}"#;
    let head = head("POST", &format!("{}?{query}", PUBLISHED.path("events")));
    World::new().send(&head, body, 1_353_088_179).is("{}");
}

/// Both are answered about the channel, which shows that both signatures count.
#[test]
fn a_channel_path_may_be_signed_raw_or_encoded() {
    let world = World::new();
    let auth = "auth_key=k7f3d0c1b2a39485&auth_timestamp=1760000000&auth_version=1.0";
    let raw = "e234823b8127d7440c927dad537a52ad93558574e237572fb43bf52f345746e2";
    let encoded = "85ca5bacb02074243341d8d40334bb68244d7c71319ef744bc5a0c273aac2a9d";
    for (path, signature) in [
        (CHANNEL_PATHS[0], raw),
        (CHANNEL_PATHS[1], raw),
        (CHANNEL_PATHS[1], encoded),
    ] {
        for info in [
            "user_count,subscription_count",
            "user_count%2Csubscription_count",
        ] {
            let uri = format!("{path}?{auth}&info={info}&auth_signature={signature}");
            world.raw("GET", &uri, b"").is_refusal(
                400,
                "Cannot retrieve the subscription count of a presence channel",
            );
        }
    }
}

#[test]
fn an_encoded_channel_path_is_the_channel() {
    let world = World::new();
    let _listener = world.listener(&HIDDEN, "ann", &["presence-a@b,c;d=e"]);
    for path in CHANNEL_PATHS {
        let query = HIDDEN.sign("GET", path, &[("info", "user_count")], b"");
        let answer = world.raw("GET", &format!("{path}?{query}"), b"");
        answer.is(r#"{"occupied":true,"user_count":1}"#);
        let users = format!("{path}/users");
        let query = HIDDEN.sign("GET", &users, &[], b"");
        let answer = world.raw("GET", &format!("{users}?{query}"), b"");
        answer.is(r#"{"users":[{"id":"ann"}]}"#);
    }
}

#[test]
fn clocks_may_differ_by_less_than_600_seconds() {
    let world = World::new();
    let path = HIDDEN.path("channels");
    let uri = format!("{path}?{}", HIDDEN.sign("GET", &path, &[], b""));
    let at = |now| world.send(&head("GET", &uri), b"", now);
    for now in [NOW - 599, NOW, NOW + 599] {
        at(now).is(r#"{"channels":{}}"#);
    }
    for now in [0, NOW - 600, NOW + 600, u64::MAX] {
        let error = format!(
            "Timestamp expired: Given timestamp ({NOW}) not within 600s of server time ({now})"
        );
        at(now).is_refusal(401, &error);
    }
}

#[test]
fn whatever_is_wrong_with_the_signature_is_401() {
    let world = World::new();
    let path = HIDDEN.path("events");
    let body = br#"{"name":"e","channel":"news","data":"1"}"#;
    let good = HIDDEN.sign("POST", &path, &[], body);
    let (_, signature) = good.rsplit_once('=').unwrap();
    let wrong_text =
        "Invalid signature: you should have sent HmacSHA256Hex(\"POST\\n/apps/4242/events\\n";
    for (from, to, error) in [
        (
            "auth_key=k7f3d0c1b2a39485",
            "x=y",
            "Missing parameter: auth_key",
        ),
        ("k7f3d0c1b2a39485", "nobody", "Unknown auth_key: 'nobody'"),
        (
            "k7f3d0c1b2a39485",
            SHARED.key,
            "Unknown auth_key: 'shared-key'",
        ),
        (
            "auth_version=1.0",
            "x=y",
            "Version required: auth_version is missing",
        ),
        (
            "auth_version=1.0",
            "auth_version=1.1",
            "Version not supported: auth_version must be 1.0, but got '1.1'",
        ),
        (
            "auth_timestamp=",
            "x=",
            "Timestamp required: auth_timestamp is missing",
        ),
        (
            "auth_timestamp=1760000000",
            "auth_timestamp=soon",
            "Invalid timestamp: auth_timestamp must be Unix seconds, but got 'soon'",
        ),
        ("auth_signature=", "x=", "Missing parameter: auth_signature"),
        (
            &format!("auth_signature={signature}"),
            "auth_signature=abc",
            "Invalid signature: auth_signature must be 64 hex digits, but you sent \"abc\"",
        ),
        ("auth_version=1.0", "auth_version=1.0&extra=1", wrong_text),
    ] {
        assert!(good.contains(from), "{from}");
        let answer = world.raw(
            "POST",
            &format!("{path}?{}", good.replacen(from, to, 1)),
            body,
        );
        let json: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
        let text = json["error"].as_str().unwrap();
        assert_eq!(answer.status, 401, "{text}");
        assert!(text.starts_with(error), "{text}");
    }
    world.raw("POST", &format!("{path}?{good}"), body).is("{}");
}

#[test]
fn a_body_that_is_not_the_signed_one_is_401() {
    let world = World::new();
    let path = HIDDEN.path("events");
    let body = br#"{"name":"e","channel":"news","data":"1"}"#;
    for (signed, error) in [
        (
            &b""[..],
            "Missing parameter: body_md5 is required when the request has a body",
        ),
        (
            b"{}",
            "Invalid body_md5: it is not the MD5 of the 40 bytes of body received",
        ),
    ] {
        let query = HIDDEN.sign("POST", &path, &[], signed);
        let answer = world.raw("POST", &format!("{path}?{query}"), body);
        answer.is_refusal(401, error);
    }
}

/// The text that should have been signed helps the caller; its digest would help anybody.
#[test]
fn the_expected_digest_is_never_told() {
    let world = World::new();
    let path = HIDDEN.path("events");
    let body = br#"{"name":"e","channel":"news","data":"1"}"#;
    let good = HIDDEN.sign("POST", &path, &[], body);
    let (unsigned, expected) = good.rsplit_once("&auth_signature=").unwrap();
    for wrong in ["0".repeat(64), expected.to_uppercase().replace('A', "B")] {
        let uri = format!("{path}?{unsigned}&auth_signature={wrong}");
        let answer = world.raw("POST", &uri, body);
        assert_eq!(answer.status, 401);
        assert!(answer.body.contains(unsigned), "{}", answer.body);
        assert!(
            !answer.body.to_lowercase().contains(expected),
            "{}",
            answer.body
        );
    }
}

#[test]
fn a_request_without_any_signature_goes_nowhere() {
    let world = World::new();
    for (method, path) in [
        ("POST", "events"),
        ("POST", "batch_events"),
        ("GET", "channels"),
        ("GET", "channels/news"),
        ("GET", "channels/presence-a/users"),
        ("GET", "channels/news/stats"),
        ("POST", "channels/news/events"),
        ("POST", "users/ann/terminate_connections"),
    ] {
        let answer = world.raw(method, &HIDDEN.path(path), b"");
        answer.is_refusal(401, "Missing parameter: auth_key");
    }
}

#[test]
fn pythons_md5_of_nothing_is_accepted_and_no_other() {
    let world = World::new();
    let path = HIDDEN.path("channels");
    let empty = "d41d8cd98f00b204e9800998ecf8427e";
    let query = HIDDEN.sign("GET", &path, &[("body_md5", empty)], b"");
    world
        .raw("GET", &format!("{path}?{query}"), b"")
        .is(r#"{"channels":{}}"#);
    let other = empty.replace('d', "e");
    let query = HIDDEN.sign("GET", &path, &[("body_md5", &other)], b"");
    world
        .raw("GET", &format!("{path}?{query}"), b"")
        .is_refusal(
            401,
            "Invalid body_md5: it is not the MD5 of the 0 bytes of body received",
        );
}

#[test]
fn parameters_may_come_in_any_order() {
    let world = World::new();
    let path = HIDDEN.path("channels");
    let params = [("filter_by_prefix", "presence-"), ("info", "user_count")];
    let query = HIDDEN.sign("GET", &path, &params, b"");
    let mut pairs: Vec<&str> = query.split('&').collect();
    for _ in 0..pairs.len() {
        pairs.rotate_left(1);
        let uri = format!("{path}?{}", pairs.join("&"));
        world.raw("GET", &uri, b"").is(r#"{"channels":{}}"#);
    }
    pairs.reverse();
    let uri = format!("{path}?{}", pairs.join("&"));
    world.raw("GET", &uri, b"").is(r#"{"channels":{}}"#);
}

#[test]
fn another_apps_credential_does_not_sign() {
    let world = World::new();
    let path = HIDDEN.path("channels");
    let stranger = Account {
        id: HIDDEN.id,
        key: HIDDEN.key,
        secret: SHARED.secret,
    };
    let query = stranger.sign("GET", &path, &[], b"");
    let answer = world.raw("GET", &format!("{path}?{query}"), b"");
    assert_eq!(answer.status, 401);
    let query = SHARED.sign("GET", &path, &[], b"");
    let answer = world.raw("GET", &format!("{path}?{query}"), b"");
    answer.is_refusal(401, "Unknown auth_key: 'shared-key'");
}

#[test]
fn a_disabled_app_is_403_but_only_for_its_owner() {
    let world = World::new();
    let disabled = "The app is disabled";
    world
        .get(&DISABLED, "channels", &[])
        .is_refusal(403, disabled);
    let body = r#"{"name":"e","channel":"news","data":"1"}"#;
    world
        .post(&DISABLED, "events", body)
        .is_refusal(403, disabled);
    // The signature is looked at first, the body afterwards.
    world
        .post(&DISABLED, "events", "not JSON")
        .is_refusal(403, disabled);
    let unsigned = world.raw("GET", &DISABLED.path("channels"), b"");
    unsigned.is_refusal(401, "Missing parameter: auth_key");
}

#[test]
fn the_signature_covers_the_body_that_was_received() {
    let world = World::new();
    let listener = world.listener(&HIDDEN, "", &["news"]);
    let path = HIDDEN.path("events");
    let request = UnsignedRequest {
        method: "POST",
        path: &path,
        params: &[],
        body: br#"{"name":"e","channel":"news","data":"1"}"#,
    };
    let query = sign_request(&HIDDEN.credential(), &request, NOW);
    let other = br#"{"name":"e","channel":"news","data":"2"}"#;
    let answer = world.raw("POST", &format!("{path}?{query}"), other);
    assert_eq!(answer.status, 401);
    assert_eq!(listener.heard(), [""; 0]);
}

#[test]
fn a_mounted_api_is_reached_and_signed_with_and_without_its_prefix() {
    let world = World::mounted("/pusher");
    let (outer, inner) = ("/pusher/apps/4242/channels", "/apps/4242/channels");
    for (wire, signed) in [(outer, outer), (outer, inner), (inner, inner)] {
        let query = HIDDEN.sign("GET", signed, &[], b"");
        world
            .raw("GET", &format!("{wire}?{query}"), b"")
            .is(r#"{"channels":{}}"#);
    }
    let query = HIDDEN.sign("GET", "/other/apps/4242/channels", &[], b"");
    let elsewhere = [
        "/pusherapps/4242/channels",
        "/other/apps/4242/channels",
        "/pusher",
    ];
    for path in elsewhere {
        let answer = world.raw("GET", &format!("{path}?{query}"), b"");
        answer.is_refusal(404, "Unknown path");
    }
    let not_mounted = World::new().raw("GET", &format!("{outer}?{query}"), b"");
    not_mounted.is_refusal(404, "Unknown path");
}
