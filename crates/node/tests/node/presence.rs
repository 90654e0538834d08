//! Members of presence channels on a node that is alone.

use serde_json::json;

use crate::client::Client;
use crate::site::Site;

const LOBBY: &str = "presence-lobby";

fn added(user: &str) -> String {
    format!(r#"pusher_internal:member_added {LOBBY} {{"user_id":"{user}"}}"#)
}

fn removed(user: &str) -> String {
    format!(r#"pusher_internal:member_removed {LOBBY} {{"user_id":"{user}"}}"#)
}

#[test]
fn a_user_with_two_connections_is_one_member() {
    let site = Site::alone();
    let watcher = site.member(LOBBY, "watcher");
    assert_eq!(watcher.heard_members(), ["watcher"]);
    let first = site.member(LOBBY, "zoe");
    assert_eq!(first.heard_members(), ["watcher", "zoe"]);
    let second = site.member(LOBBY, "zoe");
    assert_eq!(second.heard_members(), ["watcher", "zoe"]);
    assert_eq!(watcher.heard(), [added("zoe")]);
    assert_eq!(site.occupancy(LOBBY), (3, 2));
    assert_eq!(site.user_ids(LOBBY), ["watcher", "zoe"]);
    drop(first);
    assert_eq!(watcher.heard(), [""; 0]);
    assert_eq!(site.occupancy(LOBBY), (2, 2));
    assert_eq!(second.heard(), [""; 0]);
    drop(second);
    assert_eq!(watcher.heard(), [removed("zoe")]);
    assert_eq!(site.user_ids(LOBBY), ["watcher"]);
    drop(watcher);
    site.assert_empty();
}

#[test]
fn unsubscribing_is_leaving() {
    let site = Site::alone();
    let watcher = site.member(LOBBY, "watcher");
    watcher.letters();
    let mut zoe = site.member(LOBBY, "zoe");
    zoe.unsubscribe(LOBBY);
    zoe.join(LOBBY, r#"{"user_id":"zoe"}"#);
    assert_eq!(
        watcher.heard(),
        [added("zoe"), removed("zoe"), added("zoe")]
    );
}

#[test]
fn the_wire_byte_for_byte() {
    let site = Site::alone();
    let mut zoe = site.client();
    zoe.join(LOBBY, r#"{"user_id":"u-17","user_info":{"nick":"Zoë"}}"#);
    let mut ten = site.client();
    ten.join(LOBBY, r#"{"user_id":10}"#);
    assert_eq!(
        ten.texts(),
        [
            r#"{"event":"pusher_internal:subscription_succeeded","channel":"presence-lobby","data":"{\"presence\":{\"ids\":[\"10\",\"u-17\"],\"hash\":{\"10\":null,\"u-17\":{\"nick\":\"Zoë\"}},\"count\":2}}"}"#
        ]
    );
    drop(ten);
    assert_eq!(
        zoe.texts()[1..],
        [
            r#"{"event":"pusher_internal:member_added","channel":"presence-lobby","data":"{\"user_id\":\"10\"}"}"#,
            r#"{"event":"pusher_internal:member_removed","channel":"presence-lobby","data":"{\"user_id\":\"10\"}"}"#,
        ]
    );
}

#[test]
fn a_number_is_the_user_of_its_digits() {
    let site = Site::alone();
    let watcher = site.member(LOBBY, "watcher");
    watcher.letters();
    let mut number = site.client();
    number.join(LOBBY, r#"{"user_id":10}"#);
    let text = site.member(LOBBY, "10");
    assert_eq!(watcher.heard(), [added("10")]);
    assert_eq!(site.occupancy(LOBBY), (3, 2));
    // Digits beyond what a float can hold are kept apart.
    let mut big = site.client();
    big.join(LOBBY, r#"{"user_id":9007199254740993}"#);
    big.unsubscribe(LOBBY);
    big.join(LOBBY, r#"{"user_id":9007199254740992}"#);
    assert_eq!(site.user_ids(LOBBY), ["10", "9007199254740992", "watcher"]);
    drop((number, text));
    assert_eq!(site.user_ids(LOBBY), ["9007199254740992", "watcher"]);
}

#[test]
fn the_newest_info_is_in_the_next_snapshot_and_told_to_nobody() {
    let site = Site::alone();
    let mut first = site.client();
    first.join(LOBBY, r#"{"user_id":"zoe","user_info":{"v":1}}"#);
    first.letters();
    let mut second = site.client();
    second.join(LOBBY, r#"{"user_id":"zoe","user_info":{"v":2}}"#);
    assert_eq!(first.heard(), [""; 0]);
    let late = site.member(LOBBY, "late");
    let snapshot = &late.letters()[0].data;
    assert!(snapshot.contains(r#""zoe":{"v":2}"#), "{snapshot}");
}

#[test]
fn the_101st_user_is_refused_but_not_those_who_are_in() {
    let site = Site::alone();
    let members: Vec<Client> = (0..100)
        .map(|user| site.member(LOBBY, &user.to_string()))
        .collect();
    for mut drain in site.drains() {
        site.finish(&mut drain, 50);
    }
    members.iter().for_each(|member| drop(member.letters()));
    let mut refused = site.member(LOBBY, "100");
    let text = "Presence channel presence-lobby is full (100 members, the limit is 100)";
    let status = json!({ "type": "LimitReached", "error": text, "status": 4100 });
    assert_eq!(
        refused.heard(),
        [
            format!("pusher:error  {}", json!({ "code": null, "message": text })),
            format!(
                r#"pusher:subscription_error {LOBBY} {{"type":"LimitReached","error":"{text}","status":{}}}"#,
                status["status"]
            ),
        ]
    );
    let again = site.member(LOBBY, "42");
    assert_eq!(again.heard_members().len(), 100);
    assert_eq!(site.occupancy(LOBBY), (101, 100));
    assert!(members.iter().all(|member| member.heard().is_empty()));
    // The refused connection lives on and may try again when there is room.
    drop(members.into_iter().next());
    refused.join(LOBBY, r#"{"user_id":"100"}"#);
    assert_eq!(refused.heard().len(), 1);
    drop((refused, again));
    for mut drain in site.drains() {
        site.finish(&mut drain, 50);
    }
    site.assert_empty();
}
