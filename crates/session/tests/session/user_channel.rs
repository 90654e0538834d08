//! The pseudo channel of a user's own events.

use foghorn_protocol::Limits;
use foghorn_session::{ClientEvents, Policy};

use crate::world::{World, auth, error, policy, sign_in, subscribe, subscribed, unsubscribe};

const MINE: &str = "#server-to-user-u-17";

fn signed_in() -> World {
    let mut world = World::new();
    world.feed(&sign_in(r#"{"id":"u-17"}"#));
    world
}

fn missing(channel: &str) -> String {
    let message =
        format!("No current subscription to channel {channel}, or subscription in progress");
    error(&message)
}

#[test]
fn subscribing_and_unsubscribing_as_often_as_one_likes() {
    let mut world = signed_in();
    let existing = error(&format!("Existing subscription to channel {MINE}"));
    world.check(&subscribe(MINE, "", None), &[&subscribed(MINE)]);
    for _ in 0..2 {
        world.check(&subscribe(MINE, "", None), &[&existing]);
        world.check(&unsubscribe(MINE), &["IGNORE u-17"]);
        world.check(&unsubscribe(MINE), &[&missing(MINE)]);
        // The events come again from this place on.
        world.check(
            &subscribe(MINE, "", None),
            &["LISTEN u-17", &subscribed(MINE)],
        );
    }
    assert_eq!(world.end(), ["SIGN OUT u-17"]);
}

#[test]
fn the_events_that_come_unasked_can_be_stopped() {
    let mut world = signed_in();
    world.check(&unsubscribe(MINE), &["IGNORE u-17"]);
    assert_eq!(world.end(), ["SIGN OUT u-17"], "still signed in");
}

#[test]
fn nobody_hears_what_is_for_somebody_else() {
    let refused = |name: &str| {
        let message =
            format!("Cannot subscribe to {name}: the connection is not signed in as this user");
        error(&message)
    };
    for mut world in [World::new(), signed_in()] {
        for other in [
            "#server-to-user-u-18",
            "#server-to-user-u-1",
            "#server-to-user-",
        ] {
            world.check(&subscribe(other, "", None), &[&refused(other)]);
            world.check(&unsubscribe(other), &[&missing(other)]);
        }
    }
    let mut world = World::new();
    world.check(&subscribe(MINE, "", None), &[&refused(MINE)]);
    world.check(&unsubscribe(MINE), &[&missing(MINE)]);
    // A signature does not help.
    let papers = auth(MINE, None);
    world.check(&subscribe(MINE, &papers, None), &[&refused(MINE)]);
}

#[test]
fn a_made_up_id_does_not_come_back_in_full() {
    let mut world = signed_in();
    let long = format!("#server-to-user-{}", "ä".repeat(20_000));
    for text in [subscribe(&long, "", None), unsubscribe(&long)] {
        let out = world.feed(&text);
        assert!(out.len() == 1 && out[0].len() < 1_000, "{out:?}");
    }
}

#[test]
fn it_is_no_channel() {
    let limits = Limits {
        max_channels_per_connection: 0,
        ..Limits::default()
    };
    let mut world = World::of(Policy {
        limits,
        ..policy(ClientEvents::Allowed)
    });
    world.feed(&sign_in(r#"{"id":"u-17"}"#));
    world.check(&subscribe(MINE, "", None), &[&subscribed(MINE)]);
    assert_eq!(world.session.subscriptions(), 0);
    let out = world.feed(&format!(
        r#"{{"event":"client-a","channel":"{MINE}","data":1}}"#
    ));
    assert!(
        out.len() == 1 && out[0].contains("channel name contains '#'"),
        "{out:?}"
    );
}
