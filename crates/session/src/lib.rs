//! One client's side of the protocol, as a state machine: handshake, liveness, what it is
//! subscribed to, what it may send.
//!
//! A [`Session`] takes what the client said and what time it is, checks everything that can be
//! checked with the app's [`Policy`] alone, and asks its [`Host`] for the rest. It is tested
//! without sockets.
//!
//! This crate must not know: the registry of channels, other sessions, transports, clocks.

mod bucket;
mod client_event;
mod host;
mod liveness;
mod policy;
mod refusal;
mod session;
mod subscribe;

pub use host::{Busy, Host, SubscribeRefused};
pub use policy::{ClientEvents, Policy, SubscriptionErrors, Timing};
pub use session::{Session, farewell};
