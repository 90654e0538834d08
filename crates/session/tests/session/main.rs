//! A session against a recording host: what comes in, what goes out, word for word.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod authorization;
mod client_events;
mod liveness;
mod properties;
mod signing_in;
mod subscribing;
mod user_channel;
mod world;
