//! A back end publishes over HTTP.

use std::sync::Arc;

use foghorn_api::{Api, Call, Head, Options};
use foghorn_auth::{UnsignedRequest, sign_request};
use foghorn_protocol::{Moment, UnixSeconds};
use http::StatusCode;
use serde_json::json;

use crate::world::{APP_ID, World, credential};

const SUBSCRIBERS: u64 = 100;
const CHANNEL: &str = "orders";
/// Bytes of an event's data.
const DATA: usize = 256;
/// The time at which requests are signed and answered.
const NOW: u64 = 1_760_000_000;

/// One unit is a signed request that publishes an event of 256 bytes to a channel that 100 clients
/// listen to.
pub fn publish(units: u64) {
    let world = World::new();
    let listeners = (1..=SUBSCRIBERS).map(|number| world.subscriber(number, CHANNEL));
    let _listeners: Vec<_> = listeners.collect();
    let publisher = Publisher::at(&world);
    let before = world.delivered();
    for _ in 0..units {
        publisher.finish(&publisher.begin());
    }
    assert_eq!(world.delivered() - before, units * SUBSCRIBERS);
}

/// A back end, with a request that is ready to be sent.
pub struct Publisher {
    api: Api,
    path: String,
    query: String,
    body: String,
}

impl Publisher {
    /// A back end of a node without clients.
    #[must_use]
    pub fn alone() -> Self {
        Self::at(&World::new())
    }

    fn at(world: &World) -> Self {
        // As SDKs do: data is text that holds JSON, and is escaped again in the body.
        let data = json!({ "id": 1, "text": "x".repeat(DATA - r#"{"id":1,"text":""}"#.len()) });
        let event = json!({ "name": "changed", "channel": CHANNEL, "data": data.to_string() });
        let body = event.to_string();
        let path = format!("/apps/{APP_ID}/events");
        let unsigned = UnsignedRequest {
            method: "POST",
            path: &path,
            params: &[],
            body: body.as_bytes(),
        };
        let query = sign_request(&credential(), &unsigned, NOW);
        Self {
            api: Api::new(Arc::clone(world.node()), Options::default()),
            path,
            query,
            body,
        }
    }

    /// Sends the head of its request, which the node accepts.
    #[must_use]
    pub fn begin(&self) -> Call<'_> {
        let head = Head {
            method: "POST",
            path: &self.path,
            query: &self.query,
            content_encoding: None,
        };
        self.api.begin(&head, UnixSeconds(NOW)).unwrap()
    }

    /// Sends the body that belongs to `call`, and gets its answer.
    pub fn finish(&self, call: &Call<'_>) {
        let body = self.body.as_bytes();
        let outcome = self.api.finish(call, body, Moment::default());
        assert_eq!(outcome.answer.status, StatusCode::OK);
    }
}
