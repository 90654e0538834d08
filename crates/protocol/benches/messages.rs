//! Reading what clients say, and encoding what they get.
#![expect(
    clippy::unwrap_used,
    reason = "a broken benchmark may say so by panicking"
)]

use criterion::Criterion;
use foghorn_protocol::{ClientMessage, ServerMessage};
use std::hint::black_box;

const SUBSCRIBE: &str = r#"{"event":"pusher:subscribe","data":{"auth":"k7f3d0c1b2a39485:1bb41b8b5b5c7fa6f27b5a2a1e2b6a2a5a0f1a0e5b1d3a6cb4a2e5d6f7a8b9c0","channel":"private-orders"}}"#;
const CLIENT_EVENT: &str =
    r#"{"event":"client-moved","channel":"presence-room","data":{"x":103,"y":871,"typing":true}}"#;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    parse(&mut criterion);
    encode(&mut criterion);
    criterion.final_summary();
}

fn parse(criterion: &mut Criterion) {
    for (name, text) in [
        ("protocol/parse a subscription", SUBSCRIBE),
        ("protocol/parse a client event", CLIENT_EVENT),
    ] {
        criterion.bench_function(name, |bencher| {
            bencher.iter(|| drop(black_box(ClientMessage::parse(black_box(text)).unwrap())));
        });
    }
}

/// Data is text that holds JSON, whose quotes have to be escaped.
fn encode(criterion: &mut Criterion) {
    let data = format!(r#"{{"id":1,"text":"{}"}}"#, "x".repeat(238));
    criterion.bench_function("protocol/encode an event of 256 bytes", |bencher| {
        bencher.iter(|| {
            let message = ServerMessage::Event {
                event: "changed",
                channel: "orders",
                data: black_box(&data),
                user_id: None,
            };
            message.encode()
        });
    });
}
