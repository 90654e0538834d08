//! The HTTP API without HTTP: heads and bodies in, answers out, word for word.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod authentication;
mod batch;
mod channels;
mod events;
mod info;
mod malformed;
mod meters;
mod routing;
mod world;
