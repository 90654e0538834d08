//! Fixed work for a node in memory: what `cargo xtask counts` counts the instructions of.
//!
//! A scenario does the same thing over and over, without sockets, threads, clocks or randomness, so
//! that two runs of one build take the same instructions. Whatever is not the server's work, such
//! as signing, is done before the first unit and costs the same however many follow. Each scenario
//! checks that what it measures has happened.
//!
//! This crate must not know: sockets, clocks, how instructions are counted.
#![expect(
    clippy::unwrap_used,
    reason = "a scenario that does not go as written has nothing to be counted"
)]

mod client_event;
mod publish;
mod subscribe;
mod world;

pub use client_event::client_event;
pub use publish::{Publisher, publish};
pub use subscribe::subscribe;

/// Fixed work, done as many times as the argument says.
pub type Scenario = fn(u64);

/// All scenarios by name.
pub const SCENARIOS: [(&str, Scenario); 3] = [
    ("publish", publish),
    ("subscribe", subscribe),
    ("client-event", client_event),
];
