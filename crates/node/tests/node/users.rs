//! Users: who signs in is reached by the user's own events, and can be sent away.

use foghorn_channels::QueueLimits;
use foghorn_cluster::{Inbound, Joining, Topic};
use foghorn_node::Clustering;
use foghorn_protocol::{Close, CloseCode};

use crate::client::{Client, event, recipient};
use crate::site::{ONE, Setup, Site, TWO};
use crate::world::World;

const ANN: &str = "#server-to-user-ann";

fn terminated() -> Close {
    Close::new(CloseCode::Unauthorized, "Terminated by the application")
}

fn topic(user: &str) -> Topic {
    Topic::Audience {
        app: ONE.into(),
        recipient: recipient(user),
    }
}

#[test]
fn every_connection_of_a_user_hears_an_event_once() {
    let mut world = World::of(3);
    let mut ann = [0, 0, 1].map(|site| world.sites[site].signed_in("ann"));
    let others = [
        world.sites[2].signed_in("zoe"),
        world.sites[0].client(),
        world.sites[1].subscriber("news"),
    ];
    // Clients subscribe to what they get anyway.
    ann[0].subscribe(ANN);
    let acknowledged = format!("pusher_internal:subscription_succeeded {ANN} {{}}");
    assert_eq!(ann[0].heard(), [&*acknowledged]);
    world.settle();
    // From a node where the user is, and from one where nobody is.
    for site in [0, 2] {
        world.sites[site].publish(&[ANN], "1").unwrap();
        world.settle();
        for client in &ann {
            assert_eq!(client.heard(), [format!("e {ANN} 1")]);
        }
    }
    let mut publish = event(&[ANN], "2");
    publish.except = Some(ann[2].socket());
    let site = &world.sites[0];
    site.node
        .publish(&site.app(ONE), &[publish], world.now())
        .unwrap();
    world.settle();
    assert_eq!([0, 1, 2].map(|at| ann[at].heard().len()), [1, 1, 0]);
    // Who unsubscribes hears nothing, until it subscribes again.
    ann[0].unsubscribe(ANN);
    world.sites[2].publish(&[ANN], "3").unwrap();
    world.settle();
    assert_eq!([0, 1, 2].map(|at| ann[at].heard().len()), [0, 1, 1]);
    ann[0].subscribe(ANN);
    world.sites[2].publish(&[ANN], "4").unwrap();
    world.settle();
    assert_eq!(ann[0].heard(), [acknowledged, format!("e {ANN} 4")]);
    for other in &others {
        assert_eq!(other.heard(), [""; 0]);
    }
}

#[test]
fn a_user_is_no_channel() {
    let mut world = World::of(2);
    let users = [0, 1].map(|site| world.sites[site].signed_in("ann"));
    world.settle();
    for site in &world.sites {
        assert_eq!(site.occupied(""), []);
        assert_eq!(site.node.channels(), 0);
        assert_eq!(site.gauge("foghorn_subscriptions", ONE), 0);
    }
    drop(users);
    world.settle();
    world.sites.iter().for_each(Site::assert_empty);
}

#[test]
fn users_of_other_apps_are_others() {
    let site = Site::alone();
    let one = site.signed_in("ann");
    let mut two = site.open(TWO, "7");
    two.sign_in(r#"{"id":"ann"}"#);
    two.letters();
    site.publish(&[ANN], "1").unwrap();
    site.terminate("ann");
    assert_eq!(one.heard(), [format!("e {ANN} 1")]);
    assert_eq!(one.asked_to_close(), Some(&terminated()));
    assert_eq!(two.heard(), [""; 0]);
    assert_eq!(two.asked_to_close(), None);
}

#[test]
fn terminating_closes_whoever_is_signed_in_on_every_node() {
    for from in 0..3 {
        let mut world = World::of(3);
        let mut ann = [0, 0, 1].map(|site| world.sites[site].signed_in("ann"));
        // It does not hear the user's events, and is signed in all the same.
        ann[1].unsubscribe(ANN);
        let others = [
            world.sites[0].signed_in("zoe"),
            world.sites[1].client(),
            world.sites[1].member("presence-lobby", "ann"),
        ];
        world.settle();
        world.sites[from].terminate("ann");
        world.settle();
        for client in &ann {
            assert_eq!(client.asked_to_close(), Some(&terminated()), "from {from}");
        }
        for other in &others {
            assert_eq!(other.asked_to_close(), None, "from {from}");
        }
        // Whoever comes back stays.
        let again = world.sites[0].signed_in("ann");
        world.settle();
        assert_eq!(again.asked_to_close(), None);
    }
}

#[test]
fn terminating_nobody_does_nothing() {
    let mut world = World::of(2);
    world.sites[0].terminate("nobody");
    world.settle();
    world.sites.iter().for_each(Site::assert_empty);
}

#[test]
fn a_sign_in_ends_with_its_connection() {
    let mut world = World::of(2);
    let user = world.sites[0].signed_in("ann");
    world.settle();
    assert!(world.sites[0].node.wants(&topic(ANN)));
    drop(user);
    world.settle();
    assert!(!world.sites[0].node.wants(&topic(ANN)));
    let mut again = world.sites[0].client();
    again.subscribe(ANN);
    let refused = format!(
        "pusher:error  {{\"code\":null,\"message\":\"Cannot subscribe to {ANN}: the connection is \
         not signed in as this user\"}}"
    );
    assert_eq!(again.heard(), [refused]);
    world.sites[1].publish(&[ANN], "1").unwrap();
    world.sites[1].terminate("ann");
    world.settle();
    assert_eq!(again.heard(), [""; 0]);
    assert_eq!(again.asked_to_close(), None);
}

#[test]
fn a_sign_in_is_told_once_nothing_can_be_missed() {
    let site = Site::new(
        1,
        Setup {
            clustering: Clustering::Linked(Joining::Later),
            ..Setup::default()
        },
    );
    let mut client = site.client();
    client.sign_in(r#"{"id":"ann"}"#);
    site.publish(&[ANN], "1").unwrap();
    assert_eq!(client.heard(), [""; 0]);
    assert!(site.node.wants(&topic(ANN)));
    let joined = Inbound::Joined(topic(ANN));
    site.node.on_inbound(joined, site.clock.now());
    let events: Vec<String> = client.letters().into_iter().map(|l| l.event).collect();
    assert_eq!(events, ["pusher:signin_success", "e"]);
}

#[test]
fn a_sign_in_that_does_not_fit_is_refused_and_leaves_nothing() {
    let site = Site::new(
        1,
        Setup {
            queue_limits: QueueLimits {
                operations: 0,
                ..QueueLimits::default()
            },
            ..Setup::default()
        },
    );
    let mut client = site.client();
    client.sign_in(r#"{"id":"ann"}"#);
    let refused = "Cannot sign in as ann: over capacity, try again later";
    assert_eq!(
        client.heard(),
        [format!(
            r#"pusher:error  {{"code":null,"message":"{refused}"}}"#
        )]
    );
    assert!(!site.node.wants(&topic(ANN)));
    site.terminate("ann");
    assert_eq!(client.asked_to_close(), None);
    drop(client);
    site.assert_empty();
}

#[test]
fn a_crowd_of_one_user_is_served_in_slices() {
    let site = Site::alone();
    let crowd: Vec<Client> = (0..300).map(|_| site.signed_in("ann")).collect();
    site.publish(&[ANN], "1").unwrap();
    site.terminate("ann");
    let reached = crowd.iter().filter(|client| !client.heard().is_empty());
    assert_eq!(reached.count(), 32);
    for mut drain in site.drains() {
        assert!(site.finish(&mut drain, 50) > 1);
    }
    let reached = crowd.iter().filter(|client| !client.heard().is_empty());
    assert_eq!(reached.count(), 268);
    for client in &crowd {
        assert_eq!(client.asked_to_close(), Some(&terminated()));
    }
}
