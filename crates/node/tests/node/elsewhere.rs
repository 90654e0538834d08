//! Messages that reach a node which does not hold their session.

use std::time::Duration;

use foghorn_cluster::{Inbound, Message, NodeId, Topic};
use foghorn_node::Elsewhere;
use foghorn_protocol::fallback::SessionName;

use crate::site::{ONE, Site, TWO};
use crate::world::{Fate, Sent, World};

const LINK_IS_FULL: [(&str, &str); 1] = [("queue", "link")];

fn session(name: &str) -> SessionName {
    name.parse().unwrap()
}

fn send(site: &Site, app: &str, name: &str, messages: &[&str]) -> Elsewhere {
    let messages = messages.iter().map(|text| (*text).to_owned()).collect();
    let now = site.clock.now();
    site.node
        .send_elsewhere(&site.app(app), session(name), messages, now)
}

fn sent(app: &str, name: &str, messages: &[&str]) -> Sent {
    let messages = messages.iter().map(|text| (*text).to_owned()).collect();
    (app.into(), session(name), messages)
}

#[test]
fn every_other_node_is_handed_what_was_sent_once_and_in_order() {
    let mut world = World::of(3);
    let (first, second) = (["{\"event\":\"ü\"}", "no JSON"], ["\n"]);
    for (app, name, messages) in [
        (ONE, "469/l1o1166u", &first[..]),
        (ONE, "0/00000000", &second),
        // The same name in another app is another session.
        (TWO, "469/l1o1166u", &second),
        // A sign of life.
        (ONE, "469/l1o1166u", &[]),
    ] {
        let told = send(&world.sites[1], app, name, messages);
        assert_eq!(told, Elsewhere::Told);
    }
    world.settle();
    let expect = [
        sent(ONE, "469/l1o1166u", &first),
        sent(ONE, "0/00000000", &second),
        sent(TWO, "469/l1o1166u", &second),
        sent(ONE, "469/l1o1166u", &[]),
    ];
    assert_eq!(world.sent(0), expect);
    assert_eq!(world.sent(1), []);
    assert_eq!(world.sent(2), expect);
}

#[test]
fn what_was_passed_on_goes_no_further() {
    let mut world = World::of(3);
    assert_eq!(
        send(&world.sites[0], ONE, "1/l1o1166u", &["{}"]),
        Elsewhere::Told
    );
    let mut said = 0;
    world.settle_with(|_, message| {
        said += usize::from(matches!(message, Message::Sent { .. }));
        Fate::Arrives
    });
    assert_eq!(said, 1);
}

#[test]
fn what_is_for_no_app_of_the_node_and_its_own_words_are_dropped() {
    let world = World::of(1);
    let site = &world.sites[0];
    site.effects();
    for (app, from) in [("nowhere", NodeId::from_random(99)), (ONE, site.node.id())] {
        let (app, session, messages) = sent(app, "1/l1o1166u", &["{}"]);
        let message = Message::Sent {
            app,
            session,
            messages,
        };
        let (topic, bytes) = (Topic::Control, message.encode(from));
        site.node
            .on_inbound(Inbound::Message { topic, bytes }, world.now());
        assert!(site.effects().is_empty(), "{from}");
    }
    let unreadable = "foghorn_cluster_unreadable_messages_total";
    assert_eq!(site.counter(unreadable, &[]), 0);
}

#[test]
fn a_node_alone_has_nobody_to_tell() {
    let site = Site::alone();
    assert_eq!(send(&site, ONE, "1/l1o1166u", &["{}"]), Elsewhere::Nowhere);
    assert!(site.effects().is_empty());
    assert_eq!(site.counter("foghorn_overflows_total", &LINK_IS_FULL), 0);
}

#[test]
fn what_strangers_have_a_node_pass_on_is_bounded() {
    let mut world = World::of(2);
    let text = "x".repeat(1 << 20);
    let tell = |world: &World, text: &str| send(&world.sites[0], ONE, "1/l1o1166u", &[text]);
    for _ in 0..3 {
        assert_eq!(tell(&world, &text), Elsewhere::Told);
    }
    // Beside its text each costs 256 bytes.
    assert_eq!(tell(&world, &text), Elsewhere::TooMuch);
    let short = (0..).take_while(|_| tell(&world, "") == Elsewhere::Told);
    let short = short.count();
    assert_eq!(short, (1 << 20) / 256 - 3);
    let overflows =
        |world: &World| world.sites[0].counter("foghorn_overflows_total", &LINK_IS_FULL);
    assert_eq!(overflows(&world), 2);
    world.settle();
    assert_eq!(world.sent(1).len(), 3 + short);
    // A second later all is well, even for more than a second's worth in one message.
    world.wait(Duration::from_secs(1));
    assert_eq!(tell(&world, &text.repeat(5)), Elsewhere::Told);
    assert_eq!(tell(&world, ""), Elsewhere::TooMuch);
    // What others tell is theirs to bound.
    world.settle();
    assert_eq!(
        send(&world.sites[1], ONE, "1/l1o1166u", &["{}"]),
        Elsewhere::Told
    );
    world.settle();
    assert_eq!(world.sent(0), [sent(ONE, "1/l1o1166u", &["{}"])]);
}
