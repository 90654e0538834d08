//! Who is let in, and what the others are told.

use foghorn_node::{
    Admission, AppSpec, Encryption, EncryptionRule, Handshake, ProtocolRule, Refusal, Transport,
};
use foghorn_protocol::{Ceiling, CloseCode, OriginPattern, Origins, ProtocolVersion};
use std::sync::Arc;

use crate::site::{Setup, Site, handshake};

/// What a refused client sees: the text of the error event, if any, then the close.
fn refusal(admitted: Result<Admission, Refusal>) -> (Option<String>, u16, String) {
    let Refusal { farewell, close } = admitted.unwrap_err();
    let event = farewell.map(|frame| String::from_utf8(frame.text().to_vec()).unwrap());
    (event, close.code().number(), close.reason().to_owned())
}

#[test]
fn refusals_are_told_in_the_way_of_the_protocol() {
    let site = Site::alone();
    let unsupported = |version: &str| {
        format!("Unsupported protocol version {version:?}; this server speaks 4, 5, 6 and 7")
    };
    let unknown = "App key nobody does not exist".to_owned();
    let disabled = "The app is disabled".to_owned();
    for (key, protocol, code, reason, event_first) in [
        ("key-one", "3", 4007, unsupported("3"), true),
        ("key-one", "0", 4007, unsupported("0"), true),
        ("key-one", "8", 4007, unsupported("8"), false),
        ("key-one", "abc", 4007, unsupported("abc"), false),
        ("key-one", "", 4007, unsupported(""), false),
        ("nobody", "4", 4001, unknown.clone(), true),
        ("nobody", "5", 4001, unknown.clone(), true),
        ("nobody", "6", 4001, unknown.clone(), false),
        ("nobody", "7", 4001, unknown, false),
        ("key-off", "5", 4003, disabled.clone(), true),
        ("key-off", "7", 4003, disabled, false),
    ] {
        let (event, number, text) = refusal(site.admit(key, Some(protocol)));
        assert_eq!((number, &text), (code, &reason), "{key} {protocol}");
        let expect = event_first.then(|| {
            let data = serde_json::json!({ "code": code, "message": reason });
            format!(r#"{{"event":"pusher:error","data":{data}}}"#)
        });
        assert_eq!(event, expect, "{key} {protocol}");
    }
}

#[test]
fn the_first_thing_that_is_wrong_is_the_one_that_is_told() {
    // Everything is wrong with this node; each handshake is mended a little further.
    let site = Site::new(
        1,
        Setup {
            protocol_rule: ProtocolRule::Required,
            max_connections: 0,
            ..Setup::default()
        },
    );
    site.node.start_draining();
    for (key, protocol, code) in [
        ("nobody", Some("8"), 4007),
        ("nobody", None, 4008),
        ("nobody", Some("7"), 4001),
        ("key-off", Some("7"), 4003),
        ("key-one", Some("7"), 4200),
    ] {
        let (_, number, _) = refusal(site.admit(key, protocol));
        assert_eq!(number, code, "{key} {protocol:?}");
        let label = code.to_string();
        let refused = site.counter("foghorn_connections_refused_total", &[("code", &label)]);
        assert_eq!(refused, 1, "{code}");
    }
    let full = Site::new(
        1,
        Setup {
            max_connections: 0,
            ..Setup::default()
        },
    );
    let (event, code, reason) = refusal(full.admit("key-one", Some("5")));
    let told = "The server has 0 connections, the limit is 0";
    assert_eq!((code, &*reason), (4100, told));
    assert!(event.unwrap().contains(r#""code":4100"#));
}

#[test]
fn a_missing_protocol_is_the_latest_unless_one_is_required() {
    let admission = Site::alone().admit("key-one", None).unwrap();
    assert_eq!(admission.protocol, ProtocolVersion::LATEST);
    assert_eq!(&**admission.app.id(), "one");
    let strict = Site::new(
        1,
        Setup {
            protocol_rule: ProtocolRule::Required,
            ..Setup::default()
        },
    );
    let (event, code, reason) = refusal(strict.admit("key-one", None));
    assert_eq!(
        (event, code, &*reason),
        (None, 4008, "No protocol version given")
    );
    assert!(strict.admit("key-one", Some("4")).is_ok());
}

#[test]
fn what_strangers_write_comes_back_cut_short() {
    let site = Site::alone();
    let long = "é".repeat(5_000);
    for (key, protocol) in [(&*long, "7"), ("key-one", &*long)] {
        let (_, _, reason) = refusal(site.admit(key, Some(protocol)));
        assert!(reason.len() <= 123, "{reason}");
    }
    // A key with a colon cannot be a key of anybody.
    let (_, code, _) = refusal(site.admit("key-one:x", Some("7")));
    assert_eq!(code, CloseCode::UnknownApp.number());
}

#[test]
fn a_full_node_takes_the_next_when_one_has_gone() {
    let site = Site::new(
        1,
        Setup {
            max_connections: 2,
            ..Setup::default()
        },
    );
    let first = site.client();
    let _second = site.open("two", "7");
    let (_, code, _) = refusal(site.admit("key-one", Some("7")));
    assert_eq!(code, 4100);
    drop(first);
    assert!(site.admit("key-one", Some("7")).is_ok());
}

/// An app that takes nobody whose page is not its own, over anything but TLS, and has no place.
fn strict(app: &mut AppSpec) {
    app.encryption = EncryptionRule::TlsOnly;
    let own = ["https://own.example", "*.own.example"].map(OriginPattern::parse);
    app.origins = Origins::new(own.map(Result::unwrap).into()).unwrap();
    Arc::make_mut(&mut app.policy).limits.max_connections = Ceiling::AtMost(0);
}

#[test]
fn rules_are_looked_at_in_the_order_in_which_clients_can_follow_them() {
    let site = |max_connections, rules| {
        let setup = Setup {
            protocol_rule: ProtocolRule::Required,
            max_connections,
            rules,
            ..Setup::default()
        };
        Site::new(1, setup)
    };
    let draining = site(0, strict);
    draining.node.start_draining();
    let (busy, full) = (site(0, strict), site(9, strict));
    let told = |site: &Site, handshake: &Handshake<'_>| {
        let (_, code, reason) = refusal(site.node.admit(handshake));
        format!("{code} {reason}")
    };
    // Everything is wrong at first; the handshake is mended step by step.
    let mut handshake = Handshake {
        key: None,
        protocol: Some("8"),
        client: None,
        origin: Some("https://other.example"),
        encryption: Encryption::Plain,
        transport: Transport::WebSocket,
    };
    let path = "4005 Path not found; clients connect to /app/APP_KEY";
    assert_eq!(told(&draining, &handshake), path);
    handshake.key = Some("nobody");
    let version = "4007 Unsupported protocol version \"8\"; this server speaks 4, 5, 6 and 7";
    assert_eq!(told(&draining, &handshake), version);
    handshake.protocol = None;
    let no_version = "4008 No protocol version given";
    assert_eq!(told(&draining, &handshake), no_version);
    handshake.protocol = Some("7");
    let key = "4001 App key nobody does not exist";
    assert_eq!(told(&draining, &handshake), key);
    handshake.key = Some("key-off");
    let disabled = "4003 The app is disabled";
    assert_eq!(told(&draining, &handshake), disabled);
    handshake.key = Some("key-one");
    let tls = "4000 The app accepts TLS connections only (wss://)";
    assert_eq!(told(&draining, &handshake), tls);
    handshake.encryption = Encryption::Tls;
    let origin = "4009 Origin https://other.example is not allowed";
    assert_eq!(told(&draining, &handshake), origin);
    handshake.origin = Some("https://own.example");
    let leaving = "4200 The server is shutting down, reconnect immediately";
    assert_eq!(told(&draining, &handshake), leaving);
    let capacity = "4100 The server has 0 connections, the limit is 0";
    assert_eq!(told(&busy, &handshake), capacity);
    let quota = "4004 The app has 0 connections, the limit is 0";
    assert_eq!(told(&full, &handshake), quota);
    // Nobody who was refused has kept a place.
    assert_eq!(full.node.connections(), 0);
}

#[test]
fn a_page_of_the_app_or_no_page_at_all_may_connect() {
    let site = Site::new(
        1,
        Setup {
            rules: |app| {
                strict(app);
                Arc::make_mut(&mut app.policy).limits.max_connections = Ceiling::Unlimited;
            },
            ..Setup::default()
        },
    );
    for (origin, is_welcome) in [
        (None, true),
        (Some("https://own.example"), true),
        (Some("https://a.own.example:8443"), true),
        (Some("https://own.example:8443"), false),
        (Some("http://own.example"), false),
        (Some("https://notown.example"), false),
        (Some("null"), false),
        (Some(""), false),
        (Some("\u{e9}"), false),
    ] {
        let handshake = Handshake {
            origin,
            encryption: Encryption::Tls,
            ..handshake("key-one", Some("7"))
        };
        let admitted = site.node.admit(&handshake);
        assert_eq!(admitted.is_ok(), is_welcome, "{origin:?}");
        if !is_welcome {
            let (_, code, _) = refusal(admitted);
            assert_eq!(code, CloseCode::Unauthorized.number());
        }
    }
    // Another app has rules of its own.
    assert!(site.admit("key-two", Some("7")).is_ok());
    let long = Handshake {
        origin: Some(&"\u{e9}".repeat(5_000)),
        encryption: Encryption::Tls,
        ..handshake("key-one", Some("7"))
    };
    let (_, _, reason) = refusal(site.node.admit(&long));
    assert!(reason.len() <= 123, "{reason}");
}

#[test]
fn a_path_that_is_nobodys_is_refused_in_the_way_that_the_client_knows() {
    let site = Site::alone();
    for (protocol, event_first) in [
        (Some("5"), true),
        (Some("7"), false),
        (Some("x"), false),
        (None, false),
    ] {
        let handshake = Handshake {
            key: None,
            ..handshake("", protocol)
        };
        let (event, code, _) = refusal(site.node.admit(&handshake));
        assert_eq!((event.is_some(), code), (event_first, 4005), "{protocol:?}");
    }
}
