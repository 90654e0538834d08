//! One client's side of the protocol, as a state machine: handshake, liveness, what it is
//! subscribed to, what it may send.
//!
//! A [`Session`] takes what the client said and what time it is, checks everything that can be
//! checked with the app's [`Policy`] alone, and asks its [`Host`] for the rest. It is tested
//! without sockets.
//!
//! This crate must not know: the registry of channels, other sessions, transports, clocks.

mod authorization;
mod client_event;
mod host;
mod liveness;
mod policy;
mod refusal;
mod session;
mod sign_in;
mod subscribe;
mod user_channel;

pub use host::{Busy, ClientPublish, Host, Listening, SubscribeRefused};
pub use policy::{AuthorizationRule, ClientEvents, Policy, SubscriptionErrors, Timing, Watchlists};
pub use session::{Session, farewell};
