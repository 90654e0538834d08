//! Clients come and go.

use foghorn_protocol::Moment;
use serde_json::json;

use crate::world::{World, say, subscription};

/// Clients that are there all the time.
const OTHERS: u64 = 49;
/// The one that comes and goes.
const GUEST: u64 = 50;
const SHARED: &str = "private-lobby";
const OWN: &str = "private-of-one";

/// One unit is a client that connects, subscribes to two private channels, one with 49 others and
/// one for itself alone, unsubscribes from the first and ends while it is on the second.
pub fn subscribe(units: u64) {
    let world = World::new();
    let others = (1..=OTHERS).map(|number| world.subscriber(number, SHARED));
    let _others: Vec<_> = others.collect();
    let enter = [SHARED, OWN].map(|channel| subscription(GUEST, channel));
    let leave = json!({ "event": "pusher:unsubscribe", "data": { "channel": SHARED } }).to_string();
    let before = world.delivered();
    for _ in 0..units {
        let mut guest = world.connect(GUEST);
        for message in enter.iter().chain([&leave]) {
            say(&mut guest, message, Moment::default());
        }
    }
    // The greeting and two acknowledgements.
    assert_eq!(world.delivered() - before, units * 3);
    assert_eq!(world.node().connections(), OTHERS);
}
