//! Carries webhooks to their targets: stored first, in order, until they are taken or given up.
//!
//! It owns the store, the lanes and the requests. It must not know what an event is, which webhook
//! wants it or when a channel is vacated: deliveries come finished from the `webhooks` crate.
//!
//! A delivery is submitted, gets a number and is written by the writer's thread, together with
//! whatever else came in meanwhile. Once that is safe it enters its lane; the rounds start an
//! attempt when its turn comes, and what follows from the attempt is written by the same thread. So
//! after a crash some may be sent twice, but none is lost, and lanes keep their order.

mod clock;
mod courier;
mod entrance;
mod lanes;
mod ledger;
mod metrics;
mod post;
mod rounds;
#[cfg(test)]
mod scratch;
mod settings;
mod store;
mod writer;

pub use courier::{Courier, Letters, OpenError, Recovered};
pub use ledger::Backlog;
pub use post::AuthoritiesError;
pub use settings::{Addresses, Bounds, RequestSettings, Retry, Settings, StoreKind};
pub use store::{DeadLetter, Id, StoreError, Usage, is_in};
