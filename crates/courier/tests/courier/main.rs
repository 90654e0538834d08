//! The courier against real receivers on the loopback interface, whose answers the tests give.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod addresses;
mod bounds;
mod carrying;
mod dead;
mod order;
mod receiver;
mod restart;
mod world;
