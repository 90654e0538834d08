//! Nodes without sockets: one alone, and several that share a bus in this process.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod admission;
mod cache;
mod client;
mod client_events;
mod cluster;
mod connection;
mod convergence;
mod counts;
mod elsewhere;
mod fan_out;
mod joining;
mod operate;
mod presence;
mod quota;
mod repair;
mod site;
mod threads;
mod usage;
mod users;
mod visitors;
mod watchlist;
mod webhook_turns;
mod webhooks;
mod world;
