//! The hub against a model that does one thing after the other: any sequence of joins, leaves and
//! sends, drained in slices of any size, gives every subscriber exactly what the model says. What
//! deserves a name of its own stands beside it.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod caching;
mod counting;
mod delivered;
mod forgetting;
mod hearing;
mod presence;
mod property;
mod queue;
mod reference;
mod world;
