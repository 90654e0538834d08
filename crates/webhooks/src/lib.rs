//! Which event goes to which webhook, when, and signed how (webhooks.md).
//!
//! It knows what the node tells it of channels, members and client events, and makes deliveries of
//! that: finished bodies with their signatures. It must not know who is subscribed, how anything is
//! sent, stored or retried over a network, or what time it is.

mod body;
mod delivery;
mod desk;
mod event;
mod plan;
mod schedule;
mod spec;
mod webhook;
mod webhooks;

pub use delivery::{Class, Delivery, Lane, Mark, Subject, Target, UnixMillis};
pub use desk::{CLIENT_EVENTS_WAITING, Departures, Desk, Due, Pace, Turn, Wake};
pub use event::{Event, Kind};
pub use plan::plan;
pub use schedule::Schedule;
pub use spec::{FilterSpec, Invalid, Spec};
pub use webhook::Webhook;
pub use webhooks::{Batching, DELAY, Webhooks};
