//! The HTTP API without HTTP: heads and bodies in, answers out, word for word.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod authentication;
mod batch;
mod cache;
mod channels;
mod compat;
mod events;
mod info;
mod legacy;
mod malformed;
mod meters;
mod query_parameters;
mod quota;
mod rates;
mod routing;
mod terminate;
mod users;
mod world;
