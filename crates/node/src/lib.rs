//! The application: apps and what can be done with them — connect, subscribe, publish, ask — over
//! sessions, channels and the cluster.
//!
//! A [`Node`] is a value. It takes input and `now`, and what must happen outside of it comes out as
//! an [`Effect`]. The same node runs behind sockets and in tests.
//!
//! This crate must not know: sockets, HTTP, tokio, clocks, configuration files.

mod admission;
mod app;
mod apps;
mod connection;
mod crowds;
mod effect;
mod elsewhere;
mod herald;
mod host;
mod metrics;
mod node;
mod online;
mod operate;
mod place;
mod publish;
mod query;
mod quota;
mod rates;
mod remote;
mod transport;
mod usage;
mod user;
mod webhooks;

pub use admission::{Admission, Encryption, Handshake, Refusal};
pub use app::{App, AppSpec, AppStatus, EncryptionRule, SubscriptionCount};
pub use apps::{Apps, DuplicateApp};
pub use connection::{Action, Connection};
pub use effect::{Clustering, Effect, Emit};
pub use elsewhere::Elsewhere;
pub use foghorn_channels::Eased;
pub use foghorn_channels::Occupancy;
pub use foghorn_webhooks::{Departures, Pace};
pub use metrics::{AppMeters, Metrics};
pub use node::{Node, NodeConfig, ProtocolRule};
pub use place::Place;
pub use publish::{Accepted, OverCapacity, Publish};
pub use query::CachedEvent;
pub use quota::{NearQuota, UsedToday};
pub use transport::Transport;
pub use usage::{Day, OverQuota, Quantity, Quota, QuotaStatus, Reset, Usage};
pub use webhooks::{DueWebhooks, Told};
