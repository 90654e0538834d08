//! Fuzz targets: functions that take any bytes at all and panic if what reads them misbehaves.
//!
//! The same functions are run by libFuzzer (`src/bin`, built by `cargo xtask fuzz`) and by an
//! ordinary test that replays the committed corpus. Inputs are made of lines, so that a corpus can
//! be read and written by hand; each target says what its lines are.
//!
//! The engine calls one exported function, which its own macro defines; no code in here is unsafe.
//!
//! This crate must not know: sockets, clocks, how the server is put together.
#![expect(
    clippy::unwrap_used,
    reason = "a target fails by panicking, which is how a fuzzer sees it"
)]

// The server is a program and has no library that this could be taken from.
#[path = "../../server/src/http1/body.rs"]
mod body;
mod client_frame;
mod client_proof;
mod configuration;
mod event_body;
mod fallback_request;
#[path = "../../server/src/http1/head.rs"]
mod head;
mod http_bytes;
#[path = "../../server/src/websocket/reader.rs"]
mod reader;
mod request_signature;
#[path = "../../server/src/fallback/route.rs"]
mod route;
mod websocket_bytes;
mod world;

pub use client_frame::client_frame;
pub use client_proof::client_proof;
pub use configuration::configuration;
pub use event_body::event_body;
pub use fallback_request::fallback_request;
pub use http_bytes::http_bytes;
pub use request_signature::request_signature;
pub use websocket_bytes::websocket_bytes;

/// A target.
pub type Target = fn(&[u8]);

/// All targets by name; the corpus of each is in the folder of that name.
pub const TARGETS: [(&str, Target); 8] = [
    ("client_frame", client_frame),
    ("client_proof", client_proof),
    ("configuration", configuration),
    ("event_body", event_body),
    ("fallback_request", fallback_request),
    ("http_bytes", http_bytes),
    ("request_signature", request_signature),
    ("websocket_bytes", websocket_bytes),
];

/// `text` up to the first end of line, and what follows it.
fn first_line(text: &str) -> (&str, &str) {
    text.split_once('\n').unwrap_or((text, ""))
}
