//! Carries webhooks to their targets: stored first, in order, until they are taken or given up.
//!
//! It owns the store, the lanes and the requests. It must not know what an event is, which webhook
//! wants it or when a channel is vacated: deliveries come finished from the `webhooks` crate.

mod clock;
mod lanes;
mod settings;
mod store;

pub use settings::{Addresses, Bounds, RequestSettings, Retry, Settings, StoreKind};
pub use store::{DeadLetter, Id, StoreError, Usage};
