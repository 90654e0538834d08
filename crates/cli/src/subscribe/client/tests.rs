//! Conversations with a server, word for word.

use foghorn_auth::{AppKey, Credential, Secret};
use serde_json::json;

use super::super::plan::Identity;
use super::*;
use crate::encryption::MasterKey;
use crate::target::Pass;

const GREETING: &str = r#"{"event":"pusher:connection_established",
    "data":"{\"socket_id\":\"52107.884321\",\"activity_timeout\":30}"}"#;

fn plan(channels: &[&str]) -> Plan {
    Plan {
        channels: channels.iter().map(|name| (*name).to_owned()).collect(),
        identity: Identity {
            member: None,
            user: None,
            info: None,
            watchlist: Vec::new(),
        },
        pass: Pass::Credential(Credential {
            key: AppKey::parse("k7f3d0c1b2a39485").unwrap(),
            secret: Secret::parse("s3cr3t-9f8e7d6c5b4a").unwrap(),
        }),
        events: Vec::new(),
        master_key: None,
    }
}

/// What is sent, as JSON.
fn sent(steps: &[Step]) -> Vec<Value> {
    let texts = steps.iter().filter_map(|step| match step {
        Step::Send(text) => Some(serde_json::from_str(text).unwrap()),
        _ => None,
    });
    texts.collect()
}

fn succeeded(channel: &str) -> String {
    let event = "pusher_internal:subscription_succeeded";
    json!({ "event": event, "channel": channel, "data": "{}" }).to_string()
}

/// protocol.md §18.
#[test]
fn it_authorises_itself() {
    let mut plan = plan(&["news", "private-orders", "presence-lobby"]);
    plan.identity.member = Some("u-17".to_owned());
    plan.identity.info = Some(json!({ "nick": "Zoë" }));
    plan.check().unwrap();
    let mut client = Client::new(&plan);
    let steps = client.receive(GREETING);
    assert_eq!(steps[0], Step::Agree(Duration::from_secs(30)));
    let data: Vec<_> = sent(&steps)
        .into_iter()
        .map(|m| m["data"].clone())
        .collect();
    let auth = |digest: &str| format!("k7f3d0c1b2a39485:{digest}");
    let orders = auth("ea64bd8f526c0314597dbcf1efcc433e13feab443ee28ff42e38caa7aded1aa9");
    let lobby = auth("2e3c302f93e0bdd8b0e1302c7e8cb69a0053ddcec24dc3542746e02abf79e230");
    let expect = [
        json!({ "channel": "news", "auth": "" }),
        json!({ "channel": "private-orders", "auth": orders }),
        json!({ "channel": "presence-lobby", "auth": lobby,
            "channel_data": r#"{"user_id":"u-17","user_info":{"nick":"Zoë"}}"# }),
    ];
    assert_eq!(data, expect);
}

/// protocol.md §18 and §9.1.
#[test]
fn it_signs_in_before_it_subscribes() {
    let mut plan = plan(&["presence-lobby"]);
    plan.identity.user = Some("u-17".to_owned());
    plan.identity.info = Some(json!({ "nick": "Zoë" }));
    plan.identity.watchlist = vec!["u-18".to_owned(), "u-19".to_owned()];
    plan.check().unwrap();
    let mut client = Client::new(&plan);
    let sign_in = sent(&client.receive(GREETING));
    assert_eq!(sign_in.len(), 1);
    let digest = "d8f30c20def1af20b08989ab9f8a7ca7c43fb4f9cb71094143c4d86aab8ea302";
    assert_eq!(sign_in[0]["event"], "pusher:signin");
    assert_eq!(
        sign_in[0]["data"]["auth"],
        format!("k7f3d0c1b2a39485:{digest}")
    );

    let success = r#"{"event":"pusher:signin_success","data":"{\"user_data\":\"…\"}"}"#;
    let asked = sent(&client.receive(success));
    let channels: Vec<_> = asked.iter().map(|m| &m["data"]["channel"]).collect();
    assert_eq!(channels, ["presence-lobby", "#server-to-user-u-17"]);
    // Signed without channel_data: the server knows the user.
    let digest = "25c6bd18941f4a841db5508f81983d6e58186f0bce3f7d098e2e2cba0909899b";
    assert_eq!(
        asked[0]["data"]["auth"],
        format!("k7f3d0c1b2a39485:{digest}")
    );
    assert_eq!(asked[0]["data"].get("channel_data"), None);
}

#[test]
fn errors_are_answers_while_something_is_asked() {
    let plan = plan(&["private-orders"]);
    let error = |code: Value| {
        json!({ "event": "pusher:error", "data": { "code": code, "message": "no" } }).to_string()
    };
    let refused = [Step::Refuse("no".to_owned())];
    let mut client = Client::new(&plan);
    client.receive(GREETING);
    assert_eq!(client.receive(&error(Value::Null)), refused);
    for code in [4302, 4100] {
        let told = Step::Progress(format!("the server says: no ({code})"));
        assert_eq!(client.receive(&error(code.into())), [told]);
    }
    let named = json!({ "event": "pusher:subscription_error", "channel": "private-orders",
        "data": "{\"type\":\"AuthError\",\"error\":\"bad\",\"status\":401}" });
    let refusal = Step::Refuse("private-orders: bad".to_owned());
    assert_eq!(client.receive(&named.to_string()), [refusal]);

    client.receive(&succeeded("private-orders"));
    let told = Step::Progress("the server says: no".to_owned());
    assert_eq!(client.receive(&error(Value::Null)), [told]);
}

#[test]
fn events_are_counted_unless_they_are_the_protocols() {
    let message = |event: &str| json!({ "event": event, "channel": "news" }).to_string();
    let mut plan = plan(&["news"]);
    {
        let mut client = Client::new(&plan);
        client.receive(GREETING);
        assert!(matches!(
            client.receive(&succeeded("news"))[..],
            [Step::Print(_)]
        ));
        assert!(matches!(
            client.receive(&message("pusher:cache_miss"))[..],
            [Step::Print(_)]
        ));
        assert!(matches!(
            client.receive(&message("hello"))[..],
            [Step::Count(_)]
        ));
    }
    plan.events = vec!["pusher:cache_miss".to_owned()];
    let mut client = Client::new(&plan);
    client.receive(GREETING);
    assert_eq!(client.receive(&succeeded("news")), []);
    assert_eq!(client.receive(&message("hello")), []);
    assert!(matches!(
        client.receive(&message("pusher:cache_miss"))[..],
        [Step::Count(_)]
    ));
}

#[test]
fn what_is_encrypted_is_decrypted() {
    let mut plan = plan(&["private-encrypted-vault"]);
    plan.master_key = MasterKey::parse("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").ok();
    let mut client = Client::new(&plan);
    let envelope = json!({ "nonce": "ZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXp7",
        "ciphertext": "bfLuoH+6+VIWxLSpBZZRKatj3Z8fRsy2YNph2CY=" });
    for (data, plaintext, error) in [
        (envelope.to_string(), r#"{"amount":12}"#, false),
        ("clear".to_owned(), "clear", true),
    ] {
        let message = json!({ "event": "e", "channel": "private-encrypted-vault", "data": data });
        let steps = client.receive(&message.to_string());
        let [Step::Count(event)] = &steps[..] else {
            panic!("{steps:?}");
        };
        assert_eq!(event.data.as_deref(), Some(plaintext));
        assert_eq!(event.error.is_some(), error);
    }
}

#[test]
fn it_answers_pings_and_survives_nonsense() {
    let plan = plan(&[]);
    let mut client = Client::new(&plan);
    let pong = [Step::Send(PONG.to_owned())];
    assert_eq!(client.receive(r#"{"event":"pusher:ping"}"#), pong);
    assert_eq!(client.receive(r#"{"event":"pusher:pong","data":"{}"}"#), []);
    assert!(matches!(
        client.receive("nonsense")[..],
        [Step::Progress(_)]
    ));
    let greeting = r#"{"event":"pusher:connection_established","data":"{}"}"#;
    assert!(matches!(client.receive(greeting)[..], [Step::Refuse(_)]));
}

#[test]
fn a_presence_channel_asks_who() {
    assert!(plan(&["presence-lobby"]).check().is_err());
    assert!(plan(&["a b"]).check().is_err());
    assert!(plan(&["news"]).check().is_ok());
}
