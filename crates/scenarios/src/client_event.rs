//! A client speaks to others.

use std::time::Duration;

use foghorn_protocol::Moment;
use serde_json::json;

use crate::world::{World, say};

const MEMBERS: u64 = 50;
const CHANNEL: &str = "presence-room";
/// Between two events of a client; the default limit is ten per second.
const PAUSE: Duration = Duration::from_millis(100);

/// One unit is a client event on a presence channel of 50 members, from one to all others.
pub fn client_event(units: u64) {
    let world = World::new();
    let members = (1..=MEMBERS).map(|number| world.subscriber(number, CHANNEL));
    let mut members: Vec<_> = members.collect();
    let speaker = members.last_mut().unwrap();
    let data = json!({ "x": 103, "y": 871, "typing": true });
    let event = json!({ "event": "client-moved", "channel": CHANNEL, "data": data }).to_string();
    let before = world.delivered();
    let mut now = Moment::default();
    for _ in 0..units {
        now = now.after(PAUSE);
        say(speaker, &event, now);
    }
    assert_eq!(world.delivered() - before, units * (MEMBERS - 1));
}
