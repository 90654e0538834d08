//! Members of a presence channel, here and on other nodes.

use foghorn_channels::{Remote, Subscribe};

use crate::world::{Recorder, finish, hub, join_as, key, member, socket, subscriber, user};

#[test]
fn presence_is_merged_with_other_nodes() {
    let announced = Recorder::quick();
    let hub = hub(announced.clone());
    let lobby = key("presence-lobby");
    let (inbox, drain) = join_as(&hub, &lobby, 1, "zoe");
    finish(drain);
    let count = |before, after| Remote::Count { before, after };
    finish(hub.apply(&lobby, &count(0, 2)));
    finish(hub.apply(&lobby, &Remote::Joined(member("bob"))));
    finish(hub.apply(&lobby, &Remote::Joined(member("zoe"))));
    assert_eq!(hub.occupancy(&lobby).subscriptions, 3);
    assert_eq!(hub.occupancy(&lobby).users, 2);
    // Full for a newcomer, open for who is present elsewhere.
    let newcomer = Subscribe {
        member: Some(member("eve")),
        ..subscriber(2).1
    };
    assert!(hub.subscribe(&lobby, newcomer).is_err());
    finish(join_as(&hub, &lobby, 3, "bob").1);
    finish(hub.apply(&lobby, &Remote::Left(user("zoe"))));
    finish(hub.apply(&lobby, &Remote::Left(user("bob"))));
    // INV-SNAPSHOT-1: what follows the roster in the ack is exactly what changed since.
    let heard = inbox.heard();
    assert_eq!(
        heard.len(),
        2,
        "ack and one member_added for bob, nothing twice: {heard:?}"
    );
    finish(hub.unsubscribe(&lobby, socket(3), Some(&user("bob"))));
    finish(hub.unsubscribe(&lobby, socket(1), Some(&user("zoe"))));
    assert_eq!(
        hub.channels(),
        1,
        "it lives on while another node has subscribers"
    );
    finish(hub.apply(&lobby, &count(2, 0)));
    assert_eq!(hub.channels(), 0);
    assert!(announced.said().contains(&"lost presence-lobby".to_owned()));
}

#[test]
fn a_refused_newcomer_leaves_no_trace() {
    let announced = Recorder::quick();
    let hub = hub(announced.clone());
    let lobby = key("presence-lobby");
    let newcomer = Subscribe {
        member: Some(member("eve")),
        max_members: 0,
        ..subscriber(2).1
    };
    assert!(hub.subscribe(&lobby, newcomer).is_err());
    assert_eq!(hub.channels(), 0);
    assert_eq!(announced.said(), Vec::<String>::new());
}
