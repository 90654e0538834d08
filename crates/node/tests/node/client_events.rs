//! Events that clients send to each other.

use serde_json::{Value, json};

use crate::site::{ONE, Site};

fn typing(channel: &str, data: &Value) -> Value {
    json!({ "event": "client-typing", "channel": channel, "data": data, "user_id": "forged" })
}

#[test]
fn everyone_else_hears_them() {
    let site = Site::alone();
    let mut sender = site.member("presence-a", "zoe");
    let other_tab = site.member("presence-a", "zoe");
    let other = site.member("presence-a", "ann");
    for client in [&sender, &other_tab, &other] {
        client.letters();
    }
    sender.say(&typing("presence-a", &json!({ "on": true })));
    assert_eq!(sender.texts(), [""; 0]);
    for client in [&other_tab, &other] {
        assert_eq!(
            client.texts(),
            [
                r#"{"event":"client-typing","channel":"presence-a","data":"{\"on\":true}","user_id":"zoe"}"#
            ]
        );
    }
    let published = [("app_id", ONE), ("origin", "client")];
    assert_eq!(
        site.counter("foghorn_events_published_total", &published),
        1
    );
}

#[test]
fn only_presence_channels_name_the_sender() {
    let site = Site::alone();
    let mut sender = site.subscriber("private-a");
    let other = site.subscriber("private-a");
    sender.say(&typing("private-a", &json!("as it is")));
    assert_eq!(
        other.texts(),
        [r#"{"event":"client-typing","channel":"private-a","data":"as it is"}"#]
    );
}

#[test]
fn those_who_may_not_are_told_and_nobody_hears_them() {
    let site = Site::alone();
    let listeners = ["news", "private-a", "private-encrypted-a"].map(|c| site.subscriber(c));
    let mut sender = site.subscriber("news");
    sender.subscribe("private-encrypted-a");
    sender.letters();
    for channel in ["news", "private-a", "private-encrypted-a", "private-nobody"] {
        sender.say(&typing(channel, &json!({})));
        let letters = sender.letters();
        assert_eq!(letters.len(), 1, "{channel}");
        assert_eq!(letters[0].event, "pusher:error", "{channel}");
    }
    assert!(listeners.iter().all(|client| client.heard().is_empty()));
    let published = [("app_id", ONE), ("origin", "client")];
    assert_eq!(
        site.counter("foghorn_events_published_total", &published),
        0
    );
}

#[test]
fn the_eleventh_within_a_second_is_dropped() {
    let site = Site::alone();
    let mut sender = site.subscriber("private-a");
    let other = site.subscriber("private-a");
    for number in 0..11 {
        sender.say(&typing("private-a", &json!(number)));
    }
    let expect: Vec<String> = (0..10).map(|number| number.to_string()).collect();
    assert_eq!(other.heard_data(), expect);
    assert_eq!(
        sender.heard(),
        [
            r#"pusher:error  {"code":4301,"message":"The client event rate limit of 10 per second has been exceeded: 0 left, the next in 100 ms"}"#
        ]
    );
}
