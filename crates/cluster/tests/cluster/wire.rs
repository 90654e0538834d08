//! The bytes of every message.

use std::time::Duration;

use foghorn_cluster::{Fact, Message, Stamp, WireError};
use foghorn_protocol::Member;
use proptest::prelude::*;

use crate::strategies::{message, node_id};
use crate::{
    app, cached, channel, connected, frame, joined, left, node, occupied, recipient, session,
    socket, user,
};

/// Checks both directions.
#[track_caller]
fn check(message: Message, header: &str, body: &str) {
    let bytes = message.encode(node(42));
    let expect = format!("{header}\n{body}");
    assert_eq!(std::str::from_utf8(&bytes).unwrap(), expect);
    assert_eq!(Message::decode(&bytes).unwrap(), (node(42), message));
}

#[test]
fn golden_events() {
    let text = "{\"event\":\n\"e\"}";
    let event = |except| Message::Event {
        app: app(),
        recipient: recipient("news"),
        except,
        stamp: None,
        frame: frame(text),
    };
    let header = r#"{"v":2,"kind":"event","node":"000000000000002a","app":"1","channel":"news""#;
    check(event(None), &format!("{header}}}"), text);
    let except = format!(r#"{header},"except":"12.34"}}"#);
    check(event(Some(socket("12.34"))), &except, text);
    let remembered = Message::Event {
        app: app(),
        recipient: recipient("cache-x"),
        except: None,
        stamp: Some(Stamp {
            version: 7,
            ttl: Duration::from_millis(1_500),
        }),
        frame: frame(text),
    };
    let header = concat!(
        r#"{"v":2,"kind":"event","node":"000000000000002a","app":"1","channel":"cache-x","#,
        r#""cache":{"version":7,"ttl_ms":1500}}"#
    );
    check(remembered, header, text);
}

#[test]
fn golden_sent() {
    let sent = |messages: &[&str]| Message::Sent {
        app: app(),
        session: session("469/l1o1166u"),
        messages: messages.iter().map(|text| (*text).to_owned()).collect(),
    };
    let header = concat!(
        r#"{"v":2,"kind":"sent","node":"000000000000002a","app":"1","#,
        r#""session":"469/l1o1166u"}"#
    );
    check(sent(&[]), header, "[]");
    check(
        sent(&[r#"{"event":"ü"}"#, "\n"]),
        header,
        r#"["{\"event\":\"ü\"}","\n"]"#,
    );
}

#[test]
fn golden_messages_without_a_body() {
    for (message, header) in [
        (
            Message::Heartbeat { next: 11 },
            r#"{"v":2,"kind":"heartbeat","node":"000000000000002a","next":11}"#,
        ),
        (
            Message::Terminate {
                app: app(),
                user_id: user("u"),
            },
            r#"{"v":2,"kind":"terminate","node":"000000000000002a","app":"1","user":"u"}"#,
        ),
        (
            Message::SnapshotRequest,
            r#"{"v":2,"kind":"snapshot-request","node":"000000000000002a"}"#,
        ),
        (
            Message::Leaving,
            r#"{"v":2,"kind":"leaving","node":"000000000000002a"}"#,
        ),
    ] {
        check(message, header, "");
    }
}

#[test]
fn golden_facts() {
    let facts = vec![
        occupied("news", 3),
        joined("presence-x", r#"{"user_id":10,"user_info":{"b": 1,"a":2}}"#),
        joined("presence-x", r#"{"user_id":"\"\n"}"#),
        left("presence-x", "Zoë"),
        occupied("#server-to-user-u", 1),
        connected(4),
        Fact::Cached(cached("cache-x", 7, "{\"a\":\n1}")),
    ];
    let body = concat!(
        r#"[{"occupied":{"app":"1","channel":"news","count":3}},"#,
        r#"{"joined":{"app":"1","channel":"presence-x","#,
        r#""member":{"user_id":"10","user_info":{"b": 1,"a":2}}}},"#,
        r#"{"joined":{"app":"1","channel":"presence-x","member":{"user_id":"\"\n"}}},"#,
        r#"{"left":{"app":"1","channel":"presence-x","user_id":"Zoë"}},"#,
        r##"{"occupied":{"app":"1","channel":"#server-to-user-u","count":1}},"##,
        r#"{"connected":{"app":"1","count":4}},"#,
        r#"{"cached":{"app":"1","channel":"cache-x","version":7,"ttl_ms":1500,"#,
        r#""frame":"{\"a\":\n1}"}}]"#,
    );
    let news = Message::Facts {
        first: 7,
        facts: facts.clone(),
    };
    let header = r#"{"v":2,"kind":"facts","node":"000000000000002a","first":7}"#;
    check(news, header, body);
    let snapshot = Message::Snapshot { next: 11, facts };
    let header = r#"{"v":2,"kind":"snapshot","node":"000000000000002a","next":11}"#;
    check(snapshot, header, body);
}

/// What is wrong, in a word.
fn fault(bytes: &[u8]) -> &'static str {
    match Message::decode(bytes) {
        Ok(_) => "nothing",
        Err(WireError::NoHeader) => "no header",
        Err(WireError::Header(_)) => "header",
        Err(WireError::Version(3)) => "version 3",
        Err(WireError::Version(_)) => "version",
        Err(WireError::Kind(kind)) if kind == "gossip" => "kind gossip",
        Err(WireError::Kind(_)) => "kind",
        Err(WireError::Facts(_)) => "facts",
        Err(WireError::Sent(_)) => "sent",
        Err(WireError::Frame(_)) => "frame",
    }
}

#[test]
fn faults_of_any_header() {
    for (header, expect) in [
        ("", "header"),
        ("[]", "header"),
        ("{}", "header"),
        (r#"{"v":2}"#, "header"),
        // Another version may look different in everything but `v`.
        (r#"{"v":3}"#, "version 3"),
        (r#"{"v":3,"kind":7,"node":7}"#, "version 3"),
        (
            r#"{"v":3,"kind":"x","node":"000000000000002a"}"#,
            "version 3",
        ),
        (
            r#"{"v":0,"kind":"leaving","node":"000000000000002a"}"#,
            "version",
        ),
        (
            r#"{"v":2,"kind":"gossip","node":"000000000000002a"}"#,
            "kind gossip",
        ),
        (r#"{"v":2,"kind":"leaving","node":"2a"}"#, "header"),
    ] {
        assert_eq!(fault(format!("{header}\n").as_bytes()), expect, "{header}");
    }
    let leaving = Message::Leaving.encode(node(1));
    assert_eq!(fault(&leaving[..leaving.len() - 1]), "no header");
}

#[test]
fn faults_of_each_kind() {
    for (of_kind, body, expect) in [
        // Members and bodies that this version does not know are no fault.
        (r#""kind":"leaving","why":"x""#, "x", "nothing"),
        (r#""kind":"heartbeat""#, "", "header"),
        (r#""kind":"heartbeat","next":-1"#, "", "header"),
        (r#""kind":"event","app":"1""#, "", "header"),
        (r##""kind":"event","app":"1","channel":"#x""##, "", "header"),
        (
            r#""kind":"event","app":"1","channel":"c","except":"1""#,
            "",
            "header",
        ),
        (
            r#""kind":"event","app":"1","channel":"c","except":"007.1""#,
            "",
            "header",
        ),
        (
            r#""kind":"event","app":"1","channel":"c","except":null"#,
            "",
            "nothing",
        ),
        (r#""kind":"sent","app":"1""#, "[]", "header"),
        (r#""kind":"sent","app":"1","session":"469""#, "[]", "header"),
        (
            r#""kind":"sent","app":"1","session":"1000/l1o1166u""#,
            "[]",
            "header",
        ),
        (
            r#""kind":"sent","app":"1","session":"1/l1o1166u""#,
            "",
            "sent",
        ),
        (
            r#""kind":"sent","app":"1","session":"1/l1o1166u""#,
            "[1]",
            "sent",
        ),
        (
            r#""kind":"sent","app":"1","session":"1/l1o1166u""#,
            "[]",
            "nothing",
        ),
        (r#""kind":"facts""#, "[]", "header"),
        (r#""kind":"facts","first":0"#, "", "facts"),
        (r#""kind":"facts","first":0"#, "[]]", "facts"),
        (r#""kind":"facts","first":0"#, "[]", "nothing"),
    ] {
        let text = format!("{{\"v\":2,\"node\":\"000000000000002a\",{of_kind}}}\n{body}");
        assert_eq!(fault(text.as_bytes()), expect, "{text}");
    }
    let header = r#"{"v":2,"kind":"event","node":"000000000000002a","app":"1","channel":"c"}"#;
    let bytes = [header.as_bytes(), b"\n\xff"].concat();
    assert_eq!(fault(&bytes), "frame");
}

#[test]
fn faults_of_facts() {
    for fact in [
        r#"{"cached":{"app":"1","channel":"c"}}"#,
        r#"{"occupied":{"app":"1","channel":"c","count":4294967296}}"#,
        r#"{"occupied":{"app":"1","channel":"","count":1}}"#,
        r#"{"joined":{"app":"1","channel":"c","member":{"user_id":"u","user_info":[]}}}"#,
        r#"{"joined":{"app":"1","channel":"c","member":{}}}"#,
        r#"{"left":{"app":"1","channel":"c","user_id":""}}"#,
    ] {
        for number in [
            r#""kind":"facts","first":0"#,
            r#""kind":"snapshot","next":0"#,
        ] {
            let text = format!("{{\"v\":2,\"node\":\"000000000000002a\",{number}}}\n[{fact}]");
            assert_eq!(fault(text.as_bytes()), "facts", "{text}");
        }
    }
}

#[test]
fn user_info_that_is_no_object_does_not_spoil_the_message() {
    for info in ["", "7", "[]", "null", "{", "{} {}"] {
        let fact = |user_info: Option<&str>| Fact::Joined {
            app: app(),
            channel: channel("presence-x"),
            member: Member {
                user_id: user("u"),
                user_info: user_info.map(Into::into),
            },
        };
        let facts = |info| Message::Facts {
            first: 0,
            facts: vec![fact(info)],
        };
        let bytes = facts(Some(info)).encode(node(1));
        assert_eq!(Message::decode(&bytes).unwrap().1, facts(None), "{info}");
    }
}

proptest! {
    #[test]
    fn round_trip(from in node_id(), message in message()) {
        let bytes = message.encode(from);
        let (back_from, back) = Message::decode(&bytes).unwrap();
        prop_assert_eq!((back_from, back), (from, message));
    }

    #[test]
    fn arbitrary_bytes_do_not_panic(bytes: Vec<u8>, text in "[\\[\\]{}\",:a-z0-9\n]{0,40}") {
        let _ = Message::decode(&bytes);
        let _ = Message::decode(text.as_bytes());
    }

    /// Whatever is still read after damage is a message in its own right.
    #[test]
    fn perturbed_bytes_do_not_panic(
        message in message(),
        at: prop::sample::Index,
        with in prop_oneof![any::<u8>(), prop::sample::select(b"\n\"{}[]:,0\\".to_vec())],
        how in 0..4u8,
    ) {
        let mut bytes = message.encode(node(42)).to_vec();
        let at = at.index(bytes.len());
        match how {
            0 => bytes[at] = with,
            1 => bytes.insert(at, with),
            2 => { bytes.remove(at); }
            _ => bytes.truncate(at),
        }
        if let Ok((from, read)) = Message::decode(&bytes) {
            let again = Message::decode(&read.encode(from)).unwrap();
            prop_assert_eq!(again, (from, read));
        }
    }
}
