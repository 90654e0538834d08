//! Large audiences: slices, order, and pushing back.

use foghorn_channels::{Progress, QueueLimits};
use foghorn_node::OverCapacity;
use serde_json::json;

use crate::client::{Client, event, name};
use crate::site::{ONE, Setup, Site};

/// More than a publisher serves itself.
const MANY: usize = 300;
/// How many it serves itself.
const INLINE: usize = 32;

fn crowd(site: &Site, channel: &str) -> Vec<Client> {
    let crowd: Vec<Client> = (0..MANY).map(|_| site.subscriber(channel)).collect();
    assert!(site.effects().is_empty());
    crowd
}

fn with_limits(sends: usize, bytes: usize) -> Site {
    Site::new(
        1,
        Setup {
            queue_limits: QueueLimits {
                sends,
                bytes,
                operations: usize::MAX,
                ..QueueLimits::default()
            },
            ..Setup::default()
        },
    )
}

#[test]
fn the_rest_is_handed_to_the_shell() {
    let site = Site::alone();
    let crowd = crowd(&site, "big");
    site.publish(&["big"], "1").unwrap();
    let mut heard = vec![Vec::new(); MANY];
    let mut listen = || {
        let mut count = 0;
        for (client, heard) in crowd.iter().zip(&mut heard) {
            let news = client.heard_data();
            count += news.len();
            heard.extend(news);
        }
        count
    };
    assert_eq!(listen(), INLINE);
    // While somebody drains, everyone else only appends.
    site.publish(&["big"], "2").unwrap();
    let mut late = site.client();
    late.subscribe("big");
    site.publish(&["big"], "3").unwrap();
    assert_eq!(listen(), 0);
    // A newcomer does not wait for what is not for it.
    let greeting = "pusher_internal:subscription_succeeded big {}";
    assert_eq!(late.heard(), [greeting]);
    let mut drains = site.drains();
    assert_eq!(drains.len(), 1);
    let drain = &mut drains[0];
    assert_eq!(drain.run(100), Progress::More);
    assert_eq!(listen(), 100);
    while drain.run(100) == Progress::More {
        let slice = listen();
        // "2" and "3" are delivered together.
        assert!((1..=200).contains(&slice), "{slice}");
    }
    listen();
    assert!(heard.iter().all(|heard| *heard == ["1", "2", "3"]));
    assert_eq!(late.heard(), ["e big 3"], "it came between 2 and 3");
    assert!(site.effects().is_empty());
    drop((crowd, late));
    site.assert_empty();
}

#[test]
fn a_crowd_may_go_while_its_events_still_wait() {
    let site = Site::alone();
    let mut crowd = crowd(&site, "big");
    site.publish(&["big"], "1").unwrap();
    site.publish(&["big"], "2").unwrap();
    let stays = crowd.pop().unwrap();
    drop(crowd);
    assert_eq!(site.occupancy("big"), (1, 0));
    let mut drains = site.drains();
    let slices = site.finish(&mut drains[0], 64);
    assert!(slices > 1, "{slices}");
    assert_eq!(stays.heard(), ["e big 1", "e big 2"]);
    drop(stays);
    site.assert_empty();
}

#[test]
fn a_drain_that_is_dropped_loses_nothing() {
    let site = Site::alone();
    let crowd = crowd(&site, "big");
    site.publish(&["big"], "1").unwrap();
    drop(site.drains());
    site.publish(&["big"], "2").unwrap();
    for mut drain in site.drains() {
        site.finish(&mut drain, 1_000);
    }
    assert!(crowd.iter().all(|client| client.heard_data() == ["1", "2"]));
}

#[test]
fn an_audience_over_capacity_takes_nothing_and_neither_do_the_others() {
    let tiny = event(&["big"], "x");
    // Two of these frames are more than 80 bytes, one is not.
    let bytes = 80;
    for site in [with_limits(2, usize::MAX), with_limits(usize::MAX, bytes)] {
        let crowd = crowd(&site, "big");
        let small = site.subscriber("small");
        // The first is being delivered, two more wait.
        for _ in 0..3 {
            site.node
                .publish(
                    &site.app(ONE),
                    std::slice::from_ref(&tiny),
                    site.clock.now(),
                )
                .unwrap();
        }
        let over = Err(OverCapacity {
            recipient: name("big").into(),
        });
        assert_eq!(site.publish(&["small", "big"], "4"), over);
        let events = [event(&["small"], "4"), event(&["big"], "4")];
        let published = site.node.publish(&site.app(ONE), &events, site.clock.now());
        assert_eq!(published.map(drop), over);
        assert!(small.heard().is_empty());
        let overflows = site.counter("foghorn_overflows_total", &[("queue", "channel")]);
        assert_eq!(overflows, 2);
        let published = [("app_id", ONE), ("origin", "api")];
        assert_eq!(
            site.counter("foghorn_events_published_total", &published),
            3
        );
        // Others go on, and so does this one once it has caught up.
        site.publish(&["small"], "5").unwrap();
        assert_eq!(small.heard(), ["e small 5"]);
        for mut drain in site.drains() {
            site.finish(&mut drain, 1_000);
        }
        site.publish(&["small", "big"], "6").unwrap();
        for mut drain in site.drains() {
            site.finish(&mut drain, 1_000);
        }
        assert_eq!(small.heard(), ["e small 6"]);
        assert!(
            crowd
                .iter()
                .all(|client| client.heard_data() == ["x", "x", "x", "6"])
        );
    }
}

#[test]
fn client_events_are_pushed_back_too() {
    let site = with_limits(1, usize::MAX);
    let mut crowd = crowd(&site, "private-big");
    site.publish(&["private-big"], "1").unwrap();
    site.publish(&["private-big"], "2").unwrap();
    let mut sender = crowd.pop().unwrap();
    sender.letters();
    sender.say(&json!({ "event": "client-e", "channel": "private-big", "data": "3" }));
    assert_eq!(
        sender.heard(),
        [
            r#"pusher:error  {"code":null,"message":"Client event rejected: private-big is over capacity, try again later"}"#
        ]
    );
    for mut drain in site.drains() {
        site.finish(&mut drain, 1_000);
    }
    assert!(crowd.iter().all(|client| client.heard_data() == ["1", "2"]));
}
